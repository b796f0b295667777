"""Cluster of processes that run one bot: this process's leased shards, and leader election.

The process ignores events of shards without a valid lease. Only the leader does work for all
guilds.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import discord
from yarl import URL

from bot.cluster.membership import STEP_SECONDS, Membership
from bot.cluster.processes import Process, Shards
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.interactions.kit.discord_internals import gate_events, give_up_shard, set_shard_count
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from indexer.index.postgres import PostgresConnection
from knowledge.store.database import StoreError
from knowledge.store.postgres import leases
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.database import DerivedSchema
from knowledge.store.postgres.leases import Fence
from knowledge.store.postgres.reachability import is_down

# Interval between attempts to lead, and so the longest time without a leader.
LEAD_SECONDS: Final = 0.5
# Length of a database outage that doesn't count against the bot's health.
AWAY_SECONDS: Final = 60.0

_logger = logging.getLogger(__name__)


class Cluster(Process):
    """One process of a cluster. It runs the shards that it has leased, and tries to lead."""

    is_shared = True

    def __init__(
        self,
        bot: Services,
        *,
        settle: Callable[[Shards, datetime], Awaitable[None]],
        on_leading: Callable[[], None],
    ) -> None:
        """Start without leases.

        `settle` takes over a shard's unfinished work, given the shard and the time when this
        process began to connect it. `on_leading` is called when this process begins to lead.
        """
        super().__init__(bot)
        self._settle = settle
        self._on_leading = on_leading
        url = bot.settings.data.database
        seconds = leases.LEASE_SECONDS
        self.membership = Membership(
            functools.partial(leases.Leases, url, seconds=seconds),
            launch=self.launch,
            close=self.close,
            seconds=seconds,
            is_down=lambda: is_down(url),
        )
        self._fence: Fence | None = None
        self._gateway = URL()
        self._candidacy: asyncio.Task[None] | None = None
        self._since: dict[int, datetime] = {}
        self.count = 1
        self.leads = False
        self.terms = 0

    # Shards.

    async def begin(self, wanted: int, address: str, limits: Mapping[str, object]) -> bool:
        """Join the cluster, and run the shards leased from now on, as `Process.begin` says."""
        self._note_gateway(address, limits)
        self.count = await self.membership.join(wanted)
        if self.count != wanted:
            _logger.warning(
                "Discord recommends %d shards, but there are %d. Stop all processes and start them "
                "again to change the number.",
                wanted,
                self.count,
            )
        set_shard_count(self.bot, self.count)
        gate_events(self.bot, lambda: self.membership.valid)
        self.bot.worker.leading = lambda core: self._open_fence(core).leading()
        self.membership.begin()
        self._candidacy = asyncio.create_task(self._keep_leading())
        return True

    async def launch(self, shard_id: int) -> None:
        """Connect a shard, retrying until it works."""
        self._since[shard_id] = datetime.now(UTC)
        with contextlib.suppress(discord.HTTPException, discord.GatewayNotFound, OSError):
            _, address, limits = await self.bot.http.get_bot_gateway()
            self._note_gateway(address, limits)
        await self.bot.launch_shard(self._gateway, shard_id)

    def _note_gateway(self, address: str, limits: Mapping[str, object]) -> None:
        self._gateway = URL(address)
        self.membership.sessions_left = int(str(limits["remaining"]))
        self.membership.sessions_at_once = max(int(str(limits["max_concurrency"])), 1)

    async def close(self, shard_id: int) -> None:
        """End the connection of a shard, if there is one, and forget its guilds."""
        self._since.pop(shard_id, None)
        await give_up_shard(self.bot, shard_id)
        self.bot.dispatch("shard_given_up", shard_id)

    async def shard_ready(self, shard_id: int) -> None:
        """Take over a shard's unfinished work, and tell other processes that the shard is ready."""
        await super().shard_ready(shard_id)
        since = self._since.get(shard_id)
        if since is None:
            return
        await self._settle(Shards(self.count, frozenset({shard_id})), since)
        # Until all shards are reported, nobody works for guilds that may have left the bot.
        while self._since.get(shard_id) == since:
            try:
                await self.membership.ready(shard_id)
            except StoreError as error:
                _logger.warning("Shard %d could not be reported as ready: %s", shard_id, error)
                await asyncio.sleep(STEP_SECONDS)
            else:
                return

    async def wait_to_identify(self, bucket: int, seconds: float) -> None:
        """Wait for this process's turn to begin a Discord session in a bucket."""
        try:
            await self.membership.wait_to_identify(bucket, seconds)
        except StoreError as error:
            _logger.warning("A session begins without asking other processes: %s", error)

    @property
    def problem(self) -> str:
        """The reason if the leases have expired or weren't renewed for `AWAY_SECONDS`, else ""."""
        member = self.membership
        if not member.id or (member.valid and member.silent_seconds < AWAY_SECONDS):
            return ""
        return member.problem or "The leases of this process's shards are not renewed."

    @property
    def renewal_problems(self) -> tuple[str, ...]:
        """Why the last renewal of the leases failed, if `problem` is still empty."""
        return (self.membership.problem,) if self.membership.problem and not self.problem else ()

    @property
    def number(self) -> int:
        return max(self.membership.standing.processes, 1)

    @property
    def epochs(self) -> Mapping[int, int]:
        return self.membership.standing.shards

    def details(self) -> dict[str, object]:
        """State for `/healthz`."""
        standing = self.membership.standing
        return {
            "process": self.membership.id,
            "processes": standing.processes,
            "shards": {str(shard): epoch for shard, epoch in standing.shards.items()},
            "leads": self.leads,
            "renewed_seconds_ago": round(self.membership.silent_seconds, 1),
        }

    @property
    def own_shards(self) -> Shards:
        return Shards(self.count, self.membership.held)

    @property
    def settled_shards(self) -> Shards:
        """All shards of the bot, if Discord has named the guilds of each; otherwise no shards."""
        settled = self.membership.valid and not self.membership.standing.unready
        return Shards(self.count, frozenset(range(self.count) if settled else ()))

    async def end(self) -> None:
        """Give up every lease, after the shards are closed and the worker is stopped."""
        if self._candidacy is not None:
            self._candidacy.cancel()
        await self.membership.end()

    # Leading.

    async def _keep_leading(self) -> None:
        while True:
            before = self.leads
            try:
                self.leads = await self.bot.worker.call(self._try_to_lead, priority=Priority.HEALTH)
            except EXPLAINED as error:
                self.leads = False
                if before:
                    _logger.warning("This process leads no more: %s", error)
            if self.leads and not before:
                self.terms += 1
                _logger.info("This process leads from now on.")
                self._on_leading()
            await asyncio.sleep(LEAD_SECONDS)

    def _try_to_lead(self, core: Core) -> bool:
        """Whether this process leads; the lock's connection belongs to the worker's thread."""
        fence = self._open_fence(core)
        # Looked up each time, because a model switch opens another index.
        index = core.index.tables.db
        for tables in (index, core.pages.tables, core.archive.tables):
            if isinstance(tables, (PostgresConnection, DerivedSchema)):
                tables.guard(fence.guard)
        if self.membership.valid:
            return fence.try_to_lead()
        fence.step_down()
        return False

    def _open_fence(self, core: Core) -> Fence:
        if self._fence is None:
            database = core.store.database
            if not isinstance(database, Connection):
                raise TypeError("Several processes need PostgreSQL.")
            self._fence = Fence(database, lambda: self.membership.id)
        return self._fence
