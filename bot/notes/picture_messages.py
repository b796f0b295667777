"""Text in the pictures of a note, offered to its contributor to be put into the note."""

from typing import Final

from bot.text.code_blocks import code_block, code_blocks
from bot.text.languages import Sentence
from bot.text.markdown import size
from knowledge.values.guilds import Language
from knowledge.values.submissions import FORM_CHARACTERS

READ: Final = Sentence(
    "Before I hand it in: this is what I read in its pictures. Nobody finds the note by it unless "
    "it is in the text; *Add to the text* opens the form with it, to be corrected."
)
UNREAD: Final = Sentence(
    "I could not read the text in every picture. If the note should be found by it, type it into "
    "the note's text."
)
ADD_LABEL: Final = Sentence("Add to the text")
_TEXT_CHARACTERS: Final = 1_500
_BETWEEN: Final = "\n\n"
# Less is not worth to be asked about.
_LEAST_CHARACTERS: Final = 20


def offer(text: str, read: str, language: Language, *, is_whole: bool = True) -> str:
    """A message that shows what was read; nothing where there is little of it, or no room.

    What a form can't hold could not be seen in it. Lines that are in the text are not offered.
    `is_whole` says that each picture could be read.
    """
    have = " ".join(text.casefold().split())
    new = [line for line in read.split("\n") if " ".join(line.casefold().split()) not in have]
    room = min(_TEXT_CHARACTERS, FORM_CHARACTERS - size(text) - len(_BETWEEN))
    if size("\n".join(new)) < _LEAST_CHARACTERS or room < _LEAST_CHARACTERS:
        return ""
    unread = "" if is_whole else f"\n{UNREAD(language)}"
    return f"{READ(language)}\n{code_block(_whole_lines(new, room), room)}{unread}"


def added(text: str, offered: str) -> str:
    """The text of a note with what a message that `offer` wrote shows below it."""
    return _BETWEEN.join(filter(None, [text.strip(), *code_blocks(offered)[:1]]))


def _whole_lines(lines: list[str], most: int) -> str:
    """As many lines as fit; of the first as much as fits."""
    kept = lines[:1]
    for line in lines[1:]:
        if size("\n".join([*kept, line])) > most:
            break
        kept.append(line)
    return "\n".join(kept)
