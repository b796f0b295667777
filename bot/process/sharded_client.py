"""Sharded client: launches and connects the shards of this process.

One process runs all shards, unless several processes share a PostgreSQL database and lease the
shards (`bot.cluster`).
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import discord
from yarl import URL

from bot.cluster.processes import Process, Shards
from bot.core.worker import by_leader
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import Services
from bot.process.connections import Connections
from bot.process.login import connection_error
from knowledge.values.guilds import GuildFilter

# Longest wait for Discord's session limits; shards then connect without them.
ASKING_SECONDS: Final = 10.0

_T = TypeVar("_T")

_logger = logging.getLogger(__name__)


class _LaunchError(Exception):
    """A shard could not be connected, and the caller must try again."""


class ShardedClient(Services):
    """Client with the connections of this process's shards."""

    def __init__(self, **options: Any) -> None:
        """Start without connections; the options are those of discord.py's client."""
        super().__init__(**options)
        self._connected_shards: set[int] = set()
        self.cluster = Process(self)
        self._connections = Connections(self._session_limits)

    def join_cluster(
        self, settle: Callable[[Shards, datetime], Awaitable[None]], on_leading: Callable[[], None]
    ) -> None:
        """Share the shards with other processes. The arguments are passed to `Cluster`."""
        # Needs psycopg, an extra.
        from bot.cluster.cluster import Cluster

        cluster = self.cluster = Cluster(self, settle=settle, on_leading=on_leading)
        self._connections.limit.among_processes = cluster.wait_to_identify

    async def launch_shards(self) -> None:
        """Connect the recommended shards; UnreachableError if Discord allows too few."""
        try:
            count, address, limits = await self.http.get_bot_gateway()
        except discord.GatewayNotFound as error:
            if self.cluster.is_shared:
                raise connection_error(error) from error
            _logger.warning("One shard is connected: Discord does not recommend any (%s).", error)
        else:
            at_once = 1 if self.cluster.is_shared else count
            self._connections.limit.apply(at_once, **limits)
            if await self.cluster.begin(count, address, limits):
                return
            # discord.py fetches the gateway's address only together with the number of shards.
            self.shard_count = None  # type: ignore[assignment]
        await super().launch_shards()

    async def _session_limits(self) -> Mapping[str, int]:
        """Discord's session limits; empty if Discord doesn't answer."""
        with contextlib.suppress(discord.GatewayNotFound, TimeoutError, *UNREACHED):
            async with asyncio.timeout(ASKING_SECONDS):
                _, _, limits = await self.http.get_bot_gateway()
                return cast("Mapping[str, int]", limits)
        return {}

    def connecting(self, shard_id: int, *, identifies: bool) -> AbstractAsyncContextManager[None]:
        return self._connections.connecting(shard_id, identifies=identifies)

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard, retrying until it works. But the first shard's failure is raised."""
        failed = sys.exc_info()[1]
        if failed is not None:
            # discord.py calls this again if a shard could not be connected.
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
    def serves(self) -> GuildFilter:
        return self.cluster.own_shards.have

    @property
    def membership_known(self) -> GuildFilter:
        return self.cluster.ready_shards.have

    @property
    def all_memberships_known(self) -> GuildFilter:
        return self.cluster.settled_shards.have

    async def as_leader(self, step: Callable[[], Awaitable[_T]]) -> _T | None:
        if not self.cluster.leads:
            return None
        before = by_leader.set(True)
        try:
            return await step()
        finally:
            by_leader.reset(before)

    @property
    def connected_shards(self) -> dict[int, bool]:
        """For the id of each shard of this process, whether the shard is connected."""
        own = sorted(self.cluster.own_shards.ids)
        return {shard: shard in self._connected_shards for shard in own}

    async def on_shard_connect(self, shard_id: int) -> None:
        self._connected_shards.add(shard_id)
        self._connections.ready(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        await self.on_shard_connect(shard_id)

    async def on_shard_ready(self, shard_id: int) -> None:
        await self.cluster.shard_ready(shard_id)

    async def on_shard_given_up(self, shard_id: int) -> None:
        """Forget a shard that another process runs from now on."""
        self.cluster.ready.discard(shard_id)
        self._connected_shards.discard(shard_id)
        await self.channel_sync.load()

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Note a lost connection; discord.py connects again unless the shard was given up."""
        self._connected_shards.discard(shard_id)
        self._connections.note_end(shard_id)

    def missing_shards_sentence(self) -> str:
        """A sentence about the shards that aren't connected, or "" if there are none."""
        own = self.cluster.own_shards
        missing = len(own.ids - self._connected_shards)
        if not missing:
            return ""
        said = "Discord is not connected"
        if own.count > 1:
            said = f"{said}: {missing:,} of {own.count:,} shards"
        return f"{said}. {self._connections.next_attempt}".rstrip()
