"""Difference between two revisions of a note, word by word. Pure."""

from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import plain
from knowledge.review.text_diff import Change, compact, differences
from knowledge.values.guilds import Language
from knowledge.values.notes import Note

TITLE: Final = Sentence("Title")
TAGS: Final = Sentence("Tags")
SOURCE: Final = Sentence("Source")
ASKED_AS: Final = Sentence("Asked as")
_NOTHING_DIFFERENT: Final = Sentence("No difference.")


def revision_difference(old: Note, new: Note, language: Language = Language.ENGLISH) -> str:
    """The difference between two revisions: removed text struck out, added text bold."""
    before, after = old.revision.submission.shown, new.revision.submission.shown
    lines = [
        f"{name(language)}: {_marked(Change.REMOVED, was)} {_marked(Change.ADDED, became)}".replace(
            "  ", " "
        )
        for name, was, became in (
            (TITLE, before.title, after.title),
            (ASKED_AS, " · ".join(before.wordings), " · ".join(after.wordings)),
            (TAGS, ", ".join(before.tags), ", ".join(after.tags)),
            (SOURCE, before.link, after.link),
        )
        if was != became
    ]
    pieces = compact(differences(before.text, after.text))
    if pieces:
        lines.append("".join(_marked(piece.change, piece.text) for piece in pieces))
    return "\n".join(lines) or _NOTHING_DIFFERENT(language)


# Markdown around changed words within a text.
_MARKS: Final = {Change.KEPT: "", Change.REMOVED: "~~", Change.ADDED: "**"}


def _marked(change: Change, text: str) -> str:
    """A text with escaped Markdown, and with the marks of a change around each line.

    Blanks stay outside of the marks, because Discord ignores marks next to blanks.
    """
    mark = _MARKS[change]
    lines = []
    for line in text.split("\n"):
        inner = line.strip()
        start = len(line) - len(line.lstrip())
        marked = f"{mark}{plain(inner)}{mark}" if inner else ""
        lines.append(f"{line[:start]}{marked}{line[start + len(inner) :]}")
    return "\n".join(lines)
