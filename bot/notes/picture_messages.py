"""Offers to add text recognized in a note's pictures to the note. Pure."""

import re
from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import code_block, code_blocks, size
from knowledge.values.guilds import Language
from knowledge.values.submissions import FORM_CHARACTERS

READ: Final = Sentence(
    "Not submitted yet: I read this in the pictures. Questions only find a note by its text. *Add "
    "to the text* puts it there, so that you can correct it."
)
UNREAD: Final = Sentence(
    "I couldn't read the text in every picture. Type it into the note if questions should find it."
)
ADD_LABEL: Final = Sentence("Add to the text")
_TEXT_CHARACTERS: Final = 1_500
_BLANKS: Final = re.compile(r"\s+")
_BETWEEN: Final = "\n\n"
# Less text isn't worth a question.
_LEAST_CHARACTERS: Final = 20


def offer(text: str, read: str, language: Language, *, is_whole: bool = True) -> str:
    """Return a message that offers to add text to a note, or an empty string without an offer.

    Lines that the note already has are left out. There is no offer if the remaining text is too
    short, or if the form has no room for it.

    Args:
        text: the note's own text.
        read: the text read in the note's pictures.
        language: the writer's language.
        is_whole: whether the text in every picture could be read.
    """
    have = _folded(text)
    new = [line for line in read.splitlines() if _folded(line) not in have]
    room = min(_TEXT_CHARACTERS, FORM_CHARACTERS - size(text) - len(_BETWEEN))
    if size("\n".join(new)) < _LEAST_CHARACTERS or room < _LEAST_CHARACTERS:
        return ""
    unread = "" if is_whole else f"\n{UNREAD(language)}"
    return f"{READ(language)}\n{code_block(_whole_lines(new, room), room)}{unread}"


def _folded(text: str) -> str:
    return _BLANKS.sub(" ", text.strip().casefold())


def added(text: str, offered: str) -> str:
    """The text of a note, followed by the text that `offer` showed."""
    return _BETWEEN.join(filter(None, [text.strip(), *code_blocks(offered)[:1]]))


def _whole_lines(lines: list[str], most: int) -> str:
    """The first lines that fit in `most` characters together, at least one line."""
    kept = lines[:1]
    for line in lines[1:]:
        if size("\n".join([*kept, line])) > most:
            break
        kept.append(line)
    return "\n".join(kept)
