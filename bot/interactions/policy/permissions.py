"""Permission checks against the current state in Discord.

Discord's command permissions are only a default, and administrators can change them in *Server
Settings > Integrations*. So every command and every click is checked here.
"""

from typing import Any, Final

import discord
from discord import app_commands

from bot.interactions.kit.errors import say
from bot.interactions.services import Interaction
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.values.settings import GuildSettings

# Default permissions of moderators' and administrators' commands. Moderators are a role that
# `/setup` names; such a role usually may manage messages.
SHOWN_TO_MODERATORS: Final = discord.Permissions(manage_messages=True)
SHOWN_TO_ADMINISTRATORS: Final = discord.Permissions(manage_guild=True)


# Decorator of commands that also work in direct messages.
also_directly: Final = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)


def may_decide(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Whether a user is a moderator now: by role, or by managing the server."""
    if not isinstance(member, discord.Member):
        return False
    return member.guild_permissions.manage_guild or any(
        role.id == settings.moderator_role_id for role in member.roles
    )


def may_help(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Whether a user is a helper or a moderator now."""
    return may_decide(member, settings) or (
        isinstance(member, discord.Member)
        and any(role.id == settings.helper_role_id for role in member.roles)
    )


def may_manage(interaction: Interaction) -> bool:
    member = interaction.user
    return isinstance(member, discord.Member) and member.guild_permissions.manage_guild


async def manages(interaction: Interaction) -> bool:
    """Whether the sender may manage the server; if not, send a refusal."""
    if may_manage(interaction):
        return True
    await say(interaction, error_messages.NOT_AN_ADMINISTRATOR())
    return False


async def member_of(interaction: Interaction, guild_id: int) -> discord.Member | None:
    """Return the sender of an interaction as a member of a guild, or None for a non-member.

    For a direct message, this asks Discord: a banned contributor still has the buttons there.
    """
    member = interaction.user
    if not isinstance(member, discord.Member) or member.guild.id != guild_id:
        guild = interaction.client.get_guild(guild_id)
        if guild is None:
            return None
        try:
            member = await guild.fetch_member(interaction.user.id)
        except discord.NotFound:
            return None
    return member


def lacking_to_answer(channel: Any) -> list[str]:
    """Return Discord's names of the permissions the bot lacks to answer in a channel."""
    in_threads = isinstance(channel, discord.Thread | discord.ForumChannel)
    writes = "send_messages_in_threads" if in_threads else "send_messages"
    have = channel.permissions_for(channel.guild.me)
    needed = ("view_channel", writes, "read_message_history")
    return [name for name in needed if not getattr(have, name)]


def may_send(channel: Any) -> bool:
    """Whether the bot may write in a guild's channel now, or start a post in a forum."""
    have = channel.permissions_for(channel.guild.me)
    if isinstance(channel, discord.Thread):
        locked = channel.locked and not have.manage_threads
        return bool(have.view_channel and have.send_messages_in_threads and not locked)
    return bool(have.view_channel and have.send_messages)


async def is_moderator(interaction: Interaction) -> bool:
    settings = await interaction.client.guild_settings.current(interaction.guild_id or 0)
    return may_decide(interaction.user, settings)


async def moderator_refusal(
    interaction: Interaction, sentence: Sentence = error_messages.NOT_A_MODERATOR
) -> str:
    """Return a refusal of the sender, or an empty string if the sender is a moderator."""
    return "" if await is_moderator(interaction) else sentence()


async def refused(
    interaction: Interaction, sentence: Sentence = error_messages.NOT_A_MODERATOR
) -> bool:
    """Refuse a sender who isn't a moderator, as the first response; return whether that was so."""
    refusal = await moderator_refusal(interaction, sentence)
    if refusal:
        await interaction.edit_original_response(content=refusal, view=None)
    return bool(refusal)
