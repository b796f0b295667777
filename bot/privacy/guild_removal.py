"""Retention of a guild's data after the bot was removed: kept for a while, then deleted.

The functions run in the worker's thread. `knowledge/store/erasure/purge.py` deletes the rows.
Unavailable guilds don't count as removed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.core import Core
from knowledge.values.guilds import GuildFilter


def record_removal(core: Core, guild_ids: Sequence[int], at: datetime) -> list[int]:
    """Record that guilds removed the bot. Return the guilds that weren't recorded before."""
    return [guild_id for guild_id in guild_ids if core.store.guilds.leave(guild_id, at)]


def record_return(core: Core, guild_ids: Sequence[int]) -> list[int]:
    """Record that guilds have the bot again. Return the guilds whose removal had been recorded."""
    return [guild_id for guild_id in guild_ids if core.store.guilds.come_back(guild_id)]


def compare(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime
) -> tuple[list[int], list[int]]:
    """Record the guilds that removed the bot, or added it again, while the bot was offline.

    `present` has the guilds of the bot. `known` excludes the guilds on shards that haven't received
    their list of guilds yet.

    Returns:
        The guilds newly recorded as removed, and the guilds with the bot again.
    """
    gone = sorted(set(filter(known, core.store.guilds.known())) - set(present))
    back = sorted(core.store.guilds.departed() & set(present))
    return record_removal(core, gone, at), record_return(core, back)


def purge(
    core: Core, present: Sequence[int], known: GuildFilter, at: datetime, keep: timedelta
) -> list[int]:
    """Delete the data of guilds that removed the bot more than `keep` ago, and return their ids.

    The other arguments are as for `compare`. Only time with a running bot counts
    (`Guilds.count_absence`). The guilds' notes leave the index at once, or at the next start if the
    process dies meanwhile. Their sources leave the index with the next sync.
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
