"""Shards: Discord divides a bot's guilds among them, at most 2,500 each.

Source:
    https://discord.com/developers/docs/events/gateway#sharding
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of a bot's `count` shards: those of one process, or those that are ready."""

    count: int
    ids: frozenset[int]

    def have(self, guild_id: int) -> bool:
        """Whether a guild belongs to one of them; direct messages have the guild id 0."""
        return (guild_id >> 22) % self.count in self.ids
