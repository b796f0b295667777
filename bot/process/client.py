"""Discord client, `Bot`: cogs, persistent components, start and stop, the single error handler."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers.ask import Ask
from bot.answers.outcome import Clarification, Reply
from bot.cluster.processes import Shards
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core, Figures
from bot.core.degradations import Degradations
from bot.core.job_queue import Priority
from bot.core.worker import (
    OPEN_AGAIN_SECONDS,
    Worker,
    WorkerBusyError,
    WorkerStoppedError,
    current_member,
)
from bot.interactions.attachments import Attachments
from bot.interactions.autocomplete import AutocompleteCache
from bot.interactions.features import Start, feature_folders
from bot.interactions.kit.discord_internals import is_set_up, resume_shards
from bot.interactions.kit.errors import say
from bot.interactions.kit.forms import Form, UnknownComponents, answer_unfinished
from bot.interactions.kit.localisation import Translator, viewer_language
from bot.interactions.kit.retries import retry_token_requests
from bot.interactions.pictures import PictureTexts
from bot.interactions.policy.allowed_guilds import AllowedGuilds
from bot.interactions.policy.explanations import EXPLAINED, explanation
from bot.interactions.policy.flood_control import FloodControl, TooFastError
from bot.interactions.policy.guild_settings_cache import GuildSettingsCache
from bot.interactions.threads import ThreadStarters
from bot.page.publisher import publication
from bot.process.background import BackgroundTasks
from bot.process.commands import CommandTree
from bot.process.health_server import Health
from bot.process.login import CONNECTION_FAILURES, connection_error, intents
from bot.process.metrics import Metrics, Values
from bot.process.sharded_client import ShardedClient
from bot.sources.web_sync import polite_fetcher
from bot.text.languages import speaking, spoken_language
from indexer.embedding.embedder import Embedder
from knowledge.dependencies import own_version
from knowledge.sources.net.polite_fetcher import MakeFetcher
from knowledge.store.database import is_away, passes
from knowledge.values.guilds import GuildFilter, Language
from knowledge.values.settings import GuildChoices

# How long a question waits for the first index of articles and notes.
ANSWERABLE_SECONDS: Final = 300
# How long closing waits for Discord and for the worker, which may be in a slice of an import.
CLOSING_SECONDS: Final = 10
# The same while the worker is still being opened and has no work to finish.
OPENING_SECONDS: Final = 2

# How long the worker may take to report its health; a slice takes a fraction of a second.
LOOKING_SECONDS: Final = 5

# Discord's code for a late response.
_EXPIRED: Final = 10062

_logger = logging.getLogger(__name__)


class Bot(ShardedClient):
    """Discord client of Commonplace, with all features."""

    def __init__(
        self,
        settings: Settings,
        worker: Worker[Core] | None = None,
        make_fetcher: MakeFetcher = polite_fetcher,
    ) -> None:
        """Make the bot. Without a `worker`, the login starts one. Closing stops the worker."""
        super().__init__(
            # There are no text commands, but discord.py requires a prefix.
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents(settings),
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=CommandTree,
            # Nothing asks for a message that was sent before.
            max_messages=None,
            # Preliminary; `launch_shards` sets the number that Discord recommends.
            shard_count=1,
            # Answers come from a server's knowledge, so a member can't install the bot alone or use
            # it in conversations of others. Some commands also work in direct messages.
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
        )
        self.settings = settings
        self.followed = {}
        self.degradations = Degradations()
        self.metrics: Metrics = Metrics(own_version())
        self.guild_settings: GuildSettingsCache = GuildSettingsCache(self)
        self.allowed_guilds: AllowedGuilds = AllowedGuilds(self)
        self.flood_control = FloodControl(settings.questions)
        self.attachments: Attachments = Attachments()
        self.thread_starters = ThreadStarters()
        self.picture_texts = PictureTexts(is_on=settings.pictures.read_text)
        self.autocomplete = AutocompleteCache(self)
        self.make_fetcher = make_fetcher
        self.background = BackgroundTasks(self, self.metrics)
        self.phrasing = None
        if settings.phrasing.is_on:
            # Imported only if a model is asked.
            from bot.phrasing.dispatcher import PhrasingDispatcher

            self.phrasing = PhrasingDispatcher(self)
        self._folders = feature_folders()
        self._features = [folder.make(self) for folder in self._folders]
        self._features.append(publication(self))
        if settings.data.database:
            self.join_cluster(self._settle, self.background.catch_up)
        self._worker = worker
        self._taken: set[asyncio.Task[Any]] = set()
        self._opening: asyncio.Task[None]
        self._posts = False
        self._made_at = datetime.now(UTC)

    @property
    def worker(self) -> Worker[Core]:
        if self._worker is None:
            raise RuntimeError("The bot has not been set up yet.")
        return self._worker

    async def setup_hook(self) -> None:
        """Begin to open the core, add the cogs, and begin the background tasks."""
        if self._worker is None:
            self._worker = start_worker(self.settings, preload=self.guild_settings.preload)
        components = [kind for folder in self._folders for kind in folder.components]
        unknown = UnknownComponents(self, [kind.ids for kind in components], self._forms)
        cogs = [cog for feature in self._features for cog in feature.cogs]
        for cog in (self.allowed_guilds, *cogs, unknown):
            await self.add_cog(cog)
        if self.phrasing is not None:
            self.phrasing.start()
        self.add_dynamic_items(*components)
        await self.tree.set_translator(Translator())
        self.background.begin([round_ for feature in self._features for round_ in feature.rounds])
        self._opening = self.loop.create_task(self._end_without_core())

    # Starting and stopping.

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        """Log in, and run until the bot is closed.

        Raises:
            LoginError: if Discord refuses the token.
            UnreachableError: if Discord can't be reached, or closes the connection permanently.
            StoreError, IndexError_, ModelError: if the data can't be opened, except during an
                outage of the database, which is waited for.
        """
        retry_token_requests()
        resume_shards()
        try:
            await super().start(token, reconnect=reconnect)
        except CONNECTION_FAILURES as error:
            raise connection_error(error) from error
        await self._opening

    def track(self, member_id: int | None = None) -> None:
        current_member.set(member_id)
        task = asyncio.current_task()
        if task is not None:
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        self.track(interaction.user.id)
        spoken_language.set(await viewer_language(interaction))
        return not await self.allowed_guilds.refuses(interaction)

    async def finish(self, seconds: float) -> None:
        if self.phrasing is not None:
            await self.phrasing.stop()
        if self._taken:
            _, left = await asyncio.wait(self._taken, timeout=seconds)
            if left:
                _logger.warning("Not finished in time: %d.", len(left))

    async def close(self) -> None:
        """Disconnect from Discord, then stop the worker after its current job."""
        self.background.end()
        self.attachments.close()
        if self.phrasing is not None:
            await self.phrasing.stop()
        opened = self._worker is None or self._worker.is_open
        seconds = CLOSING_SECONDS if opened else OPENING_SECONDS
        try:
            async with asyncio.timeout(seconds):
                if is_set_up(self):
                    await super().close()
                if self._worker is not None:
                    await self._worker.stop()
                await self.cluster.end()
        except TimeoutError:
            # A transaction that is cut off is rolled back at the next start.
            _logger.warning("The bot could not be closed in %d s.", seconds)

    async def on_message(self, message: discord.Message, /) -> None:
        """Ignore text commands; `AskCog` handles questions in messages."""

    # Health.

    async def on_ready(self) -> None:
        """Resume unfinished work and start the rounds, now that channels are known."""
        if not self._posts:
            self._posts = True
            if not self.worker.is_open:
                _logger.info("Connected. What was left unfinished follows once the data is open.")
            if not self.cluster.is_shared:
                await self._answer_unfinished(self.serves)
            self.background.start(Start.CONNECTED)

    @property
    def _forms(self) -> tuple[type[Form], ...]:
        return tuple(kind for folder in self._folders for kind in folder.forms)

    async def _answer_unfinished(self, mine: GuildFilter, before: datetime | None = None) -> None:
        """Answer clicks and forms that earlier processes left unanswered in these guilds."""
        await self._retry_outages(
            lambda: answer_unfinished(self, self._forms, before or self._made_at, mine),
            "Interactions from before the start wait for the next start: %s",
        )

    async def _retry_outages(self, step: Callable[[], Awaitable[object]], failed: str) -> None:
        """Take a step; again after a pause if an outage of the database ended it."""
        while True:
            try:
                await step()
            except EXPLAINED as error:
                if not passes(error):
                    _logger.error(failed, error)
                    return
            else:
                return
            await asyncio.sleep(OPEN_AGAIN_SECONDS)

    async def _settle(self, shards: Shards, since: datetime) -> None:
        """Take over the unfinished work of shards that this process has run since `since`."""
        await self.on_ready()
        await self._answer_unfinished(shards.have, since)
        steps: list[Callable[[], Awaitable[object]]] = [
            *(step for feature in self._features for step in feature.takes_over),
            lambda: self.worker.call(lambda core: core.recording.renew_ids()),
            lambda: self.worker.run_slices(index_updates.update_notes_and_articles),
        ]
        for step in steps:
            await self._retry_outages(
                step, "A shard's unfinished work could not be taken over completely: %s"
            )

    async def health(self) -> Health:
        problem, lacking = self._unopened_problem, tuple[str, ...]()
        if not problem:
            try:
                async with asyncio.timeout(LOOKING_SECONDS):
                    lacking = await self.worker.call(Core.problems, priority=Priority.HEALTH)
            except (TimeoutError, *EXPLAINED) as error:
                # The cluster reports an outage of the database that lasts too long.
                if not is_away(error):
                    silent = f"The worker has not answered for {LOOKING_SECONDS} s."
                    problem = str(error) or silent
        index_problem = "" if problem else self.background.index_problem
        reasons = (problem, index_problem, self.missing_shards_sentence(), self.cluster.problem)
        details = {"version": own_version(), **self.cluster.details()}
        degraded = (*lacking, *self.cluster.renewal_problems, *self.degradations.reasons())
        return Health(tuple(filter(None, reasons)), details, degraded)

    @property
    def _unopened_problem(self) -> str:
        """The reason why the core isn't open, or "" if the core is open."""
        worker = self._worker
        if worker is None:
            return "The bot has not logged in yet."
        if worker.problem is not None:
            known = isinstance(worker.problem, EXPLAINED)
            return str(worker.problem) if known else "The data folder can't be opened."
        return "" if worker.is_open else "The data folder is being opened."

    async def exposition(self) -> bytes:
        health = await self.health()
        figures: Figures | None = None
        if not self._unopened_problem:
            with contextlib.suppress(TimeoutError, *EXPLAINED):
                async with asyncio.timeout(LOOKING_SECONDS):
                    figures = await self.worker.call(Core.figures)
        waiting = self._worker.waiting() if self._worker is not None else {}
        values: Values = {
            "healthy": health.well,
            "degraded": bool(health.degraded),
            "discord_connected": not self.missing_shards_sentence(),
            "queue_length": {priority.name.lower(): count for priority, count in waiting.items()},
            "leads": self.cluster.leads,
            "shard_epoch": self.cluster.epochs,
            "shard_connected": self.connected_shards,
            "processes": self.cluster.number,
        }
        if figures is None:
            return self.metrics.exposition(values)
        return self.metrics.with_figures(values, figures)

    # Answers and errors.

    async def answerable(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERABLE_SECONDS):
                # During an outage of the database the asker is told so at once.
                await self._wait_for_core()
                await self.background.answerable.wait()

    async def _wait_for_core(self) -> None:
        """Wait for the core. A member's task gets the error of each failed attempt to open it."""
        if not self.worker.is_open:
            # A job that does nothing.
            await self.worker.call(lambda _core: None, priority=Priority.HEALTH)

    async def _end_without_core(self) -> None:
        """Close the bot if the core can't be opened, because it holds shards and can't answer."""
        try:
            await self._wait_for_core()
        except WorkerStoppedError:
            return
        except Exception:
            await self.close()
            raise

    async def answer(self, ask: Ask) -> Reply:
        await self.answerable()
        started = time.perf_counter()
        reply = await self.worker.call_batched(answer_together, ask)
        seconds = time.perf_counter() - started
        if not isinstance(reply.outcome, Clarification):
            self.metrics.count_answer(reply.evidence, seconds)
            known = {"question_id": reply.question_id, "evidence": reply.evidence.value}
            _logger.info("A question was answered.", extra={**known, "seconds": round(seconds, 3)})
        return reply

    def explanation(self, error: BaseException) -> str:
        if isinstance(error, (TooFastError, WorkerBusyError)):
            self.metrics.count("dropped", error.reason)
        else:
            self.metrics.count_error(error)
        return explanation(error)

    def log_error(self, error: BaseException) -> str:
        with speaking(Language.ENGLISH):
            return self.explanation(error)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log a listener's exception. If possible, the member has been told already."""
        error = sys.exc_info()[1]
        if error is not None:
            self.log_error(error)

    async def explain(self, interaction: discord.Interaction[Any], error: BaseException) -> None:
        if isinstance(error, discord.NotFound) and error.code == _EXPIRED:
            # Discord accepts no response any more.
            self.metrics.count_error(error)
            _logger.warning("An interaction was answered too late for Discord.")
            return
        await say(interaction, self.explanation(error))


def answer_together(core: Core, asks: list[Ask]) -> list[Reply]:
    """Answer all questions that wait at once, for `Worker.call_batched`."""
    return core.answer_pipeline.ask(asks)


def start_worker(
    settings: Settings,
    embedder: Embedder | None = None,
    preload: Callable[[dict[int, GuildChoices]], None] | None = None,
) -> Worker[Core]:
    """Start the core's thread; `preload` gets the guilds' settings before the model is opened."""
    return Worker(
        lambda: Core(settings, embedder, rebuild=True, preload=preload),
        Core.close,
        before_turn=Core.record_waiting,
    )
