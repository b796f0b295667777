"""Command tree: its one check, and the way of its errors to the client's one handler."""

import logging
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands

from bot.interactions.errors import say
from bot.interactions.guild_settings import viewer_language
from bot.text import error_messages

if TYPE_CHECKING:
    from bot.client import Bot

# What discord.py says of a command that it does not know, or not with these options.
_CHANGED: Final = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)

_logger = logging.getLogger(__name__)


class CommandTree(app_commands.CommandTree["Bot"]):
    """The command tree, whose errors all go to the client's one handler."""

    async def interaction_check(self, interaction: discord.Interaction["Bot"], /) -> bool:
        return await self.client.admits(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Bot"], error: app_commands.AppCommandError
    ) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, _CHANGED):
            _logger.info("A command was used as an earlier version had it: %s", cause)
            if interaction.type is discord.InteractionType.application_command:
                language = await viewer_language(interaction)
                await say(interaction, error_messages.COMMAND_CHANGED(language))
            return
        await self.client.explain(interaction, cause)
