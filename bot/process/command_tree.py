"""Command tree: checks commands before they run, and passes their errors to the client."""

import logging
from typing import Any, Final, cast

import discord
from discord import app_commands

from bot.interactions.kit.errors import say
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.kit.option_values import misfit
from bot.interactions.policy.command_groups import GuardedGroup
from bot.interactions.services import Interaction, Services
from bot.setup.settings import TITLES, Page
from bot.text import error_messages
from bot.text.languages import Sentence

# Commands of 1.0.0 that became pages of `/setup`; to be dropped in the release after next.
MOVED: Final = {"channel": Page.CHANNELS, "digest": Page.REMINDERS, "limits": Page.LIMITS}
_MOVED_TO: Final = Sentence("That has moved: open `/setup` and choose *{page}* at the bottom.")

_logger = logging.getLogger(__name__)


class CommandTree(app_commands.CommandTree[Services]):
    """The bot's commands."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        if not await self.client.admits(interaction):
            return False
        if interaction.type is not discord.InteractionType.application_command:
            # Incomplete values are fine while the member types.
            return True
        try:
            return await self._has_valid_options(interaction) and await _is_let_in(interaction)
        except Exception as error:  # noqa: BLE001 - discord.py passes errors of checks to nobody
            await self.client.explain(interaction, error)
            return False

    async def _has_valid_options(self, interaction: Interaction) -> bool:
        """Whether all options have valid values. If not, tell the member."""
        data: Any = interaction.data
        option = misfit(self, data)
        if option is None:
            return True
        _logger.info("A command was used with an invalid value: %s", option)
        language = await viewer_language(interaction)
        await say(interaction, error_messages.OPTION_MISFIT(language, option=option))
        return False

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        cause: BaseException = error.__cause__ or error
        if isinstance(error, app_commands.CommandInvokeError):
            cause = error.original
        if isinstance(cause, app_commands.AppCommandError):
            # discord.py doesn't know the command, the options or the target.
            _logger.info("A command was used in an earlier version's form: %s", cause)
            if interaction.type is discord.InteractionType.application_command:
                await say(interaction, await _new_place(interaction))
            return
        await self.client.explain(interaction, cause)


async def _new_place(interaction: Interaction) -> str:
    """A sentence about a command that this version doesn't have."""
    language, sent = await viewer_language(interaction), cast("dict[str, Any]", interaction.data)
    page = MOVED.get(sent.get("name", ""))
    if page is None:
        return error_messages.COMMAND_CHANGED(language)
    return _MOVED_TO(language, page=TITLES[page](language))


async def _is_let_in(interaction: Interaction) -> bool:
    command = interaction.command
    group = command.root_parent if isinstance(command, app_commands.Command) else None
    return not isinstance(group, GuardedGroup) or await group.lets_in(interaction)
