"""Shards: which of them this process runs, and to which of them a guild belongs.

Discord divides a bot's guilds among its shards, at most 2,500 each
(https://discord.com/developers/docs/events/gateway#sharding); a process may run all or some. What
is done for a guild at its time (cards, notices, digests, what is read in its channels) is done by
the process that runs its shard. What is there once for all guilds is in `bot.process.leader`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of a bot's shards, of `count` in all: those of one process, or those that are ready.

    Whether the bot is in a guild can be said of the guilds of ready shards alone, which have named
    theirs: another guild is seen by another process, or by this one in a moment.
    """

    count: int
    ids: frozenset[int]

    def have(self, guild_id: int) -> bool:
        """Whether a guild is of one of them; what is no guild's, a direct message, has the id 0."""
        return (guild_id >> 22) % self.count in self.ids

    def of(self, guild_ids: Iterable[int]) -> set[int]:
        return {guild_id for guild_id in guild_ids if self.have(guild_id)}


# Where one process sees every guild.
EVERY_SHARD: Final = Shards(1, frozenset({0}))
