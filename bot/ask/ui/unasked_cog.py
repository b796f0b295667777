"""Cog of unasked answers to forum posts and to questions that address nobody.

Patterns filter the messages of channels set to *help*. Only questions are looked up, at lower
priority than all members' requests. Before an answer is posted, later messages are fetched, because
a settled question gets no answer. An answer is recorded before it is sent, so a lost connection
doesn't post it twice. If the process is killed in between, the answer is never posted.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord
from cachetools import TTLCache
from discord.ext import commands

from bot.answers.ask import Ask
from bot.answers.outcome import Reply
from bot.ask import unasked
from bot.ask.question_rules import begins_question
from bot.ask.ui import unasked_buttons
from bot.ask.ui.answer_message import answer_message, with_pictures
from bot.ask.ui.settled_check import TYPED, Place, is_closed, lacking_to_help, message_and_settled
from bot.ask.ui.unasked_buttons import asks_of, find_posted, help_buttons, similar_message
from bot.core.job_queue import Priority
from bot.core.worker import WorkerStoppedError
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import reply_once
from bot.interactions.policy.flood_control import FloodControl, TooFastError
from bot.interactions.services import Services
from bot.text.languages import speaking
from knowledge.values.questions import DailyCaps, HelpedQuestion
from knowledge.values.settings import Mode

ROUND_SECONDS: Final = 60
# The largest number of waiting questions. In a flood, the rest is left to people.
MOST_WAITING: Final = 500
# Concurrent answers, so that a rate-limited channel doesn't hold up the others.
AT_ONCE: Final = 4
# Questions overdue by more than this after downtime are left to people.
LATE: Final = timedelta(minutes=10)
# The largest number of questions checked again in a round. Each takes one or two requests.
MOST_LOOKED_AT: Final = 20
# A first message may arrive this many seconds before its post.
_EARLY_SECONDS: Final = 60
_EARLY: Final = 1_000

_PLACES: Final = (discord.TextChannel, discord.Thread)

_logger = logging.getLogger(__name__)


class UnaskedCog(commands.Cog):
    """Answers to questions that don't address the bot."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        caps = bot.settings.helper
        self._caps = DailyCaps(caps.member_daily, caps.channel_daily)
        # Separate from the limits for members' own questions to the bot.
        self._limits = FloodControl(bot.settings.questions)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._first_messages: TTLCache[int, discord.Message] = TTLCache(_EARLY, _EARLY_SECONDS)
        # Guilds with questions on record, so that deletions elsewhere are skipped.
        self.guilds: set[int] = set()
        # Channels whose missing permissions were logged.
        self._told: set[int] = set()

    async def cog_unload(self) -> None:
        for task in self._waiting.values():
            task.cancel()

    # Finding questions.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        channel: Any = message.channel
        if (
            message.guild is None
            or message.author.bot
            or message.webhook_id is not None
            or message.type not in TYPED
        ):
            return
        if isinstance(channel, discord.PartialMessageable):
            # The first message of a post, which may arrive before the post itself.
            if channel.id == message.id:
                self._first_messages[message.id] = message
        elif isinstance(channel, discord.Thread):
            if channel.id == message.id:
                await self._post_began(channel, message)
        elif isinstance(channel, discord.TextChannel):
            alone = message.type is discord.MessageType.default and not message.mentions
            if alone and await self._helps(channel) and begins_question(message.content):
                await self._begin(message, channel)

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        message = self._first_messages.pop(thread.id, None) or thread.starter_message
        if message is not None:
            await self._post_began(thread, message)

    async def _post_began(self, thread: discord.Thread, message: discord.Message) -> None:
        to_nobody = not message.author.bot and self._bot.user not in message.mentions
        is_post = isinstance(thread.parent, discord.ForumChannel)
        if is_post and to_nobody and await self._helps(thread):
            await self._begin(message, thread)

    async def _helps(self, channel: Place) -> bool:
        if not await self._bot.allowed_guilds.answers(channel.guild.me, channel.guild.id):
            return False
        return (await self._bot.guild_settings.in_channel(channel)).mode is Mode.HELP

    async def _begin(self, message: discord.Message, place: Place) -> None:
        """Record a question, and start to wait for as long as the channel's settings say."""
        if self._lacks(place) or len(self._waiting) >= MOST_WAITING:
            return
        holding = await self._bot.guild_settings.in_channel(place)
        wait = timedelta(seconds=holding.wait_seconds)
        now = datetime.now(UTC)
        question = HelpedQuestion(
            message.id,
            place.guild.id,
            place.parent_id if isinstance(place, discord.Thread) else place.id,
            message.author.id,
            isinstance(place, discord.Thread),
            now,
            now + wait,
        )
        try:
            self._limits.take(message.author.id, place.guild.id)
        except TooFastError:
            return
        begun = await self._bot.worker.call(
            lambda core: core.store.helped_questions.add(question), priority=Priority.INDEXING
        )
        self.guilds.add(place.guild.id)
        if begun:
            self._wait(question, wait.total_seconds(), message)

    def _lacks(self, place: Place) -> bool:
        """Whether the bot lacks permissions to help in a channel. Log this once for a channel."""
        lacking = lacking_to_help(self._bot, place)
        about = place.parent_id if isinstance(place, discord.Thread) else place.id
        if lacking and about not in self._told:
            self._told.add(about)
            _logger.warning(
                "Nobody is helped in channel %d, for this lacks: %s.", about, ", ".join(lacking)
            )
        return bool(lacking)

    def _wait(
        self, question: HelpedQuestion, seconds: float, message: discord.Message | None = None
    ) -> None:
        task = self._bot.loop.create_task(
            self._answer_after(question, seconds, message), name="commonplace-helper"
        )
        self._waiting[question.message_id] = task
        task.add_done_callback(lambda _: self._waiting.pop(question.message_id, None))

    # Answering.

    async def _answer_after(
        self, question: HelpedQuestion, seconds: float, message: discord.Message | None
    ) -> None:
        await asyncio.sleep(seconds)
        self._bot.track()
        await self._bot.answerable()
        async with self._at_once:
            with self._errors_logged(question):
                await self._answer(question, message)

    @contextlib.contextmanager
    def _errors_logged(self, question: HelpedQuestion) -> Iterator[None]:
        try:
            yield
        except UNREACHED as error:
            _logger.warning("Question %d could not be looked after: %s", question.message_id, error)
        except WorkerStoppedError:
            return
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            self._bot.log_error(error)

    async def _answer(self, question: HelpedQuestion, message: discord.Message | None) -> None:
        """Answer a question after its wait, if the question is open and a sure answer is found."""
        place = await self._place(question)
        if place is None or self._lacks(place) or is_closed(place):
            await self._close(question)
            return
        if question.similar_ids and (posted := await find_posted(self._bot, question, place)):
            await self._bot.worker.call(
                lambda core: unasked.record_similar_post(core, question, posted)
            )
            return
        is_late = bool(question.similar_ids) and datetime.now(UTC) - question.due_at > LATE
        settings = await self._bot.guild_settings.in_channel(place)
        offers = question.is_post and settings.similar_posts
        reply = await self._look_up(message, place) if message is not None else None
        if is_late or (message is not None and reply is None and not offers):
            await self._leave(question)
            return
        now, settled = await message_and_settled(self._bot, question, place)
        if now is None or settled:
            await self._close(question)
            return
        if message is None or now.content != message.content:
            reply = await self._look_up(now, place)
        if reply is not None:
            await self._post(question, now, place, reply)
        elif offers and isinstance(place, discord.Thread):
            await self._offer_similar(question, now, place)
        else:
            await self._leave(question)

    async def _leave(self, question: HelpedQuestion) -> None:
        await self._bot.worker.call(lambda core: core.store.helped_questions.watch(question))

    async def _close(self, question: HelpedQuestion) -> None:
        await self._bot.worker.call(
            lambda core: core.store.helped_questions.finish(question.message_id)
        )

    async def _place(self, question: HelpedQuestion) -> Place | None:
        """The channel or post of a question, if it exists and the bot helps there."""
        place: Any = self._bot.get_channel(question.place_id)
        if place is None:
            try:
                place = await self._bot.fetch_channel(question.place_id)
            except (discord.NotFound, discord.Forbidden):
                return None
        return place if isinstance(place, _PLACES) and await self._helps(place) else None

    async def _look_up(self, message: discord.Message, place: Place) -> Reply | None:
        asks = await asks_of(self._bot, message, place)
        return await self._bot.worker.call(
            lambda core: unasked.look_up(core, asks), priority=Priority.INDEXING
        )

    async def _post(
        self,
        question: HelpedQuestion,
        message: discord.Message,
        place: Place,
        reply: Reply,
    ) -> None:
        """Record an answer, then post it."""
        ask = (await asks_of(self._bot, message, place))[0]
        claimed = await self._bot.worker.call(
            lambda core: unasked.claim(core, question, ask, reply, self._caps)
        )
        if claimed is None:
            await self._leave(question)
            return
        shown = await with_pictures(self._bot, claimed, message.channel)
        with speaking(await self._bot.guild_settings.language_in(place)):
            answer = answer_message(
                shown,
                private=False,
                lead=unasked_buttons.LEAD(),
                repeats_question=False,
                buttons=help_buttons(claimed.question_id or 0),
            )
        sent = await reply_once(message, **answer)
        await self._bot.worker.call(
            lambda core: core.store.helped_questions.record_reply(question.message_id, sent.id)
        )
        known = {"question_id": claimed.question_id, "channel_id": place.id}
        _logger.info("A question was answered unasked.", extra=known)

    async def _offer_similar(
        self, question: HelpedQuestion, message: discord.Message, post: discord.Thread
    ) -> None:
        """Record the similar posts, then post them, and leave the question to people."""
        asks = await asks_of(self._bot, message, post)
        found = await self._bot.worker.call(
            lambda core: unasked.claim_similar(core, question, asks, self._caps),
            priority=Priority.INDEXING,
        )
        if not found:
            await self._leave(question)
            return
        with speaking(await self._bot.guild_settings.language_in(post)):
            similar = similar_message(found)
        sent = await reply_once(message, **similar)
        await self._bot.worker.call(
            lambda core: unasked.record_similar_post(core, question, sent.id)
        )
        _logger.info("A post got similar posts.", extra={"channel_id": post.id})

    # Rounds.

    async def round(self) -> None:
        """Resume waiting questions; those that nobody has answered in a day become gaps."""
        mine = self._bot.serves
        waiting, guilds = await self._bot.worker.call(
            lambda core: (
                core.store.helped_questions.waiting(mine),
                core.store.helped_questions.guilds(mine),
            )
        )
        self.guilds |= guilds
        await self._resume(waiting)
        now = datetime.now(UTC)
        due = await self._bot.worker.call(
            lambda core: core.store.helped_questions.due(now, MOST_LOOKED_AT, mine)
        )
        for question in due:
            with self._errors_logged(question):
                await self._look_again(question)

    async def _resume(self, waiting: Sequence[HelpedQuestion]) -> None:
        """Resume the wait of questions interrupted by a restart, unless they are long overdue."""
        now = datetime.now(UTC)
        for question in waiting:
            if question.message_id in self._waiting:
                continue
            # Offered posts may be in Discord already.
            if now - question.due_at > LATE and not question.similar_ids:
                await self._leave(question)
            else:
                self._wait(question, max((question.due_at - now).total_seconds(), 0))

    async def _look_again(self, question: HelpedQuestion) -> None:
        asks = await self._open_asks(question)
        if not asks:
            await self._close(question)
        else:
            await self._bot.worker.call(
                lambda core: unasked.record_gap(core, question, asks),
                priority=Priority.INDEXING,
            )

    async def _open_asks(self, question: HelpedQuestion) -> list[Ask]:
        """The questions to look up a day later; empty if no answer is needed any more."""
        if await self._bot.worker.call(lambda core: unasked.has_good_answer(core, question)):
            return []
        place = await self._place(question)
        if place is None or lacking_to_help(self._bot, place) or is_closed(place, archived_ok=True):
            return []
        message, settled = await message_and_settled(self._bot, question, place)
        return [] if message is None or settled else await asks_of(self._bot, message, place)

    # Deletions.

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._forget([event.message_id], event.guild_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._forget(sorted(event.message_ids), event.guild_id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._forget([event.thread_id], event.guild_id)

    async def _forget(self, message_ids: list[int], guild_id: int | None) -> None:
        """Forget questions of deleted messages, and their gaps."""
        if guild_id not in self.guilds:
            return
        for message_id in message_ids:
            task = self._waiting.pop(message_id, None)
            if task is not None:
                task.cancel()
        await self._bot.worker.call(
            lambda core: unasked.forget_deleted(core, message_ids), priority=Priority.INDEXING
        )
