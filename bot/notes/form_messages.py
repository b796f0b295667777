"""Labels and help of a note's form, and what can be wrong with what was filled in. Pure.

Labels have at most 45 characters, what stands below them 100.
"""

from collections.abc import Sequence
from typing import Final

from bot.text.languages import Plural, Sentence
from bot.text.markdown import legible, shortened, size
from knowledge.chat.transcript import Transcript
from knowledge.values.guilds import Language
from knowledge.values.submissions import FORM_CHARACTERS

NEW_TITLE: Final = Sentence("Propose a note")
REVISION_TITLE: Final = Sentence("Revise your note")
EXTENSION_TITLE: Final = Sentence("Extend a note")
# So that nobody sends a note without knowing; 45 characters.
FOR_PAGE_TITLES: Final = {
    NEW_TITLE: Sentence("Propose a note for the public page"),
    REVISION_TITLE: Sentence("Revise your note for the public page"),
    EXTENSION_TITLE: Sentence("Extend a note for the public page"),
}
FOR_PAGE_HELP: Final = Sentence("Once approved, anybody on the web can read it. Markdown works.")
FOR_PAGE_OR_FILE_HELP: Final = Sentence(
    "Needed, unless a file has it. Once approved, anybody on the web can read it. Markdown works."
)
TITLE_HELP: Final = Sentence("What it is about, in one line.")
TITLE_OF_FILE_HELP: Final = Sentence(
    "Needed, unless a file has one: what it is about, in one line."
)
TEXT_HELP: Final = Sentence("What people should be able to find. Markdown works.")
TEXT_OR_FILE_HELP: Final = Sentence(
    "Needed, unless a file has it: what people should be able to find. Markdown works."
)
OR_FILE: Final = Sentence("Pictures, or a file with the text")
FILE_HELP: Final = Sentence(
    "Up to 4 of 2 MB (.png .jpg .gif .webp); or one .md .txt .pdf .docx .html of 10 MB."
)
TEXT_AS_FILE_OR_PICTURES: Final = Sentence("Text as a file, pictures")
KEPT_HELP: Final = Sentence(
    "Empty: the text stays as it is, {number:,} characters. Pictures: up to 4 of 2 MB."
)
PICTURES: Final = Sentence("Pictures")
PICTURES_HELP: Final = Sentence("Optional: up to 4 of 2 MB (.png .jpg .gif .webp).")
PICTURES_STAY_HELP: Final = Sentence(
    "Empty: those that are there stay. Else up to 4 of 2 MB (.png .jpg .gif .webp)."
)
_TAGS_HELP: Final = Sentence("Optional: up to five, separated by blanks.")
_TAGS_IN_USE: Final = Sentence("Up to five. In use: {tags}")
_HELP_CHARACTERS: Final = 100


def tags_help(known: Sequence[str], typed: str, language: Language = Language.ENGLISH) -> str:
    """What stands below the field for tags: as many of those in use as there is room for."""
    own = set(typed.split())
    others = [tag for tag in known if tag not in own]
    said = ""
    for number in range(1, len(others) + 1):
        more = _TAGS_IN_USE(language, tags=" ".join(others[:number]))
        if size(more) > _HELP_CHARACTERS:
            break
        said = more
    return said or _TAGS_HELP(language)


LINK: Final = Sentence("Source link")
LINK_HELP: Final = Sentence("Optional: where this can be checked.")


TEXT_AND_FILE: Final = Sentence(
    "There is a text and a file, and I can't tell which is the note: leave one of them out."
)
TWO_FILES: Final = Sentence(
    "There are several files with text, and a note has one: leave the others out."
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


_EXCHANGE: Final = Sentence(
    "Here is the whole exchange as a note: {messages} by {people}. Press *Continue editing* to "
    "look it over and submit it."
)
_LONG: Final = Sentence(
    "Its text is longer than a form holds: it stays as it is in the file, unless you upload "
    "another."
)
_SHORTENED: Final = Sentence("The last {messages} had no room in a note, and are not in it.")
_MESSAGES: Final = Plural("{number:,} message", "{number:,} messages")
_PEOPLE: Final = Plural("{number:,} member", "{number:,} members")
ONE_MESSAGE: Final = Sentence(
    "Here is the message that you chose: press *Continue editing* to look it over and submit it."
)
PICTURES_TAKEN: Final = Plural("{number:,} picture comes along.", "{number:,} pictures come along.")
NO_CONTENT: Final = Sentence(
    "I can't read the other messages here, because *Message Content* is off for me."
)
NOT_READABLE: Final = Sentence("I can't read the other messages here, or you can't.")
NO_ANSWER: Final = Sentence("The other messages answer nothing that I could take along yet.")
NOT_QUOTED: Final = Sentence(
    "Whoever wrote this chose in `/privacy` not to be quoted, so I don't make a note of it."
)


def exchange(found: Transcript, language: Language) -> str:
    """With the draft of a note that was made of a thread: what is in it, and what is not."""
    people = {message.member for message in found.messages}
    lines = [
        _EXCHANGE(
            language,
            messages=_MESSAGES(len(found.messages), language),
            people=_PEOPLE(len(people), language),
        )
    ]
    if size(found.text) > FORM_CHARACTERS:
        lines.append(_LONG(language))
    if found.left_out:
        lines.append(_SHORTENED(language, messages=_MESSAGES(found.left_out, language)))
    return "\n".join(lines)


RESTARTED: Final = Sentence(
    "I was restarted before I could take this: nothing was submitted yet. What you wrote is in the "
    "file; *Continue editing* opens the form again."
)
