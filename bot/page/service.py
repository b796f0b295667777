"""Service of `/page review`: lists unreleased notes, releases them, or keeps them off the page."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from bot.core.core import Core
from knowledge.review.risk_flags import submission_flags
from knowledge.store.notes.public_notes import UnreleasedNote
from knowledge.values.notes import Member, PageVeto

# Notes shown at once; Discord's lists offer 25.
PAGE_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of the list of unreleased notes.

    Attributes:
        number: the number of this page, from 0.
        total: the number of notes on all pages.
        is_on: whether the public page of the guild is on.
        flagged: the ids of the notes whose review card would warn of something in their text.
    """

    notes: Sequence[UnreleasedNote]
    number: int
    count: int
    total: int
    is_on: bool
    flagged: Set[int]


def page(core: Core, guild_id: int, number: int) -> ReviewPage:
    notes = core.store.public_notes
    total = notes.unreleased_count(guild_id)
    count = max(-(-total // PAGE_NOTES), 1)
    number = min(number, count - 1)
    shown = notes.unreleased(guild_id, PAGE_NOTES, number * PAGE_NOTES)
    settings = core.store.guilds.settings(guild_id)
    flagged = {
        note.id for note in shown if submission_flags(note.submission, settings.allowed_hosts)
    }
    return ReviewPage(shown, number, count, total, settings.page, flagged)


def keep_off(core: Core, guild_id: int, revision_ids: Collection[int], by: Member) -> None:
    """Keep the notes with these revisions off the public page."""
    for revision_id in revision_ids:
        note = core.store.notes.find(revision_id, guild_id)
        if note is not None:
            core.store.public_notes.set_veto(guild_id, note.id, by, PageVeto.MODERATOR, vetoed=True)


def versions(core: Core) -> dict[int, tuple[Any, ...]]:
    """Return a version of each public page, by guild id; new content changes the version."""
    notes = core.store.public_notes
    return {guild_id: notes.version(guild_id) for guild_id in notes.guilds()}
