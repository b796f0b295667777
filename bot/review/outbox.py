"""Cards and notices of the outbox, read and marked as delivered in the worker's thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.core.core import Core
from bot.review import service as review_service
from knowledge.store.notes.review_cards import card_number
from knowledge.values.guilds import GuildFilter, GuildSettings
from knowledge.values.notes import Decision, Note, Notice, NoticeEvent

# Events for askers; `bot.gaps` notifies them.
_TO_ASKERS: Final = frozenset({NoticeEvent.ANSWERED, NoticeEvent.HELPED})

# Notices of extensions use the note's earlier title: both contributor and writer know it.
_OF_EXTENSIONS: Final = frozenset(
    {
        NoticeEvent.EXTENDED,
        NoticeEvent.EXTENSION_APPROVED,
        NoticeEvent.EXTENSION_REFUSED,
        NoticeEvent.EXTENSION_WITHDRAWN,
    }
)

# Decisions made after the review. The review of the revision doesn't have their reasons.
DECIDED_LATER: Final[Mapping[NoticeEvent, Decision]] = {
    NoticeEvent.UNDONE: Decision.UNDO,
    NoticeEvent.RETIRED: Decision.RETIRE,
    NoticeEvent.REPORT_RETIRED: Decision.RETIRE,
    NoticeEvent.RESTORED: Decision.RESTORE,
}

# Channel and message id.
Place = tuple[int, int]

# Cards.


def due_cards(core: Core, mine: GuildFilter) -> list[tuple[Note, int]]:
    """The notes with outdated cards, each with the number of its last change."""
    return core.store.review_cards.due(mine)


def posting_number(core: Core, note: Note, number: int) -> int:
    """The change number to use in the nonce of a card's message.

    A first attempt to post the card uses `number`, the number of the note's last change. Retries
    use the number of the first attempt, so that Discord doesn't post the card twice.
    """
    return core.store.review_cards.begin_posting(note.revision.id, number)


def record_card(core: Core, note: Note, place: Place) -> None:
    core.store.review_cards.record_message(note.revision.id, *place)


def mark_card_current(core: Core, note: Note, number: int) -> None:
    """Mark a card as up to date with the change `number` of the note."""
    core.store.review_cards.mark_shown(note.revision.id, number)


def mark_cards_deleted(core: Core, message_ids: Sequence[int]) -> None:
    """Mark cards as deleted, so that the cards of pending revisions are posted again."""
    core.store.review_cards.forget_messages(message_ids)


def mark_channel_deleted(core: Core, channel_id: int) -> None:
    core.store.review_cards.forget_channel(channel_id)


def revision_of_card(core: Core, guild_id: int, message_id: int) -> int | None:
    return core.store.review_cards.revision_of(guild_id, message_id)


def mark_card_replaced(core: Core, place: Place) -> int:
    """Mark a card as deleted, and return the change number for posting the card again."""
    mark_cards_deleted(core, [place[1]])
    return card_number(place[1])


def cards_outside_channel(core: Core, guild_id: int) -> list[Place]:
    """Return the places of pending cards in other channels, and mark these cards as deleted."""
    return core.store.review_cards.forget_misplaced(guild_id)


def waiting_cards(core: Core, guild_id: int, at: datetime, most: int) -> list[Place]:
    """The posted cards of the `most` longest waiting notes, the longest waiting first."""
    waiting = core.store.notes.queue(guild_id, at)[:most]
    return [note.card for note in waiting if note.card is not None]


def mark_card_outdated(core: Core, note: Note) -> None:
    core.store.review_cards.mark_outdated(note.revision.id)


# Notices.


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice to a contributor or reporter, with its content.

    Attributes:
        notice: the notice.
        note: the note with the decided revision.
        before: the contributor's own revision, or None if no moderator edited it.
        reason: the reason of a decision made after the review (`DECIDED_LATER`), or empty. The
            review's own reason is in `note`.
        title: the title of the note before an extension, or empty for the revision's title.
        settings: the settings of the note's guild.
    """

    notice: Notice
    note: Note
    before: Note | None
    reason: str
    title: str
    settings: GuildSettings


def unsent_notices(core: Core, mine: GuildFilter) -> list[Notice]:
    """Undelivered notices about notes."""
    found = core.store.notices.unsent(mine)
    return [one for one in found if one.event not in _TO_ASKERS and one.revision_id is not None]


def notice_delivery(core: Core, notice: Notice) -> Delivery | None:
    """Return the content of a notice, or None if the note is gone.

    A notice about a note that is gone is marked as sent.
    """
    note = core.store.notes.find(notice.revision_id or 0, notice.guild_id)
    if note is None:
        mark_notice_sent(core, notice)
        return None
    decision = DECIDED_LATER.get(notice.event)
    return Delivery(
        notice,
        note,
        review_service.contributors_revision(core, note),
        core.store.notes.last_reason(note.revision.id, decision) if decision else "",
        review_service.title_before(core, note) if notice.event in _OF_EXTENSIONS else "",
        core.store.guilds.settings(note.guild_id),
    )


def mark_notice_sent(core: Core, notice: Notice) -> None:
    core.store.notices.sent(notice.id)
