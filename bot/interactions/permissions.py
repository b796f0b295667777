"""Who may do what, as Discord says at this moment."""

from typing import Any

import discord

from bot.interactions.guild_settings import viewer_language
from bot.text import error_messages
from knowledge.model.guilds import GuildSettings


def may_decide(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Whether somebody is a moderator at this moment: the role, or managing the server."""
    if not isinstance(member, discord.Member):
        return False
    if member.guild_permissions.manage_guild:
        return True
    return any(role.id == settings.moderator_role_id for role in member.roles)


async def moderator_refusal(interaction: discord.Interaction[Any]) -> str:
    """Why somebody may not see what moderators see, or nothing."""
    settings = await interaction.client.worker.call(
        lambda core: core.store.guilds.settings(interaction.guild_id or 0)
    )
    if may_decide(interaction.user, settings):
        return ""
    return error_messages.NOT_A_MODERATOR(await viewer_language(interaction))


def may_write(interaction: discord.Interaction[Any]) -> bool:
    """Whether whoever used a command or a button may write where they did."""
    if interaction.guild_id is None:
        return True
    have = interaction.permissions
    if isinstance(interaction.channel, discord.Thread):
        return have.send_messages_in_threads
    return have.send_messages
