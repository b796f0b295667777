"""Processes of a bot: the shards of this one, and whether it leads; by default, it is alone.

Discord divides a bot's guilds among shards, at most 2,500 each, and processes divide the shards.

Source:
    https://discord.com/developers/docs/events/gateway#sharding
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.interactions.services import Services


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of a bot's `count` shards: those of one process, or those that are ready."""

    count: int
    ids: frozenset[int]

    def have(self, guild_id: int) -> bool:
        """Whether a guild belongs to one of them; direct messages have the guild id 0."""
        return (guild_id >> 22) % self.count in self.ids


class Processes:
    """A process that runs alone: it has every shard and leads.

    `bot.cluster.cluster.Cluster` is one of several. `terms` counts how often the process began to
    lead, and `number` counts the processes. `problem` says why this process serves nobody.
    `left_out` names the parts that its answers lack.
    """

    is_shared = False
    leads = True
    terms = 1

    def __init__(self, bot: Services) -> None:
        self.bot = bot
        # Shards whose guilds Discord has named.
        self.ready: set[int] = set()

    async def begin(self, wanted: int, address: str, limits: Mapping[str, object]) -> bool:
        """Start to run the leased shards; returns False if there are no leases: it runs all."""
        return False

    @property
    def number(self) -> int:
        return 1

    @property
    def problem(self) -> str:
        return ""

    @property
    def left_out(self) -> tuple[str, ...]:
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
        """Shards of all processes whose guilds are known; see `Services.all_memberships_known`."""
        return self.ready_shards

    @property
    def epochs(self) -> Mapping[int, int]:
        """Epochs of the leases, by shard."""
        return {}

    def details(self) -> dict[str, object]:
        """State for `/healthz`."""
        return {}

    async def shard_ready(self, shard_id: int) -> None:
        """Record that Discord has named a shard's guilds."""
        self.ready.add(shard_id)

    async def end(self) -> None:
        """Give up every lease, after the shards are closed and the worker is stopped."""
