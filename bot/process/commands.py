"""Commands: checks before they run, explanation of their errors, and their sync to Discord."""

import hashlib
import json
import logging
from typing import Any, Final

import discord
from discord import app_commands

from bot.core.job_queue import Priority
from bot.interactions.kit.errors import say
from bot.interactions.kit.option_values import misfit
from bot.interactions.kit.retries import LOST
from bot.interactions.policy.component_access import GuardedGroup
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Interaction, Services
from bot.process.metrics import Metrics
from bot.text import error_messages

# Kept in the store, because creating commands is limited to 200 a day (docs/decisions.md).
COMMANDS_DIGEST: Final = "commands digest"

# How often sending the commands is tried again while Discord can't be reached.
SYNC_SECONDS: Final = 60

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
            data: Any = interaction.data
            if option := misfit(self, data):
                _logger.info("A command was used with an invalid value: %s", option)
                await say(interaction, error_messages.OPTION_MISFIT(option=option))
                return False
            command = interaction.command
            group = command.root_parent if isinstance(command, app_commands.Command) else None
            return not isinstance(group, GuardedGroup) or await group.lets_in(interaction)
        except Exception as error:  # noqa: BLE001 - discord.py passes errors of checks to nobody
            await self.client.explain(interaction, error)
            return False

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError) -> None:
        cause: BaseException = error.__cause__ or error
        if isinstance(error, app_commands.CommandInvokeError):
            cause = error.original
        if isinstance(cause, app_commands.AppCommandError):
            # discord.py doesn't know the command, the options or the target.
            _logger.info("A command was used in an earlier version's form: %s", cause)
            if interaction.type is discord.InteractionType.application_command:
                await say(interaction, error_messages.COMMAND_CHANGED())
            return
        await self.client.explain(interaction, cause)


class CommandSync:
    """Sends the commands at each start, if they have changed since the last sync."""

    def __init__(self, bot: Services, metrics: Metrics) -> None:
        self._bot = bot
        self._metrics = metrics
        self._done = False

    async def round(self) -> None:
        """Send the commands. If Discord fails or can't be reached, the next round tries again."""
        if self._done:
            return
        try:
            await self._sync_if_changed()
        except (discord.DiscordServerError, *LOST) as error:
            self._metrics.count_error(error)
            _logger.warning("The commands could not be sent to Discord yet: %s", error)
            return
        except (discord.HTTPException, *EXPLAINED) as error:
            # Discord keeps the earlier commands; the next start tries again.
            self._metrics.count_error(error)
            _logger.error("The commands could not be sent to Discord: %s", error)
        self._done = True

    async def _sync_if_changed(self) -> None:
        tree, application = self._bot.tree, self._bot.application_id
        if application is None:
            raise discord.MissingApplicationID
        payload = [
            await command.get_translated_payload(tree, tree.translator)
            if tree.translator
            else command.to_dict(tree)
            for command in tree.get_commands()
        ]
        text = json.dumps([application, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        worker = self._bot.worker
        sent = await worker.call(
            lambda core: core.store.recall(COMMANDS_DIGEST), priority=Priority.ASKING
        )
        if sent == digest:
            return
        # Not `tree.sync()`, which would translate all commands again.
        await self._bot.http.bulk_upsert_global_commands(application, payload)
        await worker.call(
            lambda core: core.store.remember(COMMANDS_DIGEST, digest), priority=Priority.ASKING
        )
        _logger.info("The commands have changed and were sent to Discord.")
