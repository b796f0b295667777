"""Leader's tasks: what is done once for all guilds, whichever process runs which shards.

Commands are sent to Discord, sites are visited, old questions pruned, and guilds that were left
long ago are purged. Nothing of it may be done by two processes at once: where
several share the guilds, one of them leads. What is done guild by guild is the shards' own
(`bot.cluster.shards`), and is not here.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord
from discord.ext import tasks

from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import beside
from bot.interactions.kit.errors import EXPLAINED
from bot.interactions.kit.retries import LOST
from bot.interactions.services import GoOn, Services
from bot.privacy import service as privacy_service
from bot.process.metrics import Metrics
from bot.sources.web_sync import PAUSE_SECONDS, MakeFetcher, visit
from bot.storage.data_folder import data_folder
from knowledge.text import counted

# Remembered so that commands are only sent to Discord when they changed: creating them is limited
# to 200 a day (docs/decisions.md).
COMMANDS_DIGEST: Final = "commands digest"

# How often sending the commands is tried again while Discord is not there.
SYNC_SECONDS: Final = 60
# How often the words of old questions are pruned, beginning with the start.
PRUNE_SECONDS: Final = 86_400

_logger = logging.getLogger(__name__)


class Leader:
    """What one process does for all of them."""

    def __init__(self, bot: Services, metrics: Metrics, make_fetcher: MakeFetcher) -> None:
        """Do nothing yet; `make_fetcher` makes what visits the sources on the web."""
        self._bot = bot
        self._metrics = metrics
        self._make_fetcher = make_fetcher
        self._stopping = threading.Event()
        self._syncing: tasks.Loop[Any] | None = None

    # From when on which of them are done.

    def begin(self, go_on: GoOn) -> None:
        """From the login on."""
        self._syncing = go_on(SYNC_SECONDS, self._sync)

    def prepared(self, go_on: GoOn) -> None:
        """From when on the index is in step, or has been tried to be."""
        if self._bot.settings.questions.keep_days:
            go_on(PRUNE_SECONDS, self.prune_questions)
        if self._bot.settings.sources.web_hours:
            go_on(PAUSE_SECONDS, self._visit_sources)

    def end(self) -> None:
        self._stopping.set()

    # Sources.

    async def _visit_sources(self) -> None:
        try:
            steps = await self._visited(None)
            progress = None
            if steps:
                progress = await self._bot.leaders_worker.run_slices(index_updates.update_pages)
            if progress is not None:
                _logger.info("The sources on the web were visited: %s.", progress.report)
        except EXPLAINED as error:
            self._metrics.failed(error)
            _logger.warning("%s", error)

    async def visit(self, locations: Sequence[str]) -> bool:
        """Visit sources on the web now; False while they are being visited anyway.

        Where another process leads, that one visits them within minutes.
        """
        if not self._bot.leads:
            return False
        steps = await self._visited(frozenset(locations))
        if steps:
            await self._bot.leaders_worker.run_slices(index_updates.update_pages)
        return bool(steps)

    async def _visited(self, named: frozenset[str] | None) -> int:
        sources = await self._bot.leaders_worker.call(Core.web_sources, priority=Priority.INDEXING)
        settings = self._bot.settings
        arguments = (settings.sources, self._stopping, self._make_fetcher, named)
        folder, database = data_folder(settings), settings.data.database
        steps: int = await beside(visit, folder, sources, *arguments, database)
        return steps

    # Retention.

    async def prune_questions(self) -> None:
        """Drop the words of questions that were asked long ago."""
        before = datetime.now(UTC) - timedelta(days=self._bot.settings.questions.keep_days)
        worker = self._bot.leaders_worker
        await worker.call(lambda core: core.store.helped_questions.prune(before))
        pruned = await worker.run_slices(lambda core: privacy_service.prune_questions(core, before))
        if pruned:
            dropped = counted(pruned, "old question")
            _logger.info("The words of %s were dropped.", dropped)

    # Commands.

    async def _sync(self) -> None:
        try:
            await self._sync_if_changed()
        except (discord.DiscordServerError, *LOST) as error:
            self._metrics.failed(error)
            _logger.warning("The commands could not be sent to Discord yet: %s", error)
            return
        except (discord.HTTPException, *EXPLAINED) as error:
            # The commands that Discord knows go on working; the next start tries again.
            self._metrics.failed(error)
            _logger.error("The commands could not be sent to Discord: %s", error)
        if self._syncing is not None:
            self._syncing.stop()

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
        worker = self._bot.leaders_worker
        sent = await worker.call(
            lambda core: core.store.recall(COMMANDS_DIGEST), priority=Priority.ASKING
        )
        if sent == digest:
            return
        # `tree.sync()` would translate them all once more.
        await self._bot.http.bulk_upsert_global_commands(application, payload)
        await worker.call(
            lambda core: core.store.remember(COMMANDS_DIGEST, digest), priority=Priority.ASKING
        )
        _logger.info("The commands have changed and were sent to Discord.")
