"""Setting up and looking around: `/setup`, `/about`."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import wording
from bot.core import Core
from bot.worker import Priority
from knowledge.model import GuildSettings

if TYPE_CHECKING:
    from bot.client import Bot


class Admin(commands.Cog):
    """What administrators set, and what everybody may know about the bot."""

    def __init__(self, bot: "Bot") -> None:
        """Work through the bot's worker."""
        self.bot = bot

    @app_commands.command(name="setup", description="Choose where notes are reviewed, and by whom.")
    @app_commands.describe(
        review_channel="The channel in which notes are reviewed.",
        moderator_role="The role that may decide on notes.",
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def setup(
        self,
        interaction: discord.Interaction["Bot"],
        review_channel: discord.TextChannel,
        moderator_role: discord.Role,
    ) -> None:
        """Keep the choice, say which permissions are missing, post what waits for review."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        member = interaction.user
        if not isinstance(member, discord.Member) or not member.guild_permissions.manage_guild:
            await interaction.edit_original_response(content=wording.SETUP_NEEDS_ADMIN)
            return
        chosen: GuildSettings = await self.bot.worker.call(
            Core.guild_settings, member.guild.id, priority=Priority.REVIEWING
        )
        settings = replace(
            chosen, review_channel_id=review_channel.id, moderator_role_id=moderator_role.id
        )
        await self.bot.worker.call(
            Core.save_guild_settings, settings, member.id, priority=Priority.REVIEWING
        )
        missing = missing_permissions(review_channel)
        await interaction.edit_original_response(
            content=wording.set_up(review_channel.mention, moderator_role.mention, missing)
        )
        if not missing:
            # Notes may wait that came before there was a channel that takes them.
            await self.bot.posting.catch_up()

    @app_commands.command(name="about", description="What this bot is and how much it knows.")
    async def about(self, interaction: discord.Interaction["Bot"]) -> None:
        """Say the version, the size of the corpus, and how to go on."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        counts: dict[str, int] = await self.bot.worker.call(
            Core.counts, interaction.guild_id, priority=Priority.ASKING
        )
        sentence = wording.about(own_version(), counts, self.bot.settings.model.name)
        await interaction.edit_original_response(content=sentence)


def missing_permissions(channel: discord.TextChannel) -> list[str]:
    """What the bot needs in a channel and does not have."""
    have = channel.permissions_for(channel.guild.me)
    return [name for name in wording.PERMISSION_NAMES if not getattr(have, name)]


def own_version() -> str:
    """The installed version, or what a checkout that is not installed calls itself."""
    try:
        return version("commonplace")
    except PackageNotFoundError:
        return "(not installed)"
