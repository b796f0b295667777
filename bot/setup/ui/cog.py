"""Setup cog: `/setup` and `/about`."""

import discord
from discord import app_commands

from bot.config.version import own_version
from bot.core.job_queue import Priority
from bot.interactions.features import Feature
from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.permissions import (
    SHOWN_TO_ADMINISTRATORS,
    also_directly,
    is_moderator,
    manages,
)
from bot.interactions.services import Cog, Interaction, Services
from bot.setup import messages, phrasing_messages, service
from bot.setup.ui.channel_cog import ChannelsCog
from bot.setup.ui.controls import deliver_cards, store_settings
from bot.setup.ui.greeting import GreetingCog
from bot.setup.ui.limits_cog import LimitsCog
from bot.setup.ui.panel import SetupPanel
from bot.setup.ui.synonym_cog import SynonymsCog
from knowledge.values.guilds import Phrasing


class SetupCog(Cog):
    """The commands `/setup` and `/about`."""

    @app_commands.command(
        name="setup",
        description=described("Set me up: review channel, moderators, where I answer, sources."),
    )
    @app_commands.describe(
        review_channel=described("The channel in which notes are reviewed."),
        moderator_role=described("The role that may decide on notes."),
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_ADMINISTRATORS)
    async def setup(
        self,
        interaction: Interaction,
        review_channel: discord.TextChannel | None = None,
        moderator_role: discord.Role | None = None,
    ) -> None:
        """Store the given settings, and open the panel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not await manages(interaction):
            return
        given = {"review_channel_id": review_channel, "moderator_role_id": moderator_role}
        changes = {name: one.id for name, one in given.items() if one is not None}
        if changes:
            await store_settings(interaction, **changes)
        await self.bot.setup_panel.show(interaction)
        if review_channel is not None:
            await deliver_cards(interaction)

    @app_commands.command(
        name="about",
        description=described("Show what I am and how much I know."),
    )
    @also_directly
    async def about(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        viewer = await viewer_language(interaction)
        channels = quotable_channels(interaction, private=True)
        counts, changed_at = await self.bot.worker.call(
            lambda core: service.about(core, interaction.guild_id, channels),
            priority=Priority.ASKING,
        )
        model = self.bot.settings.model.name
        phrasing = phrasing_messages.about(
            self.bot.settings.phrasing.host, await _phrasing_in(interaction), viewer
        )
        sentence = messages.about(
            own_version(),
            counts,
            model,
            changed_at,
            viewer,
            phrasing,
            moderator=await is_moderator(interaction),
        )
        await interaction.edit_original_response(content=sentence)


async def _phrasing_in(interaction: Interaction) -> Phrasing:
    """The phrasing mode in a guild or in direct messages."""
    bot, guild_id = interaction.client, interaction.guild_id
    if bot.phrasing is None:
        return Phrasing.OFF
    guild = None if guild_id is None else await bot.guild_settings.settings(guild_id)
    mode = bot.phrasing.mode_in(guild)
    return Phrasing.OFF if mode is None else Phrasing(mode.value)


def feature(bot: Services) -> Feature:
    bot.setup_panel = SetupPanel(bot)
    cogs = [SetupCog(bot), ChannelsCog(bot), LimitsCog(bot), SynonymsCog(bot), GreetingCog(bot)]
    return Feature(cogs)
