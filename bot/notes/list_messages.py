"""Pages of a member's own notes, each with its state in one line. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from bot.notes.messages import SHOWN_REASON_CHARACTERS, state_line
from bot.text.languages import Plural, Sentence
from bot.text.markdown import legible, plain, shortened, size
from bot.text.paging import PAGE, Page
from knowledge.values.guilds import Language
from knowledge.values.notes import Note, State


class Filter(StrEnum):
    """Filter of the list of own notes."""

    ALL = "all"
    LIVE = "live"
    PENDING = "pending"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


FILTER_LABELS: Final[Mapping[Filter, Sentence]] = {
    Filter.ALL: Sentence("All"),
    Filter.LIVE: Sentence("Live"),
    Filter.PENDING: Sentence("Pending"),
    Filter.CHANGES_REQUESTED: Sentence("Changes requested"),
    Filter.REJECTED: Sentence("Rejected"),
    Filter.WITHDRAWN: Sentence("Withdrawn"),
    Filter.RETIRED: Sentence("Retired"),
}
# Four fit in a message even if each has a long reason and a link to its card.
PAGE_NOTES: Final = 4
_TITLE_CHARACTERS: Final = 100
# Discord's limit for the label of an option.
_LABEL_CHARACTERS: Final = 100
_LISTED_CHARACTERS: Final = 480
# Longest text of `where` besides state and reason.
_ADDED_CHARACTERS: Final = 64
PAGE_LABELS: Final = (Sentence("Newer"), Sentence("Older"))
_YOURS: Final = Plural("**Your notes**: {number:,} note", "**Your notes**: {number:,} notes")
OPEN_NOTE: Final = Sentence("Open a note")
_CARD: Final = Sentence("card")
_UNTITLED: Final = Sentence("Untitled")


def page_of_own_notes(
    notes: Sequence[tuple[Note, int]],
    wanted: Filter,
    number: int,
    *,
    with_cards: bool,
    language: Language = Language.ENGLISH,
) -> Page:
    """A page of a member's own notes.

    `notes` has each note with the number of approvals that the note needs.
    """
    matching = [(note, quorum) for note, quorum in notes if _matches(note, wanted)]
    if not matching:
        return Page((NO_NOTES if wanted is Filter.ALL else _NONE_OF_THESE)(language), 0, 1)
    count = -(-len(matching) // PAGE_NOTES)
    number = min(number, count - 1)
    shown_now = notes_on_page(notes, wanted, number)
    head = _YOURS(len(matching), language)
    if wanted is not Filter.ALL:
        head += f" · {FILTER_LABELS[wanted](language)}"
    if count > 1:
        head += PAGE(language, number=number + 1, count=count)
    lines = [_listed(note, quorum, language, with_cards=with_cards) for note, quorum in shown_now]
    return Page("\n".join([head, *lines]), number, count)


def notes_on_page(
    notes: Sequence[tuple[Note, int]], wanted: Filter, number: int
) -> Sequence[tuple[Note, int]]:
    """The own notes on the page with the index `number`."""
    matching = [(note, quorum) for note, quorum in notes if _matches(note, wanted)]
    return matching[number * PAGE_NOTES : (number + 1) * PAGE_NOTES]


def menu_label(note: Note, language: Language) -> str:
    """The label of an own note in the menu below the list."""
    title = legible(note.revision.submission.shown.title) or _UNTITLED(language)
    return shortened(f"{note.id}. {title}", _LABEL_CHARACTERS)


def _matches(note: Note, wanted: Filter) -> bool:
    if wanted is Filter.ALL:
        return True
    if wanted is Filter.LIVE:
        return note.live_revision_id is not None
    if wanted is Filter.RETIRED:
        return note.retired_revision_id is not None
    return note.revision.state is State(wanted)


def _listed(note: Note, quorum: int, language: Language, *, with_cards: bool) -> str:
    title = plain(shortened(legible(note.revision.submission.shown.title), _TITLE_CHARACTERS))
    line = f"{note.id}\\. **{title or _UNTITLED(language)}**"
    if with_cards and note.card is not None:
        place = f"{note.guild_id}/{note.card[0]}/{note.card[1]}"
        line += f" · [{_CARD(language)}](<https://discord.com/channels/{place}>)"
    room = _LISTED_CHARACTERS - size(line) - len("\n-# ") - _ADDED_CHARACTERS
    return f"{line}\n-# {state_line(note, quorum, min(room, SHOWN_REASON_CHARACTERS), language)}"


NO_NOTES: Final = Sentence("You haven't proposed a note here yet. Start with `/note add`.")
_NONE_OF_THESE: Final = Sentence(
    "None of your notes are in that state. `/note mine` lists them all."
)
