"""Notices to contributors about their notes, in the server's language. Pure.

A notice is sent by direct message, or to the channel of the proposal, so its first message contains
nothing private.
"""

from collections.abc import Mapping
from typing import Final

from bot.review.cards import Card
from bot.review.revision_diff import revision_difference
from bot.review.service import DECIDED_LATER
from bot.text.languages import Sentence
from bot.text.markdown import MESSAGE_CHARACTERS, plain, quoted_parts, shortened, shown
from knowledge.values.guilds import Language
from knowledge.values.notes import Note, NoticeEvent

# A text of this many messages is returned as a file.
NOTICE_MESSAGES: Final = 3

REVISABLE: Final = frozenset(
    {NoticeEvent.CHANGES_REQUESTED, NoticeEvent.REJECTED, NoticeEvent.DUPLICATE}
)

_SENTENCES: Final[Mapping[NoticeEvent, Sentence]] = {
    NoticeEvent.FROM_REPLY: Sentence(
        "Your answer to “{title}” can help others, too, so I've proposed it to the moderators as a "
        "note under your name. If you don't want that, withdraw it."
    ),
    NoticeEvent.APPROVED: Sentence(
        "Your note “{title}” was approved: I can answer from it now. Thank you!"
    ),
    NoticeEvent.EDITED: Sentence(
        "A moderator approved your note “{title}” with changes: I can answer from it now. Thank "
        "you!"
    ),
    NoticeEvent.CHANGES_REQUESTED: Sentence(
        "The moderators would like you to revise your note “{title}”.{reason}"
    ),
    NoticeEvent.REJECTED: Sentence("Your note “{title}” wasn't accepted.{reason}"),
    NoticeEvent.DUPLICATE: Sentence(
        "Your note “{title}” repeats something I already know{original}.{reason}"
    ),
    NoticeEvent.UNDONE: Sentence(
        "The decision on your note “{title}” was undone: it's with the moderators again.{reason}"
    ),
    NoticeEvent.RETIRED: Sentence(
        "Your note “{title}” was retired: I no longer answer from it.{reason}"
    ),
    NoticeEvent.RESTORED: Sentence("Your note “{title}” is live again.{reason}"),
    NoticeEvent.ROLLED_BACK: Sentence("Your note “{title}” is live again, with an earlier text."),
    NoticeEvent.REPORT_RETIRED: Sentence(
        "The moderators looked at the note that you reported, “{title}”, and retired it: I no "
        "longer answer from it. Thank you!{reason}"
    ),
    NoticeEvent.REPORT_REVISED: Sentence(
        "A note that you reported has been revised: “{title}” has a new text now. Thank you!"
    ),
    NoticeEvent.REPORT_KEPT: Sentence(
        "The moderators looked at the note that you reported, “{title}”, and left it as it is. "
        "Thank you for telling them."
    ),
    NoticeEvent.REPORT_WITHDRAWN: Sentence(
        "The note that you reported, “{title}”, was withdrawn by its contributor: I no longer "
        "answer from it. Thank you!"
    ),
    NoticeEvent.EXTENDED: Sentence(
        "{name} has proposed an addition to your note “{title}”. The moderators will decide. "
        "`/note show` shows you the text; if you don't want it, use `/note withdraw`."
    ),
    NoticeEvent.EXTENSION_APPROVED: Sentence(
        "The addition by {name} to “{title}” was approved. I can answer from it now, under both "
        "your names. Thank you!"
    ),
    NoticeEvent.EXTENSION_REFUSED: Sentence(
        "The addition by {name} to “{title}” wasn't accepted. The note stays as it was.{reason}"
    ),
    NoticeEvent.EXTENSION_WITHDRAWN: Sentence(
        "The contributor of “{title}” withdrew your proposal, or replaced it with a text of their"
        " own."
    ),
}
_OTHER: Final = Sentence("Something changed with your note “{title}”.")
_REASON: Final = Sentence("\nReason: {reason}")
_CHANGED: Final = Sentence("The changes:\n")
_WRITTEN: Final = Sentence("Your text:\n")


def notice_parts(
    note: Note,
    event: NoticeEvent,
    before: Note | None = None,
    language: Language = Language.ENGLISH,
    *,
    reason: str = "",
    title: str = "",
) -> list[str]:
    """A notice, split into messages.

    The first message may be shown publicly. The other messages are for the contributor alone: they
    give back a text that was not accepted, or show a moderator's changes.

    Args:
        note: the note with the decided revision.
        event: the event.
        before: the contributor's own revision, if a moderator edited it.
        language: the server's language.
        reason: the reason of a decision made after the review (`DECIDED_LATER`).
        title: the title of the note before an extension, or empty for the revision's title.
    """
    first = _first(note, event, reason, title or note.revision.submission.shown.title, language)
    if event is NoticeEvent.EDITED and before is not None:
        head = _CHANGED(language)
        part, *rest = quoted_parts(
            revision_difference(before, note), MESSAGE_CHARACTERS - len(head)
        )
        return [first, head + part, *rest]
    if event in REVISABLE:
        back = _WRITTEN(language)
        text = shown(note.revision.submission.shown.text)
        part, *rest = quoted_parts(text, MESSAGE_CHARACTERS - len(back) - len("\n> …"))
        if returned_text(note, event):
            return [first, f"{back}{part}\n> …"]
        return [first, back + part, *rest]
    return [first]


def _first(note: Note, event: NoticeEvent, reason: str, title: str, language: Language) -> str:
    review = note.review
    decided = event not in DECIDED_LATER
    reason = plain(review.reason if decided and review else reason)
    original = plain(review.duplicate_of) if review else ""
    return _SENTENCES.get(event, _OTHER)(
        language,
        title=plain(title),
        reason=_REASON(language, reason=reason) if reason else "",
        original=f" ({original})" if original else "",
        name=plain(shortened(note.revision.writer, 40)),
    )


def returned_text(note: Note, event: NoticeEvent) -> Card | None:
    """The contributor's text as a file, if it is too long for the notice."""
    text = note.revision.submission.shown.text
    if event not in REVISABLE or len(quoted_parts(shown(text))) < NOTICE_MESSAGES:
        return None
    return Card("", f"note-{note.id}.md", text)
