"""Gateway events of synced channels: messages, threads, pins, reactions, permissions.

When a listener of deletions returns, the deleted content isn't quoted any more. New and edited
messages are indexed later by `ChannelSync.round`, so that repeated edits are embedded once.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

import discord
from discord.ext import commands

from bot.core.core import Core
from bot.interactions.kit.discord_internals import forget_role
from bot.interactions.services import Services
from bot.sources import channel_sync_steps as steps
from bot.sources.ui.channel_sync import ChannelSync
from bot.sources.ui.discord_messages import (
    archived_message,
    archived_thread,
    missing_permissions,
    updated_thread,
)
from knowledge.discord_archive.archive import ChannelProblem, ProblemCode
from knowledge.discord_archive.messages import Thread
from knowledge.values.guilds import SyncedContent


class ChannelEvents(commands.Cog):
    """Listener for synced channels. Events of other channels cause no database query."""

    def __init__(self, bot: Services, sync: ChannelSync) -> None:
        self._bot = bot
        self._sync = sync

    def _synced_thread(self, channel: object) -> Thread | None:
        """Return the thread or channel to which a message belongs, if it is synced."""
        if isinstance(channel, discord.Thread):
            is_read = self._sync.synced.get(channel.parent_id) is SyncedContent.THREADS
            return archived_thread(channel) if is_read and not channel.is_private() else None
        channel_id = getattr(channel, "id", 0)
        reads = self._sync.synced.get(channel_id)
        return (
            None if reads in (None, SyncedContent.THREADS) else Thread(channel_id, channel_id, "")
        )

    def _may_be_synced(self, channel_id: int, guild_id: int | None) -> bool:
        """Whether a channel or thread may be synced; True for an uncached thread."""
        guild = self._bot.get_guild(guild_id) if guild_id in self._bot.followed else None
        if guild is None:
            return False
        channel = guild.get_channel_or_thread(channel_id)
        return channel is None or self._synced_thread(channel) is not None

    def _has_openers(self, channel_id: int) -> bool:
        """Whether a message of this channel may be the opener of a synced thread.

        The opener is the first message of a thread. A thread may start from a message of its
        channel.
        """
        return self._sync.synced.get(channel_id) is SyncedContent.THREADS

    async def _store(self, function: Callable[[Core], object]) -> None:
        if await self._bot.worker.call(function):
            self._sync.unindexed = True

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        thread = self._synced_thread(message.channel)
        new = archived_message(message) if thread is not None else None
        if thread is None or new is None:
            return
        self._sync.updated_live.add(message.id)
        self._sync.unread = True
        await self._store(lambda core: steps.store_live_message(core, thread, new))

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        begins = self._has_openers(event.channel_id)
        if not begins and not self._may_be_synced(event.channel_id, event.guild_id):
            return
        now = archived_message(event.message)
        thread_id = event.message_id if begins else event.channel_id
        if now is not None:
            self._sync.updated_live.add(event.message_id)
            await self._store(lambda core: steps.store_edit(core, thread_id, now))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Stop quoting a message at once."""
        await self._delete([event.message_id], event.channel_id, event.guild_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._delete(event.message_ids, event.channel_id, event.guild_id)

    async def _delete(
        self, message_ids: Collection[int], channel_id: int, guild_id: int | None
    ) -> None:
        if self._has_openers(channel_id) or self._may_be_synced(channel_id, guild_id):
            self._sync.updated_live.update(message_ids)
            await self._store(lambda core: steps.delete_messages(core, message_ids))

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        if self._synced_thread(thread) is not None:
            begun = archived_thread(thread)
            await self._bot.worker.call(lambda core: core.archive.save_thread(begun))
            self._sync.unread = True

    @commands.Cog.listener()
    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        private = event.thread_type is discord.ChannelType.private_thread
        if event.parent_id in self._sync.synced and not private:
            guild = self._bot.get_guild(event.guild_id)
            parent = guild.get_channel(event.parent_id) if guild is not None else None
            now = updated_thread(event, parent)
            await self._bot.worker.call(lambda core: core.archive.save_thread(now))
            self._sync.unindexed = self._sync.unread = True

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        if event.parent_id in self._sync.synced:
            await self._bot.worker.call(lambda core: steps.delete_thread(core, event.thread_id))

    @commands.Cog.listener()
    async def on_guild_channel_pins_update(self, channel: Any, _: datetime | None) -> None:
        if self._sync.synced.get(channel.id) is SyncedContent.PINS:
            await self._bot.worker.call(lambda core: core.archive.refetch_pins(channel.id))
            self._sync.unread = True

    @commands.Cog.listener("on_raw_reaction_add")
    @commands.Cog.listener("on_raw_reaction_remove")
    @commands.Cog.listener("on_raw_reaction_clear")
    @commands.Cog.listener("on_raw_reaction_clear_emoji")
    async def on_reaction(self, event: Any) -> None:
        """Fetch the message again, because a reaction may mark the accepted answer."""
        if self._may_be_synced(event.channel_id, event.guild_id):
            self._sync.refetch_queue[event.message_id] = event.channel_id

    # Access.

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Delete the content of a channel, and record that the channel is gone."""
        if channel.id in self._sync.synced:
            await self._sync.fail_channel(channel.id, ChannelProblem(ProblemCode.GONE))

    @commands.Cog.listener()
    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        """Check access to a synced channel, which may have become visible to the bot."""
        if channel.id in self._sync.synced:
            await self._check([channel.id], gained=True)

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """Check access to a synced channel, and store the channel's name."""
        if after.id in self._sync.synced:
            await self._check(
                [after.id],
                gained=bool(missing_permissions(before)) and not missing_permissions(after),
            )

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        if before.permissions != after.permissions and after in after.guild.me.roles:
            await self._check_guild(after.guild)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Check access to synced channels, because the bot may have lost a role.

        Discord doesn't tell which members had the role. So the role is removed here from the bot's
        cached member.
        """
        forget_role(role.guild.me, role.id)
        await self._check_guild(role.guild)

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        if after == after.guild.me and before.roles != after.roles:
            await self._check_guild(after.guild)

    @commands.Cog.listener("on_guild_available")
    @commands.Cog.listener("on_guild_join")
    async def on_guild_back(self, guild: discord.Guild) -> None:
        """Start a round, because events may have been missed."""
        await self._sync.begin(self._bot.followed.get(guild.id, ()))

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Start a round, because events may have been missed."""
        self._sync.schedule_round()

    async def _check_guild(self, guild: discord.Guild) -> None:
        await self._check(self._bot.followed.get(guild.id, ()), gained=True)

    async def _check(self, channel_ids: Iterable[int], *, gained: bool) -> None:
        for channel_id in [*channel_ids]:
            if await self._sync.check_access(channel_id) and gained:
                await self._sync.begin([channel_id])
