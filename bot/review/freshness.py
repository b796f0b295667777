"""Questions to writers whether their notes are still true; newer releases among the documents.

A note that may no longer be true is its writer's first. A week later, or if the writer can't be
reached, it is due for the moderators (`knowledge.store.notes.note_checks`).
"""

from collections.abc import Mapping
from datetime import datetime

from bot.core.core import Core
from bot.review.service import once_per_interaction
from knowledge.values.documents import SHARED, Scope
from knowledge.values.guilds import GuildFilter
from knowledge.values.note_checks import release_at
from knowledge.values.notes import Note, Outcome


class Releases:
    """The newest releases among the documents of each guild, until the index changes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._generation = -1
        self._found: dict[int, Mapping[str, tuple[int, ...]]] = {}

    def of(self, guild_id: int) -> Mapping[str, tuple[int, ...]]:
        if self._core.index.generation != self._generation:
            self._generation = self._core.index.generation
            self._found.clear()
        if guild_id not in self._found:
            links = self._core.index.tables.links_with("/releases/", [SHARED, Scope(guild_id)])
            # Of a product's versions, the newest comes last.
            self._found[guild_id] = dict(sorted(filter(None, map(release_at, links))))
        return self._found[guild_id]


def ask_writers(core: Core, at: datetime, mine: GuildFilter) -> None:
    """Ask writers, and the moderators about notes whose writers haven't answered."""
    checks = core.store.note_checks
    for guild_id in checks.asking_guilds(mine):
        checks.ask(guild_id, at, core.part(Releases).of(guild_id))
    checks.end_waiting(at, mine)


def confirm(core: Core, note: Note, member_id: int, interaction_id: int) -> Outcome | None:
    """Confirm a note for its owner, once per interaction; quotations then show today's date."""
    return once_per_interaction(
        core,
        note.guild_id,
        interaction_id,
        lambda: core.store.note_checks.confirm(note.guild_id, note.revision.id, member_id),
    )
