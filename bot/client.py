"""The `Bot`: its intents, cogs, persistent buttons, command sync, and the single error handler.

Errors:
    Exception
    └── LoginError    Discord does not take the token; the message says what to do
"""

import asyncio
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot import wording
from bot.cogs.admin import Admin
from bot.cogs.ask import AnswerButton, Asking, GapButton
from bot.cogs.notes import Notes
from bot.cogs.review import CardButton, Reviews
from bot.config import Settings
from bot.core import Core
from bot.worker import Priority, Worker, WorkerStoppedError
from indexer.embedder import Embedder, ModelError
from indexer.index import IndexError_
from knowledge.store import StoreError

# Remembered so that commands are only sent to Discord when they changed: creating them is limited
# to 200 a day (docs/decisions.md).
COMMANDS_DIGEST: Final = "commands digest"

# What is explained by its own message and is no defect.
EXPLAINED: Final = (IndexError_, ModelError, StoreError, WorkerStoppedError)

_REFUSED: Final = (
    "Discord does not take the token in DISCORD_TOKEN: copy it anew from the Bot page of your "
    "application in Discord's developer portal (Reset Token shows it once)."
)

_logger = logging.getLogger(__name__)

# The bot never speaks; a warning that it can't would only make an operator look for a remedy.
discord.VoiceClient.warn_nacl = False


class LoginError(Exception):
    """Discord does not take the token."""


class CommandTree(app_commands.CommandTree["Bot"]):
    """The command tree, whose errors all go to the client's one handler."""

    async def on_error(
        self, interaction: discord.Interaction["Bot"], error: app_commands.AppCommandError
    ) -> None:
        """Explain, or log and give the member an id to report."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await self.client.explain(interaction, cause)


class Bot(commands.Bot):
    """Commonplace in Discord."""

    def __init__(self, settings: Settings, worker: Worker[Core] | None = None) -> None:
        """Make the bot.

        Args:
            settings: what the operator chose.
            worker: the thread that owns the core; without one, it is started when the bot logs
                in. Either way the bot stops it.
        """
        super().__init__(
            # No text command exists; a prefix is required, and no message starts with this one.
            command_prefix=commands.when_mentioned,
            help_command=None,
            # None of these is privileged. Mentions of the bot and direct messages come with
            # their content; nothing else is read.
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=CommandTree,
        )
        self.settings = settings
        self._worker = worker

    @property
    def worker(self) -> Worker[Core]:
        """The thread that owns the core."""
        if self._worker is None:
            raise RuntimeError("The bot has not been set up yet.")
        return self._worker

    async def setup_hook(self) -> None:
        """Begin opening the core, add the cogs, and sync commands if they changed."""
        if self._worker is None:
            self._worker = start_worker(self.settings)
        for cog in (Asking(self), Notes(self), Reviews(self), Admin(self)):
            await self.add_cog(cog)
        self.add_dynamic_items(AnswerButton, GapButton, CardButton)
        self.loop.create_task(self._prepare(), name="commonplace-prepare")

    async def _prepare(self) -> None:
        """Sync commands and bring the index up to date; logging in waits for neither."""
        started = time.monotonic()
        try:
            await self._sync_if_changed()
            await self.worker.run_slices(Core.update_quickly)
            await self.worker.run_slices(Core.update)
            await self.worker.call(Core.warm_up, priority=Priority.INDEXING)
        except EXPLAINED as error:
            _logger.error("%s", error)
            return
        _logger.info("Everything is indexed, %.1f s after the start.", time.monotonic() - started)

    async def _sync_if_changed(self) -> None:
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        worker = self.worker
        if await worker.call(Core.recall, COMMANDS_DIGEST, priority=Priority.ASKING) == digest:
            return
        await self.tree.sync()
        await worker.call(Core.remember, COMMANDS_DIGEST, digest, priority=Priority.ASKING)
        _logger.info("The commands have changed and were sent to Discord.")

    async def close(self) -> None:
        """Finish what was taken, then leave."""
        await super().close()
        if self._worker is not None:
            await self._worker.stop()

    def explanation(self, error: BaseException) -> str:
        """One sentence about an error: its own, or an id that stands in the log."""
        if isinstance(error, EXPLAINED):
            _logger.warning("%s", error)
            return str(error)
        error_id = secrets.token_hex(4)
        _logger.error("Error %s", error_id, exc_info=error)
        return wording.failed(error_id)

    async def explain(self, interaction: discord.Interaction[Any], error: BaseException) -> None:
        """Tell the member what went wrong, whether or not the interaction was answered already."""
        sentence = self.explanation(error)
        try:
            if interaction.response.is_done():
                await interaction.followup.send(sentence, ephemeral=True)
            else:
                await interaction.response.send_message(sentence, ephemeral=True)
        except discord.HTTPException as failure:
            # The interaction may have expired; the log has the error already.
            _logger.warning("The member could not be told: %s", failure)


def start_worker(settings: Settings, embedder: Embedder | None = None) -> Worker[Core]:
    """Start the thread that owns the core, with `embedder` instead of the model in the settings."""
    return Worker(lambda: Core(settings, embedder), Core.close)


def run_bot(settings: Settings, token: str, make: Callable[[Settings], Bot] = Bot) -> None:
    """Run the bot until it is stopped.

    Raises:
        LoginError: if Discord refuses the token.
    """
    bot = make(settings)
    try:
        bot.run(token, log_handler=None)
    except discord.LoginFailure as error:
        raise LoginError(_REFUSED) from error
    except (OSError, discord.GatewayNotFound) as error:
        raise LoginError(
            f"Discord can't be reached ({error}). Check the network, then start again."
        ) from error


def lacking_permissions(settings: Settings, token: str) -> dict[str, list[str]]:
    """For each server that the bot is in, the names of the permissions it lacks there.

    Raises:
        LoginError: if Discord refuses the token or can't be reached.
    """

    async def look() -> dict[str, list[str]]:
        async with discord.Client(intents=discord.Intents(guilds=True)) as client:
            await client.login(token)
            found: dict[str, list[str]] = {}
            async for guild in client.fetch_guilds(limit=None):
                member = await guild.fetch_member(client.user.id) if client.user else None
                have = member.guild_permissions if member else discord.Permissions.none()
                found[guild.name] = [
                    label
                    for name, label in wording.PERMISSION_NAMES.items()
                    if not getattr(have, name)
                ]
            return found

    try:
        return asyncio.run(look())
    except discord.LoginFailure as error:
        raise LoginError(_REFUSED) from error
    except (OSError, discord.HTTPException) as error:
        raise LoginError(f"Discord can't be reached ({error}).") from error


def invite_permissions() -> discord.Permissions:
    """What the bot needs in a server, and nothing more."""
    return discord.Permissions(**dict.fromkeys(wording.PERMISSION_NAMES, True))
