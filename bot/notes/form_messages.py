"""Labels and help of a note's form, and problems with its input. Pure.

Discord allows 45 characters for a label and 100 for the help below it.
"""

from collections.abc import Sequence
from typing import Final

from bot.text.languages import Plural, Sentence, Speaker
from bot.text.markdown import legible, shorten, size
from knowledge.chat.transcript import Transcript
from knowledge.values.guilds import Language
from knowledge.values.submissions import FORM_CHARACTERS

NEW_TITLE: Final = Sentence("Propose a note")
REVISION_TITLE: Final = Sentence("Revise your note")
EXTENSION_TITLE: Final = Sentence("Extend a note")
# The titles name the public page, so that nobody publishes there unknowingly.
FOR_PAGE_TITLES: Final = {
    NEW_TITLE: Sentence("Propose a note for the public page"),
    REVISION_TITLE: Sentence("Revise your note for the public page"),
    EXTENSION_TITLE: Sentence("Extend a note for the public page"),
}
FOR_PAGE_HELP: Final = Sentence("Once approved, anyone on the web can read it. Markdown works.")
FOR_PAGE_OR_FILE_HELP: Final = Sentence(
    "Here or in a file. Once approved, anyone on the web can read it. Markdown works."
)
TITLE_HELP: Final = Sentence("What is it about? A few words, or the question it answers.")
WORDED_TITLE_HELP: Final = Sentence("The title. Below it, up to five other ways to ask.")
TITLE_OF_FILE_HELP: Final = Sentence(
    "What is it about? Leave this empty if you upload a file with a title."
)
TEXT_HELP: Final = Sentence("What others should know, in your words. Markdown works.")
TEXT_OR_FILE_HELP: Final = Sentence(
    "What others should know, in your words, here or in a file. Markdown works."
)
OR_FILE: Final = Sentence("Pictures, or a file with the text")
FILE_HELP: Final = Sentence(
    "Up to 4 pictures, 2 MB each (.png .jpg .gif .webp), or one .md .txt .pdf .docx .html, 10 MB "
    "at most."
)
TEXT_AS_FILE_OR_PICTURES: Final = Sentence("Text as a file, pictures")
KEPT_HELP: Final = Sentence(
    "Leave empty to keep the text ({number:,} characters). Up to 4 pictures, 2 MB each."
)
PICTURES: Final = Sentence("Pictures")
PICTURES_HELP: Final = Sentence("Optional. Up to 4 pictures, 2 MB each (.png .jpg .gif .webp).")
PICTURES_STAY_HELP: Final = Sentence(
    "Leave this empty to keep the pictures. A file replaces the text above."
)
DETAILS_TITLE: Final = Sentence("Details of your note")
WORDINGS_HELP: Final = Sentence("Optional: up to five, one a line. They find the note, too.")
_TAGS_IN_USE: Final = Sentence("Up to five. In use: {tags}")
_HELP_CHARACTERS: Final = 100


def tags_help(known: Sequence[str], typed: str, language: Language = Language.ENGLISH) -> str:
    """The help below the field for tags, with as many tags in use as fit."""
    speak = Speaker(language)
    own = set(typed.split())
    others = [tag for tag in known if tag not in own]
    said = ""
    for number in range(1, len(others) + 1):
        more = _TAGS_IN_USE(language, tags=" ".join(others[:number]))
        if size(more) > _HELP_CHARACTERS:
            break
        said = more
    return said or speak("Optional: up to five, separated by spaces.")


LINK: Final = Sentence("Source link")
LINK_HELP: Final = Sentence("Optional: an address where others can check this.")


TEXT_AND_FILE: Final = Sentence(
    "You sent both a text and a file; a note takes only one. Leave one out."
)
TWO_FILES: Final = Sentence(
    "You sent several text files; a note takes only one. Leave out the rest."
)
NEITHER: Final = Sentence("The note has no text yet. Write it, or upload it as a file.")
FILE_LOST: Final = Sentence(
    "I restarted and lost the file that you attached to the command. Attach it again, or continue "
    "without it: I've kept everything you typed."
)
TEXT_LOST: Final = Sentence(
    "I restarted while the form was open, and lost its text. Open the form again."
)
_FROM_CHANNEL: Final = Sentence("Not everyone can read #{name}: may this be public?")


def from_channel(name: str, language: Language = Language.ENGLISH) -> str:
    """Warn that not everyone can read the message's channel, in at most 100 characters."""
    room = 100 - size(_FROM_CHANNEL(language, name=""))
    return _FROM_CHANNEL(language, name=shorten(legible(name), room))


_LONG: Final = Sentence(
    "The text is too long for a form. The file's text is used unless you upload another."
)
_MESSAGES: Final = Plural("{number:,} message", "{number:,} messages")
ONE_MESSAGE: Final = Sentence(
    "Here is the message that you chose. Press *Continue editing* to check and submit it."
)
PICTURES_TAKEN: Final = Plural(
    "{number:,} picture is included.", "{number:,} pictures are included."
)
NO_CONTENT: Final = Sentence(
    "I can't read the other messages here: *Message Content* is switched off for me."
)
NOT_READABLE: Final = Sentence("You or I can't read the other messages here.")
NO_ANSWER: Final = Sentence("The other messages don't contain an answer yet, so I left them out.")
NOT_QUOTED: Final = Sentence(
    "The author of this message chose in `/privacy` not to be quoted, so I can't make a note of it."
)


def exchange(found: Transcript, language: Language) -> str:
    """Introduce a draft made from a thread, with the numbers of messages used and left out."""
    speak = Speaker(language)
    people = {message.member for message in found.messages}
    lines = [
        speak(
            "Here is the whole exchange as a note: {messages} by {people}. Press *Continue "
            "editing* to check and submit it.",
            messages=_MESSAGES(len(found.messages), language),
            people=speak.plural(len(people), "{number:,} member", "{number:,} members"),
        )
    ]
    if size(found.text) > FORM_CHARACTERS:
        lines.append(_LONG(language))
    if found.left_out:
        lines.append(
            speak("The last {messages} didn't fit.", messages=_MESSAGES(found.left_out, language))
        )
    return "\n".join(lines)


RESTARTED: Final = Sentence(
    "I restarted before I could take your note, so it isn't submitted yet. Your text is in the "
    "file; *Continue editing* opens the form again."
)
