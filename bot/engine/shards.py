"""Shards: which of them this process runs, and to which of them a guild belongs.

Discord divides a bot's guilds among its shards, at most 2,500 each
(https://discord.com/developers/docs/events/gateway#sharding); a process may run all or some.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ReadyShards:
    """Shards of this process that have named their guilds, of `count` in all.

    What is true of guilds that this process does not see can be said only of these shards' guilds:
    another guild is seen by another process, or by this one in a moment.
    """

    count: int
    ids: frozenset[int]

    def have(self, guild_id: int) -> bool:
        """Whether a guild would be named by one of them, if the bot were in it."""
        return (guild_id >> 22) % self.count in self.ids

    def of(self, guild_ids: Iterable[int]) -> set[int]:
        return {guild_id for guild_id in guild_ids if self.have(guild_id)}


# Where one process sees every guild.
EVERY_SHARD: Final = ReadyShards(1, frozenset({0}))
