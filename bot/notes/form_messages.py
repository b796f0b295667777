"""Labels and help of a note's form, and what can be wrong with what was filled in. Pure.

Labels have at most 45 characters, what stands below them 100.
"""

from typing import Final

from bot.text.languages import Sentence
from bot.text.markdown import (
    legible,
    shortened,
    size,
)
from knowledge.model.guilds import Language

NEW_TITLE: Final = Sentence("Propose a note")
REVISION_TITLE: Final = Sentence("Revise your note")
TITLE_HELP: Final = Sentence("What it is about, in one line.")
TITLE_OF_FILE_HELP: Final = Sentence(
    "What it is about, in one line. With a file: empty for the file's own."
)
TEXT_HELP: Final = Sentence("What people should be able to find. Markdown works.")
OR_FILE: Final = Sentence("Or a file with the text")
FILE_HELP: Final = Sentence(
    ".md .txt .pdf .docx .html; 10 MB, 2,000 pages, 30,000 characters at most"
)
KEPT_HELP: Final = Sentence("Empty: the text stays as it is, {number:,} characters.")
KNOWN_TAGS_HELP: Final = Sentence("Up to five.")
KNOWN_TAGS_ONLY_HELP: Final = Sentence("Up to five. `/note add tag:` takes new ones.")
OTHER_TAGS: Final = Sentence("Other tags")
TAGS_HELP: Final = Sentence("Up to five, separated by blanks or commas.")
LINK: Final = Sentence("Source link")
LINK_HELP: Final = Sentence("Where this can be checked.")


TEXT_AND_FILE: Final = Sentence(
    "There is a text and a file, and I can't tell which is the note: leave one of them out."
)
NEITHER: Final = Sentence(
    "There is neither a text nor a file: write the text, or upload it as a file."
)
FILE_LOST: Final = Sentence(
    "I was restarted while the form was open, and no longer have the file that you gave with the "
    "command: give it again, or continue without it. What you typed is kept."
)
TEXT_LOST: Final = Sentence(
    "I was restarted while the form was open, and can't find the text that it was about: open it "
    "again."
)
_FROM_CHANNEL: Final = Sentence("#{name} is not for everybody: may this be public?")


def from_channel(name: str, language: Language = Language.ENGLISH) -> str:
    """On the form for a message from a channel that not everybody may read; 100 characters."""
    room = 100 - size(_FROM_CHANNEL(language, name=""))
    return _FROM_CHANNEL(language, name=shortened(legible(name), room))


RESTARTED: Final = Sentence(
    "I was restarted before I could take this: nothing was submitted yet. What you wrote is in the "
    "file; *Continue editing* opens the form again."
)
