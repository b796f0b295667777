"""Retention of a guild's data when the bot is removed: kept for a while, then deleted.

A guild that is unavailable is not gone, and nothing here is told of it. Each function takes the
core that it works on, so that it can be called in the worker's thread.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.core import Core
from knowledge.values.guilds import GuildFilter


def left(core: Core, guild_ids: Sequence[int], at: datetime) -> list[int]:
    """Remember that the bot was removed from guilds; returns those of which that is news."""
    return [guild_id for guild_id in guild_ids if core.store.guilds.leave(guild_id, at)]


def returned(core: Core, guild_ids: Sequence[int]) -> list[int]:
    """Remember that the bot is in guilds; returns those from which it had been removed.

    Everything is as it was.
    """
    return [guild_id for guild_id in guild_ids if core.store.guilds.come_back(guild_id)]


def compare(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime
) -> tuple[list[int], list[int]]:
    """Take in what happened while no bot ran, from the guilds that Discord names at the start.

    `known` tells for which guilds `present` says whether the bot is in them.

    Returns:
        The guilds that the bot was removed from, and those that it is in again.
    """
    gone = sorted(set(filter(known, core.store.guilds.known())) - set(present))
    back = sorted(core.store.guilds.gone() & set(present))
    return left(core, gone, at), returned(core, back)


def purge(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime, keep: timedelta
) -> list[int]:
    """Delete everything of guilds that have been left for as long as `keep`; returns which.

    `known` is as in `compare`.

    Only time counts in which a bot ran and looked; see `Guilds.count_absence`.

    What came from their sources leaves the index when it follows its sources the next time. Should
    the process die in between, the next opening of the core takes their notes out of the index.
    """
    core.store.guilds.count_absence(at)
    purged = sorted(set(filter(known, core.store.purge.left(at - keep))) - set(present))
    for guild_id in purged:
        notes = core.store.purge.guild(guild_id)
        core.behind.update(notes)
        for note_id in notes:
            core.follow_note(note_id)
    return purged
