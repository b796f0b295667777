"""Channel sync: fetches the history of synced channels, one request at a time.

The core stores the progress and chooses the next request, so the bot can stop at any time.
discord.py obeys Discord's rate limits; this module sends still fewer requests. A live event takes
precedence over a page of history that was fetched at the same time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import discord

from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import WorkerStoppedError
from bot.interactions.services import Services
from bot.sources import channel_sync_steps as steps
from bot.sources import messages
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.ui.discord_messages import (
    archived_message,
    archived_thread,
    find_opener,
    missing_permissions,
)
from bot.text.languages import speaking
from knowledge.discord_archive.archive import (
    ArchivedChannel,
    ChannelProblem,
    MessagePage,
    ProblemCode,
    ProgressMessage,
    SyncStage,
    SyncStep,
)
from knowledge.values.guilds import SyncedChannel, SyncedContent

# Requests a second. Discord allows a bot fifty, and fewer for one thread.
PAUSE_SECONDS: Final = 1.0
REQUESTS: Final = 4

# Discord's page sizes.
PAGE_MESSAGES: Final = 100
PAGE_THREADS: Final = 100

# Interval of progress edits; Discord allows five in five seconds.
REPORT_SECONDS: Final = 5.0
# A daily round finds missed changes.
ROUNDS_APART: Final = timedelta(days=1)
# Bound of the exponential backoff, in skipped rounds.
MOST_SKIPPED: Final = 300

_logger = logging.getLogger(__name__)


class ChannelSync:
    """Syncs channels, if `sources.channels` in the settings is on."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # Synced content by channel, in memory because every message needs it.
        self.synced: dict[int, SyncedContent] = {}
        # Whether messages may be left to fetch, and content to index.
        self.unread = False
        self.unindexed = False
        # Messages with events since the last request began; messages to fetch again, with their
        # channels.
        self.updated_live: set[int] = set()
        self.refetch_queue: dict[int, int] = {}
        self._lock = asyncio.Lock()
        self._skip = 0
        self._failures = 0
        self._reported_at = 0.0
        self._begun_at: datetime | None = None

    @property
    def is_on(self) -> bool:
        return self._bot.settings.sources.channels

    async def load(self) -> None:
        """Load the synced channels. If the sync is turned off, delete their content instead."""
        mine = self._bot.serves
        every = await self._bot.worker.call(lambda core: core.store.synced_channels.all())
        found = [channel for channel in every if mine(channel.guild_id)]
        if not self.is_on:
            for channel in found:
                await self._fail(channel.id, ChannelProblem(ProblemCode.SWITCHED_OFF))
            return
        self.synced = {channel.id: channel.reads for channel in found}
        # Other objects hold this dictionary, so update it in place.
        self._bot.followed.clear()
        for channel in found:
            self._bot.followed.setdefault(channel.guild_id, set()).add(channel.id)
        self.schedule_round()

    async def add(
        self, channel: SyncedChannel, name: str, actor_id: int, place: ProgressMessage
    ) -> bool:
        """Start to sync a channel, with its progress in `place`; False if it was synced already."""
        now = datetime.now(UTC)
        if not await self._bot.worker.call(
            lambda core: steps.add(core, channel, name, actor_id, now, place)
        ):
            return False
        self.synced[channel.id] = channel.reads
        self._bot.followed.setdefault(channel.guild_id, set()).add(channel.id)
        self.unread = True
        return True

    async def remove(self, channel_id: int, guild_id: int, actor_id: int) -> bool:
        """Stop syncing a channel; False if it was not synced."""
        self._bot.followed.get(guild_id, set()).discard(channel_id)
        if not await self._bot.worker.call(
            lambda core: steps.remove(core, channel_id, guild_id, actor_id)
        ):
            return False
        self.synced.pop(channel_id, None)
        return True

    async def begin(self, channel_ids: Iterable[int] | None = None, *, whole: bool = False) -> None:
        """Start a sync round for some or all channels. With `whole`, everything is read again."""
        wanted = [*(self.synced if channel_ids is None else channel_ids)]
        if not self.is_on or not wanted:
            return
        readable = [each for each in wanted if await self.check_access(each)]
        now = datetime.now(UTC)
        await self._bot.worker.call(
            lambda core: steps.begin_round(core, readable, now, whole=whole)
        )
        self.unread = True

    async def check_access(self, channel_id: int) -> bool:
        """Whether the bot can read a channel; if not, delete its content and report the reason.

        If the channel's guild is unavailable, return False and delete nothing.
        """
        guild = self._guild_of(channel_id)
        if guild is None:
            return False
        channel = guild.get_channel(channel_id)
        reason = ChannelProblem(ProblemCode.GONE) if channel is None else None
        if channel is not None and (missing := missing_permissions(channel)):
            reason = ChannelProblem(ProblemCode.LACKS_PERMISSIONS, {"permissions": [*missing]})
        if reason is not None:
            await self.fail_channel(channel_id, reason)
        elif channel is not None:
            await self._bot.worker.call(lambda core: core.archive.rename(channel_id, channel.name))
        return reason is None

    async def fail_channel(self, channel_id: int, reason: ChannelProblem) -> None:
        """Delete the content of an unreadable channel, and report the reason."""
        report = await self._fail(channel_id, reason)
        if report is not None:
            await self._report_progress(report)

    async def _fail(self, channel_id: int, reason: ChannelProblem) -> ChannelReport | None:
        return await self._bot.worker.call(
            lambda core: steps.fail_channel(core, channel_id, reason)
        )

    def _guild_of(self, channel_id: int) -> discord.Guild | None:
        for guild_id, channels in self._bot.followed.items():
            if channel_id in channels:
                guild = self._bot.get_guild(guild_id)
                return guild if guild is not None and not guild.unavailable else None
        return None

    def schedule_round(self) -> None:
        """Start a new round of all channels at the next call of `round`."""
        self._begun_at = None

    async def round(self) -> None:
        """Index live changes, then fetch some of the pages and messages not yet fetched."""
        if not self.is_on:
            return
        async with self._lock:
            try:
                await self._round()
            except WorkerStoppedError:
                return
            except Exception as error:  # noqa: BLE001 - it must not be the end of all reading
                self._skip = MOST_SKIPPED
                self._bot.log_error(error)

    async def _round(self) -> None:
        now = datetime.now(UTC)
        if self._begun_at is None or now - self._begun_at >= ROUNDS_APART:
            self._begun_at = now
            await self.begin()
        await self._index_changes()
        if self._skip:
            self._skip -= 1
            return
        for _ in range(REQUESTS):
            if self.refetch_queue:
                await self._refetch()
            elif self.unread and not self._skip:
                await self._fetch_next()

    async def apply_quote_opt_outs(self) -> None:
        """Update the index, because a member has opted out of quotation or allows it again."""
        await self._bot.worker.run_slices(index_updates.update_channels)
        self.unread = True

    async def _index_changes(self) -> None:
        if self.unindexed:
            self.unindexed = False
            await self._bot.worker.run_slices(index_updates.update_channels)

    async def _fetch_next(self) -> None:
        present = {guild.id for guild in self._bot.guilds if not guild.unavailable}
        now = datetime.now(UTC)
        found = await self._bot.worker.call(
            lambda core: steps.next_step(core, present, now),
            priority=Priority.INDEXING,
        )
        for report in found.ended:
            await self._report_end(report.channel)
        step, channel = found.step, found.channel
        if step is None or channel is None:
            self.unread = False
            return
        self.updated_live.clear()
        try:
            await self._fetch(step)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            await self._handle_error(step, error)
            return
        self._failures = 0
        await self._index_changes()
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            report = await self._bot.worker.call(lambda core: steps.report(core, channel))
            await self._report_progress(report)

    async def _fetch(self, step: SyncStep) -> None:
        guild = self._guild_of(step.channel_id)
        channel = guild.get_channel(step.channel_id) if guild is not None else None
        if guild is None or channel is None:
            await self.check_access(step.channel_id)
        elif step.stage is SyncStage.ACTIVE:
            # Private threads are for invited members only.
            active = [thread for thread in await guild.active_threads() if not thread.is_private()]
            threads = [archived_thread(thread) for thread in active]
            own = [thread for thread in threads if thread.channel_id == step.channel_id]
            await self._store(lambda core: steps.add_threads(core, step, own, "", last=True))
        elif step.stage is SyncStage.ARCHIVED and isinstance(
            channel, discord.ForumChannel | discord.TextChannel
        ):
            before = datetime.fromisoformat(step.cursor) if step.cursor else None
            found = [
                thread
                async for thread in channel.archived_threads(limit=PAGE_THREADS, before=before)
            ]
            cursor = found[-1].archive_timestamp.isoformat() if found else ""
            threads = [archived_thread(thread) for thread in found]
            last = len(found) < PAGE_THREADS
            await self._store(
                lambda core: steps.add_threads(core, step, threads, cursor, last=last)
            )
        elif step.stage is SyncStage.PINS and isinstance(channel, discord.TextChannel):
            pins = [archived_message(pin) async for pin in channel.pins(limit=None)]
            kept = [*filter(None, pins)]
            leave = {*self.updated_live}
            await self._store(lambda core: steps.add_pins(core, step, kept, leave))
            self.unindexed = True
        elif step.stage is SyncStage.READING:
            await self._fetch_page(step, channel)

    async def _fetch_page(self, step: SyncStep, channel: discord.abc.GuildChannel) -> None:
        # For an archived thread, only the id is known.
        place = self._bot.get_partial_messageable(step.thread_id, guild_id=channel.guild.id)
        after = discord.Object(step.after)
        found = [
            each
            async for each in place.history(limit=PAGE_MESSAGES, after=after, oldest_first=True)
        ]
        opener, begun_from = 0, list[discord.Message]()
        if isinstance(channel, discord.TextChannel) and not step.after:
            opener, begun_from = find_opener(step.thread_id, found)
        page = MessagePage(
            [*filter(None, map(archived_message, [*begun_from, *found]))],
            max((message.id for message in found), default=step.after),
            len(found) < PAGE_MESSAGES,
            opener,
        )
        leave = {*self.updated_live}
        await self._store(lambda core: steps.add_page(core, step, page, leave))
        self.unindexed = True

    async def _store(self, function: Callable[[Core], None]) -> None:
        await self._bot.worker.call(function, priority=Priority.INDEXING)

    async def _refetch(self) -> None:
        message_id, channel_id = self.refetch_queue.popitem()
        place = self._bot.get_partial_messageable(channel_id)
        self.updated_live.clear()
        try:
            now = archived_message(await place.fetch_message(message_id))
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # Deletions have their own event; the next round finds the rest.
            _logger.info("A message could not be looked at again: %s", error_text(error))
            return
        if now is None or message_id in self.updated_live:
            return
        # Not `|=`, which would read the value before the await.
        if await self._bot.worker.call(lambda core: steps.store_edit(core, channel_id, now)):
            self.unindexed = True

    async def _handle_error(self, step: SyncStep, error: Exception) -> None:
        """Depending on the error, skip the thread, give up the channel, or retry after a pause."""
        is_thread = step.stage is SyncStage.READING and step.thread_id != step.channel_id
        if isinstance(error, discord.NotFound) and is_thread:
            await self._bot.worker.call(lambda core: steps.delete_thread(core, step.thread_id))
        elif isinstance(error, discord.Forbidden | discord.NotFound):
            if not await self.check_access(step.channel_id):
                return
            reason = f"can't be read: {error_text(error)}"
            if is_thread:
                await self._bot.worker.call(
                    lambda core: core.archive.threads.fail(step.thread_id, reason)
                )
            else:
                await self.fail_channel(
                    step.channel_id, ChannelProblem(ProblemCode.OTHER, {"text": reason})
                )
        else:
            self._failures += 1
            self._skip = min(2**self._failures, MOST_SKIPPED)
            status = error.status if isinstance(error, discord.HTTPException) else 0
            _logger.warning("Discord could not be asked for messages: %s", error_text(error))
            problem = ChannelProblem(ProblemCode.UNREACHED)
            if status:
                problem = ChannelProblem(ProblemCode.ANSWERED, {"status": status})
            await self._bot.worker.call(
                lambda core: core.archive.record_problem(step.channel_id, problem)
            )

    async def _report_end(self, channel: ArchivedChannel) -> None:
        await self._index_changes()
        report = await self._bot.worker.call(lambda core: steps.report(core, channel))
        await self._report_progress(report)
        await self._bot.worker.call(lambda core: steps.end_progress(core, channel.id))
        counts = {"messages": report.counts.messages, "documents": report.counts.documents}
        _logger.info("A channel was read.", extra={"channel_id": channel.id, **counts})

    async def _report_progress(self, report: ChannelReport) -> None:
        """Edit the channel's progress message."""
        place = report.channel.place
        if not place.message_id:
            return
        message = self._bot.get_partial_messageable(place.channel_id).get_partial_message(
            place.message_id
        )
        with speaking(await self._bot.guild_settings.language(report.channel.guild_id)):
            said = messages.progress(report)
        try:
            await message.edit(content=said)
        except discord.HTTPException as error:
            # The message was deleted, or the bot may not read its channel.
            if error.status < 500:
                await self._bot.worker.call(
                    lambda core: steps.end_progress(core, report.channel.id)
                )


def error_text(error: Exception) -> str:
    """Discord's error message, or the kind of error."""
    if isinstance(error, discord.HTTPException):
        return error.text or f"{error.status}"
    return type(error).__name__
