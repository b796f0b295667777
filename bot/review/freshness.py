"""Questions to writers whether their notes are still true; newer releases among the documents.

A note that may no longer be true is its writer's first. A week later, or if the writer can't be
reached, it is due for the moderators (`knowledge.store.notes.note_checks`).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bot.core.core import Core
from bot.review.service import once_per_interaction
from knowledge.values.documents import SHARED, Scope
from knowledge.values.guilds import GuildFilter
from knowledge.values.note_checks import newer_release, release_at
from knowledge.values.notes import Note, Outcome

# 10 to 40 ms of a busy core, with texts of a thousand characters.
SLICE_NOTES: Final = 250


def ask_about_dates(core: Core, at: datetime, mine: GuildFilter) -> None:
    """Ask writers of overdue notes, and the moderators about notes without a writer's answer."""
    checks = core.store.note_checks
    for guild_id in checks.asking_guilds(mine):
        checks.ask(guild_id, at)
    checks.end_waiting(at, mine)


def ask_writers(core: Core, at: datetime, mine: GuildFilter) -> Iterator[None]:
    """Ask writers for every reason, in slices, because all texts are read."""
    checks = core.store.note_checks
    for guild_id in checks.asking_guilds(mine):
        links = core.index.tables.links_with("/releases/", [SHARED, Scope(guild_id)])
        # Of a product's versions, the newest comes last.
        releases = dict(sorted(filter(None, map(release_at, links))))
        newer, note_id = dict[int, str](), 0
        while releases and (texts := checks.live_texts(guild_id, note_id, SLICE_NOTES)):
            for note_id, text in texts:
                if release := newer_release(text, releases):
                    newer[note_id] = str(release)
            yield
        checks.ask(guild_id, at, newer)
        yield


def confirm(core: Core, note: Note, member_id: int, interaction_id: int) -> Outcome | None:
    """Confirm a note for its owner, once per interaction; quotations then show today's date."""
    return once_per_interaction(
        core,
        note.guild_id,
        interaction_id,
        lambda: core.store.note_checks.confirm(note.guild_id, note.revision.id, member_id),
    )
