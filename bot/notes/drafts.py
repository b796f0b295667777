"""Drafts: the fields of a note's form, and their input until it's submitted. Pure.

A draft is kept on a private message to the writer: as a file or, while it has no text, in an embed
and in the ids of the message's buttons. So a restart loses no draft, and the buttons work
afterwards.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from bot.interactions.kit.buttons import NONCE, CustomId
from bot.review.cards import ASKED_AS, TAGS, TITLE
from bot.text.languages import Plural, Sentence, plural, speak
from bot.text.markdown import legible, shorten, size
from knowledge.chat.transcript import Transcript
from knowledge.values.drafts import Draft, OnPage
from knowledge.values.notes import PICTURES, Member, Note, SourceMessage
from knowledge.values.questions import Handover, OpenQuestion
from knowledge.values.settings import AnsweredFrom
from knowledge.values.submissions import (
    FORM_CHARACTERS,
    TITLE_CHARACTERS,
    InvalidNoteError,
)

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
PICTURES_FIELD: Final = Sentence("Pictures")
PICTURES_HELP: Final = Sentence("Optional. Up to 4 pictures, 2 MB each (.png .jpg .gif .webp).")
PICTURES_STAY_HELP: Final = Sentence(
    "Leave this empty to keep the pictures. A file replaces the text above."
)
DETAILS_TITLE: Final = Sentence("Details of your note")
WORDINGS_HELP: Final = Sentence("Optional: up to five, one a line. They find the note, too.")
_TAGS_IN_USE: Final = Sentence("Up to five. In use: {tags}")
_HELP_CHARACTERS: Final = 100


def tags_help(known: Sequence[str], typed: str) -> str:
    """The help below the field for tags, with as many tags in use as fit."""
    own = set(typed.split())
    others = [tag for tag in known if tag not in own]
    said = ""
    for number in range(1, len(others) + 1):
        more = _TAGS_IN_USE(tags=" ".join(others[:number]))
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


def from_channel(name: str) -> str:
    """Warn that not everyone can read the message's channel, in at most 100 characters."""
    room = 100 - size(_FROM_CHANNEL(name=""))
    return _FROM_CHANNEL(name=shorten(legible(name), room))


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


def exchange(found: Transcript) -> str:
    """Introduce a draft made from a thread, with the numbers of messages used and left out."""
    people = {message.member for message in found.messages}
    lines = [
        speak(
            "Here is the whole exchange as a note: {messages} by {people}. Press *Continue "
            "editing* to check and submit it.",
            messages=_MESSAGES(len(found.messages)),
            people=plural(len(people), "{number:,} member", "{number:,} members"),
        )
    ]
    if size(found.text) > FORM_CHARACTERS:
        lines.append(_LONG())
    if found.left_out:
        lines.append(speak("The last {messages} didn't fit.", messages=_MESSAGES(found.left_out)))
    return "\n".join(lines)


RESTARTED: Final = Sentence(
    "I restarted before I could take your note, so it isn't submitted yet. Your text is in the "
    "file; *Continue editing* opens the form again."
)


_Counted = TypeVar("_Counted")

FILE_NAME: Final = "what-you-wrote.md"


class Base(StrEnum):
    """Source of a form's initial text, named in the form's custom_id."""

    NOTE = "note"
    FILE = "file"
    DRAFT = "draft"
    EXTENDED = "extended"
    NO_PICTURES = "no_pictures"


# An id of 0 means none.
FORM_IDS: Final = CustomId(
    "form:note",
    note_id=int,
    guild_id=int,
    channel_id=int,
    message_id=int,
    question_id=int,
    base=Base,
    page=OnPage,
    nonce=NONCE,
)

# The rest of a draft without text is in an embed. `read` is `Draft.pictures_read`.
EMPTY_IDS: Final = CustomId(
    "empty", question_id=int, page=OnPage, read=("read", "unread"), action=("edit", "picture")
)
_FIELDS: Final[Mapping[str, Sentence]] = {
    "title": TITLE,
    "wordings": ASKED_AS,
    "tags": TAGS,
    "link": LINK,
}


def check_picture_count(pictures: list[_Counted]) -> list[_Counted]:
    """Return a note's pictures; InvalidNoteError if there are too many."""
    if len(pictures) > PICTURES:
        raise too_many_pictures(len(pictures))
    return pictures


def too_many_pictures(number: int) -> InvalidNoteError:
    return InvalidNoteError(
        "That's {number} pictures; a note can have {most} at most.", number=number, most=PICTURES
    )


def draft_of_extension(note: Note, draft: Draft) -> Draft:
    earlier = draft_of_revision(note)
    typed = [tag for tag in draft.tags.replace(",", " ").split() if tag not in earlier.tags]
    return replace(
        earlier,
        text=f"{earlier.text}\n\n{draft.text.strip()}",
        tags=" ".join([earlier.tags, *typed]).strip(),
        link=earlier.link or draft.link,
        wordings="\n".join(filter(None, (earlier.wordings, draft.wordings))),
        question_id=draft.question_id,
        page=draft.page,
        origin=draft.origin,
        extends=True,
        adds_pictures=True,
    )


def draft_of_revision(note: Note) -> Draft:
    """The initial draft of a note's next revision."""
    submission = note.revision.submission
    return Draft(
        submission.title,
        submission.text,
        " ".join(submission.tags),
        submission.link,
        "\n".join(submission.wordings),
        note.id,
        note.guild_id,
    )


def title_field(draft: Draft) -> str:
    """The text of the title field: the title, then one wording a line."""
    return "\n".join(filter(None, (draft.title[:TITLE_CHARACTERS], draft.wordings)))


def split_title_field(typed: str) -> tuple[str, str]:
    """Split the title field into the title and the wordings."""
    title, _, wordings = typed.lstrip("\r\n").partition("\n")
    return title, wordings


def form_ids(draft: Draft, *, with_file: bool) -> dict[str, Any]:
    base = Base.NOTE
    if with_file:
        base = Base.FILE
    elif draft.extends:
        base = Base.EXTENDED
    elif draft.origin:
        base = Base.DRAFT
    elif draft.without_pictures:
        base = Base.NO_PICTURES
    source = draft.source or SourceMessage(0, 0)
    return {
        "note_id": draft.note_id or 0,
        "guild_id": draft.guild_id or 0,
        "channel_id": source.channel_id,
        "message_id": source.message_id,
        "question_id": draft.question_id or 0,
        "base": base,
        "page": draft.page,
    }


def draft_of_ids(subject: Mapping[str, Any]) -> Draft:
    """An empty draft for the note, guild, source message and question in a form's custom_id."""
    channel_id, message_id = subject["channel_id"], subject["message_id"]
    return Draft(
        note_id=subject["note_id"] or None,
        guild_id=subject["guild_id"] or None,
        source=SourceMessage(channel_id, message_id) if message_id else None,
        question_id=subject["question_id"] or None,
        page=subject["page"],
    )


def draft_of_answer(asked: OpenQuestion, answered: Handover, origin: int) -> Draft:
    """The draft of a helper's answer. The helper is credited after agreeing to be named."""
    return Draft(
        " ".join(asked.text.split())[:TITLE_CHARACTERS].rstrip(),
        answered.answer,
        tags=single_tag(asked.answered_from),
        question_id=asked.id,
        origin=origin,
        contributor=Member(answered.helper_id, answered.helper) if answered.helper else None,
    )


def single_tag(answered_from: AnsweredFrom) -> str:
    """The tag to suggest for a note that answers a question, or an empty string.

    The settings of the question's channel may restrict answers to documents with some tags. If the
    settings name only one tag, the note gets this tag, so that the note is used in the channel.
    """
    return answered_from.tags[0] if len(answered_from.tags) == 1 else ""


def is_empty(draft: Draft) -> bool:
    """Whether a draft has no text, and isn't based on a note or message that has one."""
    return not (draft.text.strip() or draft.note_id or draft.source)


def empty_ids(draft: Draft) -> dict[str, Any]:
    """The values of `EMPTY_IDS` for a draft, without the action."""
    read = "read" if draft.pictures_read else "unread"
    return {"question_id": draft.question_id or 0, "page": draft.page, "read": read}


def as_fields(draft: Draft) -> dict[str, str]:
    """The fields of a draft without text, by label, for an embed. Empty fields are left out."""
    values = {name: getattr(draft, name).strip() for name in _FIELDS}
    return {_FIELDS[name](): value for name, value in values.items() if value}


def from_fields(subject: Mapping[str, Any], fields: Mapping[str, str]) -> Draft:
    """The draft of an embed's fields, by label in any language, and of values of `EMPTY_IDS`."""
    names = {said: name for name, label in _FIELDS.items() for said in label.in_every_language()}
    typed = {names[label]: value for label, value in fields.items() if label in names}
    return Draft(
        title=typed.get("title", ""),
        tags=typed.get("tags", ""),
        link=typed.get("link", ""),
        wordings=typed.get("wordings", ""),
        question_id=subject["question_id"] or None,
        page=subject["page"],
        pictures_read=subject["read"] == "read",
    )


def as_file(draft: Draft) -> str:
    """A Markdown file with a draft's text; the front matter has the draft's other fields."""
    matter: dict[str, Any] = {"title": draft.title, "tags": draft.tags, "link": draft.link}
    if draft.note_id is not None:
        matter |= {"note": draft.note_id, "guild": draft.guild_id}
    if draft.source is not None:
        matter |= {"channel": draft.source.channel_id, "message": draft.source.message_id}
    if draft.wordings:
        matter["wordings"] = draft.wordings
    flags = {
        "added": draft.adds_pictures,
        "without": draft.without_pictures,
        "read": draft.pictures_read,
    }
    matter |= {name: True for name, is_set in flags.items() if is_set}
    if draft.page is not OnPage.UNTOLD:
        matter["page"] = draft.page.value
    if draft.question_id is not None:
        matter["question"] = draft.question_id
    if draft.contributor is not None:
        matter["contributor"] = [draft.contributor.id, draft.contributor.name]
    # One line of JSON, which is also YAML. The rest of the file is the text, unchanged.
    return f"---\n{json.dumps(matter, ensure_ascii=False)}\n---\n\n{draft.text}"


def from_file(content: bytes) -> Draft | None:
    """Parse a file written by `as_file`. Return None if the file is empty or broken."""
    try:
        return _parse(content.decode())
    except (ValueError, KeyError, TypeError):
        return None


def _parse(text: str) -> Draft:
    _, line, _, _, written = text.split("\n", 4)
    matter: dict[str, Any] = json.loads(line)
    source = None
    if "message" in matter:
        source = SourceMessage(matter["channel"], matter["message"])
    return Draft(
        title=matter["title"],
        text=written,
        tags=matter["tags"],
        link=matter["link"],
        wordings=matter.get("wordings", ""),
        note_id=matter.get("note"),
        guild_id=matter.get("guild"),
        source=source,
        question_id=matter.get("question"),
        contributor=Member(*matter["contributor"]) if "contributor" in matter else None,
        adds_pictures=matter.get("added", False),
        without_pictures=matter.get("without", False),
        pictures_read=matter.get("read", False),
        page=OnPage(matter.get("page", OnPage.UNTOLD)),
    )
