"""Readers of a digest's channel: moderators alone, or who knows no more than every member.

What was asked privately, or where not everybody reads, is told to moderators alone. The roles are
looked at as they are when a digest is posted.
"""

from typing import Any

import discord

from bot.interactions.policy.channel_access import seen_by_others
from bot.interactions.policy.permissions import may_send
from bot.statistics.weekly_service import Readers
from knowledge.values.guilds import GuildSettings


def readers_of(channel: discord.abc.GuildChannel, settings: GuildSettings) -> Readers:
    return Readers(
        open_channels(channel.guild),
        moderators_only=not seen_by_others(channel, (settings.moderator_role_id,)),
    )


def open_channels(guild: discord.Guild) -> frozenset[int]:
    """The channels, and their threads that are not archived, which every member may read."""
    channels = {channel.id for channel in guild.channels if _is_open(channel)}
    threads = {
        thread.id
        for thread in guild.threads
        if thread.parent_id in channels and not thread.is_private()
    }
    return frozenset(channels | threads)


def _is_open(channel: discord.abc.GuildChannel) -> bool:
    """Whether everybody reads a channel; of one for adults alone nobody is told elsewhere."""
    everybody = channel.permissions_for(channel.guild.default_role)
    adults = bool(getattr(channel, "nsfw", False))
    return everybody.view_channel and everybody.read_message_history and not adults


def writable(channel: Any) -> bool:
    """Whether this is a channel of a guild in which the bot can write now."""
    return isinstance(channel, discord.TextChannel) and may_send(channel)
