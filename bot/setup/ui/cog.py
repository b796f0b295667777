"""Setup cog: `/setup`."""

import functools
import logging
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.interactions.features import Feature
from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.localisation import description
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.permissions import SHOWN_TO_ADMINISTRATORS, manages, may_send
from bot.interactions.services import Cog, Interaction, Services
from bot.setup import messages, service
from bot.setup.settings import Page
from bot.setup.ui.controls import PLACES, SetupButton, deliver_cards
from bot.setup.ui.forms import store
from bot.setup.ui.panel import SetupPanel
from bot.text import languages
from bot.text.languages import speaking
from knowledge.values.guilds import Language

_logger = logging.getLogger(__name__)


class GreetingCog(Cog):
    """Greets a guild that the bot joined."""

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet in the system channel, or else in a message to the person who added the bot."""
        if not await self.bot.allowed_guilds.answers(guild.me, guild.id):
            return
        self.bot.track()
        settings = await self.bot.guild_settings.settings(guild.id)
        language = languages.of_locale(guild.preferred_locale.value) or Language.ENGLISH
        if settings.complete:
            language = settings.language
        try:
            with speaking(language):
                await self._greet(guild, returned=settings.complete)
        except UNREACHED as error:
            _logger.info("Nobody could be told that I'm here: %s", error)

    async def _greet(self, guild: discord.Guild, *, returned: bool) -> None:
        channel = guild.system_channel
        if channel is not None and may_send(channel):
            sentence = messages.RETURNED if returned else messages.ARRIVED
            view = view_of([SetupButton(action="open")]) or discord.utils.MISSING
            nonce = f"{'again' if returned else 'hello'}-{guild.id}"
            # The nonce keeps a resent greeting from appearing twice.
            await send_with_retries(
                functools.partial(channel.send, sentence(), view=view, nonce=nonce)
            )
            return
        # The person who added the bot, or else the guild's owner.
        user: discord.User | discord.Member | None = None
        if guild.me.guild_permissions.view_audit_log:
            async for entry in guild.audit_logs(action=discord.AuditLogAction.bot_add, limit=10):
                if entry.target is not None and entry.target.id == guild.me.id:
                    user = entry.user
                    break
        if user is None and guild.owner_id is not None:
            user = await self.bot.fetch_user(guild.owner_id)
        if user is not None:
            # Role and channel lists work only inside the server.
            link = discord.ui.Button[discord.ui.View](
                label=messages.TO_THE_SERVER(),
                url=f"https://discord.com/channels/{guild.id}",
            )
            arrival = messages.direct_arrival(guild.name)
            await user.send(arrival, view=view_of([link]) or discord.utils.MISSING)


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
    """The command `/setup`."""

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
        options = {"review_channel_id": review_channel, "moderator_role_id": moderator_role}
        changes = {column: option.id for column, option in options.items() if option is not None}
        if changes:
            await store(interaction, service.change, **changes)
        page, channel_id = (None, 0) if channel is None else (Page.CHANNELS, channel.id)
        await self.bot.setup_panel.show(interaction, page, channel_id=channel_id)
        if review_channel is not None:
            await deliver_cards(interaction)

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
            await self.bot.worker.call(
                lambda core: core.store.channel_settings.forget(channel_id, guild_id)
            )
            self.bot.guild_settings.forget(guild_id)


def feature(bot: Services) -> Feature:
    bot.setup_panel = SetupPanel(bot)
    return Feature([SetupCog(bot), GreetingCog(bot)])
