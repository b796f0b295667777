"""Sets of shards, and a process that runs all shards of a bot.

Discord divides a bot's guilds among shards, at most 2,500 guilds each. Several processes may divide
the shards among them (`bot.cluster.cluster`). A process that runs alone has every shard.

Source:
    https://discord.com/developers/docs/events/gateway#sharding
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.interactions.services import Services


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of the `count` shards of a bot: those of one process, or the ready ones."""

    count: int
    ids: frozenset[int]

    def have(self, guild_id: int) -> bool:
        """Whether a guild belongs to one of these shards; direct messages have the guild id 0."""
        return (guild_id >> 22) % self.count in self.ids


class Process:
    """A process that runs alone: it has every shard and leads.

    Its subclass `bot.cluster.cluster.Cluster` is one of several processes of a bot. `terms` counts
    how often this process began to lead; `number` counts the processes.
    """

    is_shared = False
    leads = True
    terms = 1

    def __init__(self, bot: Services) -> None:
        self.bot = bot
        # Shards whose guilds Discord has named.
        self.ready: set[int] = set()

    async def begin(self, wanted: int, address: str, limits: Mapping[str, object]) -> bool:
        """Begin to run leased shards, if the bot has several processes; otherwise return False.

        The caller then connects every shard. `address` is that of Discord's gateway.
        """
        return False

    @property
    def number(self) -> int:
        return 1

    @property
    def problem(self) -> str:
        return ""

    @property
    def renewal_problems(self) -> tuple[str, ...]:
        return ()

    @property
    def own_shards(self) -> Shards:
        count = self.bot.shard_count or 1
        return Shards(count, frozenset(self.bot.shard_ids or range(count)))

    @property
    def ready_shards(self) -> Shards:
        own = self.own_shards
        return Shards(own.count, own.ids & self.ready)

    @property
    def settled_shards(self) -> Shards:
        """The shards of all processes whose guilds Discord has named; of several, all or none."""
        return self.ready_shards

    @property
    def epochs(self) -> Mapping[int, int]:
        """The epochs of the leased shards, by shard id. An epoch counts a shard's leases so far."""
        return {}

    def details(self) -> dict[str, object]:
        """State for `/healthz`."""
        return {}

    async def shard_ready(self, shard_id: int) -> None:
        """Record that Discord has named a shard's guilds."""
        self.ready.add(shard_id)

    async def end(self) -> None:
        """Give up leases, if any. Called after the shards are closed and the worker is stopped."""
