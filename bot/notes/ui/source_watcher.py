"""Watcher of source messages: flags a note after its source message was edited or deleted.

Discord reports edits and deletions of all messages, without their content. The ids of source
messages are kept in memory, so events of other messages are ignored without a query. Messages
deleted while the bot was off cause no event: those of pending proposals are looked up at each start
and once a day.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import discord
from discord.ext import commands

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import Services
from knowledge.values.notes import SourceChange, SourceMessage, Watched

ROUND_SECONDS: Final = 86_400


class SourceWatcher(commands.Cog):
    """Watches the messages from which notes were saved, or for which a form is open."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._watched: dict[int, Watched] = {}
        self._changed: dict[int, SourceChange] = {}
        self._loading: asyncio.Task[None] | None = None

    async def _wait_until_loaded(self) -> None:
        """Load the watched messages on the first call. Wait until the messages are loaded."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="commonplace-sources")
        try:
            await asyncio.shield(self._loading)
        except BaseException:
            self._loading = None
            raise

    async def _load(self) -> None:
        known = await self._bot.worker.call(lambda core: core.store.notes.watched())
        self._watched |= {watched.message_id: watched for watched in known}

    def watch(self, message: discord.Message, at: datetime) -> SourceMessage:
        """Watch a message from the moment that a form opens with its text."""
        known = self._watched.get(message.id)
        now = Watched(message.id, message.channel.id, at)
        # An edit since an earlier note was saved still counts.
        self._watched[message.id] = replace(now, saved_at=known.saved_at) if known else now
        self._changed.pop(message.id, None)
        return SourceMessage(message.channel.id, message.id)

    async def flag_if_changed(self, source: SourceMessage | None) -> None:
        """Flag a new note if its source message has changed since the form opened."""
        if source is None:
            return
        if source.message_id not in self._watched:
            # The bot has restarted since the form was opened.
            await self._wait_until_loaded()
            at = discord.utils.utcnow()
            self._watched[source.message_id] = Watched(source.message_id, source.channel_id, at)
            if await self._is_gone(source):
                self._changed[source.message_id] = SourceChange.DELETED
        change = self._changed.get(source.message_id)
        if change is not None:
            await self._flag([source.message_id], change)

    async def _is_gone(self, source: SourceMessage) -> bool:
        """Whether a message was deleted. The question of a thread may be in the parent channel."""
        channel: Any = self._bot.get_channel(source.channel_id)
        parent_id = getattr(channel, "parent_id", None)
        for channel_id in filter(None, (source.channel_id, parent_id)):
            place = self._bot.get_partial_messageable(channel_id)
            try:
                await place.fetch_message(source.message_id)
            except discord.NotFound:
                continue
            except UNREACHED:
                return False
            return False
        return True

    async def round(self) -> None:
        """Withdraw the pending proposals whose reply or question was deleted unseen."""
        mine = self._bot.serves
        messages = await self._bot.worker.call(
            lambda core: core.store.notes.messages_of_proposals(mine)
        )
        gone = [message.message_id for message in messages if await self._is_gone(message)]
        if gone:
            await self._flag(gone, SourceChange.DELETED)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Flag notes whose source message was edited by a member, by its edit time."""
        await self._wait_until_loaded()
        watched = self._watched.get(event.message_id)
        message = event.message
        if watched is None or message.author == self._bot.user or message.edited_at is None:
            return
        if message.edited_at > watched.saved_at:
            await self._flag([event.message_id], SourceChange.EDITED)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._flag_deleted([event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._flag_deleted(event.message_ids)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._flag_deleted_channel(channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._flag_deleted_channel(event.thread_id)

    async def _flag_deleted_channel(self, channel_id: int) -> None:
        await self._wait_until_loaded()
        await self._flag_deleted(
            watched.message_id
            for watched in self._watched.values()
            if watched.channel_id == channel_id
        )

    async def _flag_deleted(self, message_ids: Iterable[int]) -> None:
        await self._wait_until_loaded()
        gone = [message_id for message_id in message_ids if message_id in self._watched]
        if gone:
            await self._flag(gone, SourceChange.DELETED)

    async def _flag(self, message_ids: list[int], change: SourceChange) -> None:
        self._changed |= dict.fromkeys(message_ids, change)
        self._bot.track()
        flagged = await self._bot.worker.call(
            lambda core: core.store.contributions.flag_source_change(message_ids, change)
        )
        if flagged:
            await self._bot.outbox.catch_up()
