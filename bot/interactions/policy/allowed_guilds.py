"""Guild allowlist: the bot leaves other guilds at once, and doesn't answer their members.

Unless *Public Bot* is off in Discord's developer portal, anybody with the application's id can
invite the bot, and would get answers from the documents shared by all servers.
"""

import asyncio
import contextlib
import logging
from typing import Final

import discord
from cachetools import TTLCache
from discord.ext import commands

from bot.config.settings import ANYBODY
from bot.interactions.kit.errors import UNREACHED, say
from bot.interactions.kit.forms import give_back
from bot.interactions.services import Interaction, Services
from bot.text import error_messages, languages
from bot.text.languages import speaking
from knowledge.values.guilds import Language

# TTL of a membership: Discord reports changes only with a privileged intent.
_SECONDS: Final = 600
_MEMBERS: Final = 10_000

_logger = logging.getLogger(__name__)


class AllowedGuilds(commands.Cog):
    """Leaves guilds outside the allowlist, and answers only members of allowed guilds."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._allowed = bot.settings.guilds.allowed
        self._members: TTLCache[int, bool] = TTLCache(_MEMBERS, _SECONDS)
        self._left: set[int] = set()

    async def cog_load(self) -> None:
        """Warn the operator at the start if anybody can add the bot."""
        application = self._bot.application
        if self._allowed == "all" and (application is None or application.bot_public):
            _logger.warning(ANYBODY)

    def _allows(self, guild_id: int) -> bool:
        return self._allowed == "all" or guild_id in self._allowed

    async def answers(self, user: discord.abc.User, guild_id: int | None) -> bool:
        if guild_id is not None:
            return self._allows(guild_id)
        if self._allowed == "all":
            return True
        is_member = self._members.get(user.id)
        if is_member is None:
            guilds = [guild for guild in self._bot.guilds if self._allows(guild.id)]
            is_member = any(await asyncio.gather(*(_is_member(guild, user.id) for guild in guilds)))
            self._members[user.id] = is_member
        return is_member

    async def refuses(self, interaction: Interaction) -> bool:
        """Refuse an interaction unless it is allowed; return whether it was refused.

        The sender is told the reason, and gets back the input of a form. Members who installed the
        app for their own account are refused in servers and private conversations without the bot.
        """
        refusal = error_messages.NOT_SERVED
        if interaction.guild_id is None:
            has_bot = not interaction.context.private_channel
        else:
            has_bot = self._bot.get_guild(interaction.guild_id) is not None
        if not has_bot:
            refusal = error_messages.NOT_A_MEMBER
        elif await self.answers(interaction.user, interaction.guild_id):
            return False
        if interaction.type is discord.InteractionType.autocomplete:
            with contextlib.suppress(*UNREACHED):
                await interaction.response.autocomplete([])
            return True
        said = refusal()
        form = interaction.type is discord.InteractionType.modal_submit
        await (give_back if form else say)(interaction, said)
        return True

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Leave guilds that added the bot while it was offline."""
        for guild in self._bot.guilds:
            await self.leave(guild)

    @commands.Cog.listener("on_guild_join")
    @commands.Cog.listener("on_guild_available")
    async def leave(self, guild: discord.Guild) -> None:
        """Leave a guild outside the allowlist, after a message to its system channel or owner."""
        if self._allows(guild.id) or guild.id in self._left:
            return
        self._left.add(guild.id)
        tongue = languages.of_locale(guild.preferred_locale.value) or Language.ENGLISH
        try:
            channel = guild.system_channel
            with speaking(tongue):
                sentence = error_messages.LEAVES()
            if channel is not None and channel.permissions_for(guild.me).send_messages:
                await channel.send(sentence)
            elif guild.owner_id is not None:
                # The inviter is in the audit log, which the bot may not read.
                await (await self._bot.fetch_user(guild.owner_id)).send(sentence)
        except UNREACHED as error:
            _logger.info("The message about leaving a server failed: %s", error)
        try:
            await guild.leave()
            _logger.warning("Left a server outside the allowlist.", extra={"guild_id": guild.id})
        except UNREACHED as error:
            self._left.discard(guild.id)
            _logger.error("A server outside the allowlist could not be left: %s", error)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Forget that the bot left this guild, so that it leaves again after a new invitation."""
        self._left.discard(guild.id)


async def _is_member(guild: discord.Guild, user_id: int) -> bool:
    if guild.get_member(user_id) is not None:
        return True
    try:
        await guild.fetch_member(user_id)
    except UNREACHED:
        return False
    return True
