"""Greeting in a guild that the bot joined, with a button that opens the `/setup` panel.

A guild is greeted once: after an outage, Discord doesn't send the join event again.
"""

import functools
import logging

import discord
from discord.ext import commands

from bot.interactions.kit.buttons import view_of
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.permissions import may_send
from bot.interactions.services import Cog
from bot.setup import messages
from bot.setup.ui.controls import SetupButton
from bot.text import languages
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
            await self._greet(guild, language, returned=settings.complete)
        except UNREACHED as error:
            _logger.info("Nobody could be told that I'm here: %s", error)

    async def _greet(self, guild: discord.Guild, language: Language, *, returned: bool) -> None:
        channel = guild.system_channel
        if channel is not None and may_send(channel):
            sentence = messages.RETURNED if returned else messages.ARRIVED
            view = view_of([SetupButton(language, action="open")]) or discord.utils.MISSING
            nonce = f"{'again' if returned else 'hello'}-{guild.id}"
            # The nonce keeps a resent greeting from appearing twice.
            await send_with_retries(
                functools.partial(channel.send, sentence(language), view=view, nonce=nonce)
            )
            return
        user = await self._inviter(guild)
        if user is not None:
            # Role and channel lists work only inside the server.
            link = discord.ui.Button[discord.ui.View](
                label=messages.TO_THE_SERVER(language),
                url=f"https://discord.com/channels/{guild.id}",
            )
            told = messages.direct_arrival(guild.name, language)
            await user.send(told, view=view_of([link]) or discord.utils.MISSING)

    async def _inviter(self, guild: discord.Guild) -> discord.User | discord.Member | None:
        """The person who added the bot, from the audit log, or else the guild's owner."""
        if guild.me.guild_permissions.view_audit_log:
            async for entry in guild.audit_logs(action=discord.AuditLogAction.bot_add, limit=10):
                if entry.target is not None and entry.target.id == guild.me.id:
                    return entry.user
        return await self.bot.fetch_user(guild.owner_id) if guild.owner_id is not None else None
