"""Checks of the setup against Discord's current permissions and roles."""

from typing import Final

import discord

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.channel_access import visible_without_roles
from bot.setup import panel_messages as messages
from bot.text import permission_names
from knowledge.values.settings import GuildSettings

_LARGE: Final = 20


def missing_permissions(channel: discord.abc.GuildChannel) -> list[str]:
    have = channel.permissions_for(channel.guild.me)
    return [name for name in permission_names.PERMISSION_NAMES if not getattr(have, name)]


def review_channel(guild: discord.Guild, settings: GuildSettings) -> discord.TextChannel | None:
    channel = guild.get_channel(settings.review_channel_id or 0)
    return channel if isinstance(channel, discord.TextChannel) else None


def read_by_others(channel: discord.abc.GuildChannel, settings: GuildSettings) -> bool:
    """Whether anyone but helpers and moderators can read a channel."""
    return visible_without_roles(channel, (settings.helper_role_id, settings.moderator_role_id))


async def role_warnings(guild: discord.Guild, settings: GuildSettings) -> list[str] | None:
    """Warnings about the moderators' role; None if the role is gone."""
    role = guild.get_role(settings.moderator_role_id or 0)
    if role is None:
        return None
    if role.is_default():
        return [messages.EVERYBODY(role=role.mention)]
    warnings = []
    members = guild.member_count or 0
    try:
        number = (await guild.role_member_counts()).get(role, 0)
    except UNREACHED:
        number = 0
    # No warning in a small server, where most members may be moderators.
    if number * 2 > members >= _LARGE:
        warnings.append(messages.MOST(number=number, members=members, role=role.mention))
    channel = review_channel(guild, settings)
    if channel is not None and not channel.permissions_for(role).view_channel:
        warnings.append(messages.BLIND(role=role.mention, channel=channel.mention))
    if not role.permissions.manage_messages and not role.permissions.administrator:
        warnings.append(messages.NOT_SHOWN(role=role.mention))
    return warnings


def invitation(guild: discord.Guild, application_id: int) -> str | None:
    """Link that grants the missing permissions to the bot's role; None if none is missing."""
    wanted = discord.Permissions(**dict.fromkeys(permission_names.PERMISSION_NAMES, True))
    if guild.me.guild_permissions.is_superset(wanted):
        return None
    return discord.utils.oauth_url(application_id, permissions=wanted, guild=guild)
