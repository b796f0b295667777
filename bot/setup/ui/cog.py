"""Setup cog: `/setup` and `/about`."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.config.version import own_version
from bot.core.job_queue import Priority
from bot.interactions.features import Feature
from bot.interactions.kit.localisation import description, viewer_language
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.policy.permissions import (
    SHOWN_TO_ADMINISTRATORS,
    also_directly,
    is_moderator,
    manages,
)
from bot.interactions.services import Cog, Interaction, Services
from bot.setup import messages, service
from bot.setup.settings import Page
from bot.setup.ui.controls import PLACES, deliver_cards
from bot.setup.ui.forms import store
from bot.setup.ui.greeting import GreetingCog
from bot.setup.ui.panel import SetupPanel
from bot.setup.ui.synonym_cog import SynonymsCog
from knowledge.values.guilds import Phrasing


class _Place(app_commands.Transformer):
    """Option for any channel, thread or category, except media channels.

    discord.py's own option types would offer media channels, too.
    """

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return [*PLACES]

    async def transform(self, _interaction: discord.Interaction[Any], value: Any, /) -> Any:
        return value


_AnyChannel = app_commands.Transform[
    app_commands.AppCommandChannel | app_commands.AppCommandThread, _Place
]


class SetupCog(Cog):
    """The commands `/setup` and `/about`."""

    @app_commands.command(
        name="setup",
        description=description("Set me up: review channel, moderators, where I answer, sources."),
    )
    @app_commands.describe(
        review_channel=description("The channel in which notes are reviewed."),
        moderator_role=description("The role that may decide on notes."),
        channel=description("A channel, thread or category whose settings to show and change."),
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_ADMINISTRATORS)
    async def setup(
        self,
        interaction: Interaction,
        review_channel: discord.TextChannel | None = None,
        moderator_role: discord.Role | None = None,
        channel: _AnyChannel | None = None,
    ) -> None:
        """Store the given settings, and open the panel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not await manages(interaction):
            return
        given = {"review_channel_id": review_channel, "moderator_role_id": moderator_role}
        changes = {name: one.id for name, one in given.items() if one is not None}
        if changes:
            await store(interaction, service.change, **changes)
        if channel is None:
            await self.bot.setup_panel.show(interaction)
        else:
            panel = self.bot.setup_panel
            await panel.show(interaction, Page.CHANNELS, channel_id=channel.id)
        if review_channel is not None:
            await deliver_cards(interaction)

    @app_commands.command(
        name="about",
        description=description("Show what I am and how much I know."),
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
        phrasing = messages.phrased(
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

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._forget(channel.id, channel.guild.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._forget(event.thread_id, event.guild_id)

    async def _forget(self, channel_id: int, guild_id: int) -> None:
        """Delete the settings of a channel that was deleted."""
        choices = await self.bot.guild_settings.choices(guild_id)
        if channel_id in choices.channels:
            await self.bot.worker.call(lambda core: service.forget(core, channel_id, guild_id))
            self.bot.guild_settings.forget(guild_id)


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
    return Feature([SetupCog(bot), SynonymsCog(bot), GreetingCog(bot)])
