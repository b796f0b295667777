"""Command sync: sends the commands to Discord after a change."""

import hashlib
import json
import logging
from typing import Final

import discord

from bot.core.job_queue import Priority
from bot.interactions.kit.retries import LOST
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from bot.process.metrics import Metrics

# Kept in the store, because creating commands is limited to 200 a day (docs/decisions.md).
COMMANDS_DIGEST: Final = "commands digest"

# How often sending the commands is tried again while Discord can't be reached.
SYNC_SECONDS: Final = 60

_logger = logging.getLogger(__name__)


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
            self._metrics.failed(error)
            _logger.warning("The commands could not be sent to Discord yet: %s", error)
            return
        except (discord.HTTPException, *EXPLAINED) as error:
            # Discord keeps the earlier commands; the next start tries again.
            self._metrics.failed(error)
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
