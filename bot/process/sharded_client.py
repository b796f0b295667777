"""Sharded client: the shards of a running bot, launched at the start or as this process gets them.

One process runs all shards, unless the data is in PostgreSQL: there, several may share them
(`bot.cluster`), and this one runs those of which it holds the lease.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import discord
from yarl import URL

from bot.cluster.shards import Shards
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import GoOn, LeadersWorker, Services
from bot.process.connection import connection_error
from bot.process.connections import Connections

if TYPE_CHECKING:
    from bot.process.cluster import Cluster

# A shard that waits for Discord's word of sessions connects without it after so long.
ASKING_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class _LaunchError(Exception):
    """A shard could not be connected, and is to be connected again."""


class ShardedClient(Services):
    """The bot without its features, as far as its connections go."""

    cluster: "Cluster | None" = None

    def __init__(self, **options: Any) -> None:
        """Connect nothing yet; the options are those of discord.py's client."""
        super().__init__(**options)
        self._connected_shards: set[int] = set()
        self._ready_shards: set[int] = set()
        self._connections = Connections(self._session_limits)

    def join_cluster(
        self, settle: Callable[[Shards, datetime], Awaitable[None]], led: Callable[[], None]
    ) -> None:
        """Share the shards with other processes; see `Cluster` for what is called when."""
        # Nothing of it is imported where the data is in files.
        from bot.process.cluster import Cluster

        self.cluster = Cluster(self, settle=settle, led=led)

    async def launch_shards(self) -> None:
        """Connect as many shards as Discord recommends, one after another.

        Raises:
            UnreachableError: if Discord would not let all of them connect now.
        """
        try:
            count, address, limits = await self.http.get_bot_gateway()
        except discord.GatewayNotFound as error:
            if self.cluster is not None:
                raise connection_error(error) from error
            _logger.warning("One shard is connected: Discord does not recommend any (%s).", error)
        else:
            if self.cluster is not None:
                self._connections.limit.allow(1, **limits)
                self._connections.limit.among_processes = self.cluster.wait_to_identify
                await self.cluster.begin(count, address, limits)
                return
            self._connections.limit.allow(count, **limits)
            # discord.py asks for the address only where it is to ask how many there are.
            self.shard_count = None  # type: ignore[assignment]
        await super().launch_shards()

    async def _session_limits(self) -> Mapping[str, int]:
        """What Discord says of sessions, or nothing where it doesn't answer."""
        with contextlib.suppress(discord.GatewayNotFound, TimeoutError, *UNREACHED):
            async with asyncio.timeout(ASKING_SECONDS):
                _, _, limits = await self.http.get_bot_gateway()
                return cast("Mapping[str, int]", limits)
        return {}

    def connecting(self, shard_id: int, *, identifies: bool) -> AbstractAsyncContextManager[None]:
        return self._connections.connecting(shard_id, identifies=identifies)

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard, as often as it takes; only the first one at all must succeed at once."""
        failed = sys.exc_info()[1]
        if failed is not None:
            # discord.py calls this again where a connection has failed.
            raise _LaunchError if self.shards else connection_error(failed) from failed
        launched = False
        while not launched:
            with contextlib.suppress(_LaunchError):
                async with self.connecting(shard_id, identifies=True):
                    await super().launch_shard(gateway, shard_id, initial=initial)
                launched = True

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        del initial
        await self._connections.limit.count(shard_id or 0)

    @property
    def own_shards(self) -> Shards:
        if self.cluster is not None:
            return self.cluster.own_shards
        count = self.shard_count or 1
        return Shards(count, frozenset(self.shard_ids or range(count)))

    @property
    def ready_shards(self) -> Shards:
        own = self.own_shards
        return Shards(own.count, own.ids & self._ready_shards)

    @property
    def settled_shards(self) -> Shards:
        return self.ready_shards if self.cluster is None else self.cluster.settled_shards

    @property
    def connected_shards(self) -> dict[int, bool]:
        """Whether each of the own shards is connected."""
        return {shard: shard in self._connected_shards for shard in sorted(self.own_shards.ids)}

    @property
    def processes(self) -> int:
        """How many processes run shards of this bot."""
        return 1 if self.cluster is None else self.cluster.processes

    @property
    def leads(self) -> bool:
        return self.cluster is None or self.cluster.leads

    @property
    def leaders_worker(self) -> LeadersWorker:
        return self.worker if self.cluster is None else self.cluster

    def while_leading(self, go_on: GoOn) -> GoOn:
        return go_on if self.cluster is None else self.cluster.while_leading(go_on)

    async def on_shard_connect(self, shard_id: int) -> None:
        self._connected_shards.add(shard_id)
        self._connections.ready(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        await self.on_shard_connect(shard_id)

    async def on_shard_ready(self, shard_id: int) -> None:
        self._ready_shards.add(shard_id)
        if self.cluster is not None:
            await self.cluster.shard_ready(shard_id)

    async def on_shard_given_up(self, shard_id: int) -> None:
        """Another process runs it from now on."""
        self._ready_shards.discard(shard_id)
        self._connected_shards.discard(shard_id)
        await self.channel_sync.load()

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Discord is gone; the shard connects again by itself, unless it was given up."""
        self._connected_shards.discard(shard_id)
        self._connections.ended(shard_id)

    def unconnected(self) -> str:
        """That shards are not connected, and what follows; or nothing."""
        own = self.own_shards
        missing = len(own.ids - self._connected_shards)
        if not missing:
            return ""
        said = "Discord is not connected"
        if own.count > 1:
            said = f"{said}: {missing:,} of {own.count:,} shards"
        return f"{said}. {self._connections.told}".rstrip()
