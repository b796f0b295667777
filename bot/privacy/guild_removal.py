"""Retention of a guild's data after the bot was removed: kept for a while, then deleted.

`knowledge/store/erasure/purge.py` deletes the rows. Functions of the core, called in the worker's
thread. Unavailable guilds don't count as removed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.core import Core
from knowledge.values.guilds import GuildFilter


def record_removal(core: Core, guild_ids: Sequence[int], at: datetime) -> list[int]:
    """Record that the bot was removed from guilds; returns the newly recorded ones."""
    return [guild_id for guild_id in guild_ids if core.store.guilds.leave(guild_id, at)]


def record_return(core: Core, guild_ids: Sequence[int]) -> list[int]:
    """Record that the bot is in guilds again; returns those that were recorded as left."""
    return [guild_id for guild_id in guild_ids if core.store.guilds.come_back(guild_id)]


def compare(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime
) -> tuple[list[int], list[int]]:
    """Find guilds that the bot left or joined while it was offline.

    `present` are the guilds that the bot is in. `known` excludes guilds on shards that haven't
    received their list of guilds yet.

    Returns:
        The guilds that the bot left, and the guilds it is in again.
    """
    gone = sorted(set(filter(known, core.store.guilds.known())) - set(present))
    back = sorted(core.store.guilds.departed() & set(present))
    return record_removal(core, gone, at), record_return(core, back)


def purge(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime, keep: timedelta
) -> list[int]:
    """Delete the data of guilds left longer than `keep` ago; returns their ids.

    Arguments are as in `compare`. Only time with a running bot counts (`Guilds.count_absence`).
    Notes leave the index at once, or at the next start if the process dies in between. Sources
    leave it with the next sync.
    """
    core.store.guilds.count_absence(at)
    purged = sorted(
        set(filter(known, core.store.purge.guilds_left_before(at - keep))) - set(present)
    )
    for guild_id in purged:
        notes = core.store.purge.guild(guild_id)
        core.unindexed_notes.update(notes)
        for note_id in notes:
            core.index_note(note_id)
    return purged
