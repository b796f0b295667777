"""Setting up and looking around: `/setup`, `/about`."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

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
        own_notes="Whether moderators may decide on notes of their own.",
        undo_minutes="For how long a decision can be taken back.",
        reminder_hours="After how many hours moderators are reminded; 0 for never.",
        sample_every="Look at one in so many notes published at once; 0 for none.",
        allowed_hosts="Web hosts whose links need no second look, separated by blanks.",
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def setup(
        self,
        interaction: discord.Interaction["Bot"],
        review_channel: discord.TextChannel,
        moderator_role: discord.Role,
        own_notes: bool | None = None,
        undo_minutes: app_commands.Range[int, 0, 1440] | None = None,
        reminder_hours: app_commands.Range[int, 0, 720] | None = None,
        sample_every: app_commands.Range[int, 0, 1000] | None = None,
        allowed_hosts: str | None = None,
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
        changed: dict[str, Any] = {
            "review_channel_id": review_channel.id,
            "moderator_role_id": moderator_role.id,
            "four_eyes": None if own_notes is None else not own_notes,
            "undo_minutes": undo_minutes,
            "reminder_hours": reminder_hours,
            "sample_every": sample_every,
            "allowed_hosts": None if allowed_hosts is None else tuple(allowed_hosts.split()),
        }
        # What is left out stays as it is.
        given = {name: value for name, value in changed.items() if value is not None}
        settings = replace(chosen, **given)
        await self.bot.worker.call(
            Core.save_guild_settings, settings, member.id, priority=Priority.REVIEWING
        )
        missing = missing_permissions(review_channel)
        await interaction.edit_original_response(
            content=wording.set_up(
                review_channel.mention, moderator_role.mention, missing, settings
            )
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
