"""Retention of former guilds' data: a listener for guilds, and the purge after a period."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import discord
from discord.ext import commands

from bot.core import index_updates
from bot.core.core import ROUND_ERRORS
from bot.interactions.services import Services
from bot.privacy import service

# Interval of purging the data of guilds left long ago.
ROUND_SECONDS: Final = 3_600

_logger = logging.getLogger(__name__)


class GuildRemoval(commands.Cog):
    """Listener for guilds that remove the bot or add it again; purges data after `keep_days`."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._compared = False

    @property
    def _present(self) -> list[int]:
        """Ids of all guilds that the bot is in, including unavailable ones."""
        return [guild.id for guild in self._bot.guilds]

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Start the retention period. For outages, Discord sends another event."""
        now = datetime.now(UTC)
        await self._bot.worker.call(lambda core: service.record_removal(core, [guild.id], now))
        _logger.info("The bot was removed from a server.", extra={"guild_id": guild.id})

    @commands.Cog.listener("on_guild_join")
    @commands.Cog.listener("on_guild_available")
    async def on_guild_back(self, guild: discord.Guild) -> None:
        """Cancel the retention period of a guild that has the bot again."""
        if not self._compared:
            # At the start, `compare` handles all guilds together.
            return
        if await self._bot.worker.call(lambda core: service.record_return(core, [guild.id])):
            _logger.info("The bot is in a server again.", extra={"guild_id": guild.id})

    async def round(self) -> None:
        """Call `compare` once after each start of the bot."""
        if not self._compared:
            self._compared = True
            await self.compare()

    async def compare(self) -> None:
        """Record the guilds that removed the bot, or added it again, while the bot was offline."""
        try:
            present, known, now = self._present, self._bot.membership_known, datetime.now(UTC)
            gone, back = await self._bot.worker.call(
                lambda core: service.compare_guilds(core, present, known, now)
            )
        except ROUND_ERRORS as error:
            _logger.error("It is not known which servers the bot has left: %s", error)
            return
        if gone or back:
            counted = {"removed_from": len(gone), "back_in": len(back)}
            _logger.info("The bot was removed from servers, or is back in some.", extra=counted)

    async def purge_round(self) -> None:
        try:
            await self.purge(datetime.now(UTC))
        except ROUND_ERRORS as error:
            _logger.error("What is to be deleted waits for the next hour: %s", error)

    async def purge(self, at: datetime) -> None:
        """Delete data of guilds whose retention period is over."""
        keep = timedelta(days=self._bot.settings.guilds.keep_days)
        present, known = self._present, self._bot.all_memberships_known
        worker = self._bot.worker
        purged = await worker.call(
            lambda core: service.purge_former_guilds(core, present, known, at, keep)
        )
        if purged:
            await worker.run_slices(index_updates.update_files)
            await worker.run_slices(index_updates.update_pages)
            await worker.run_slices(index_updates.check_channels)
            await self._bot.channel_sync.load()
            _logger.info("Everything of servers left long ago was deleted: %d.", len(purged))
