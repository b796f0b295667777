"""Helper cog: forum posts and questions that are asked of nobody, answered once if at all.

A message costs some patterns; only what begins a question in a channel that is set to *help* goes
further, behind everything that somebody asked for. Before an answer is posted, everything that was
said after the question is fetched: whoever helped, or no longer needs help, is told nothing. That
it is posted is in the database before it is sent, so no lost connection posts it twice; one that
was cut off by the end of the process is not posted at all.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord
from cachetools import TTLCache
from discord.ext import commands

from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.ask import unasked as service
from bot.ask import unasked_messages as messages
from bot.ask.question_rules import begins_question, questions_of_post
from bot.ask.ui.answer_message import answer_message, pictured
from bot.ask.ui.later_messages import SAID, Place, asked_and_settled, is_closed, lacking_to_help
from bot.ask.ui.unasked_buttons import helped_buttons
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import WorkerStoppedError
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import reply_once
from bot.interactions.policy.channel_access import readable_by_all
from bot.interactions.policy.flood_control import FloodControl, TooFastError
from bot.interactions.services import Services
from knowledge.store.questions.helped_questions import DailyCaps, HelpedQuestion
from knowledge.values.channel_settings import Mode

ROUND_SECONDS: Final = 60
# So many questions wait for their time; what comes in a flood beyond them is left to people.
MOST_WAITING: Final = 500
# So many are looked after at once: a channel in which Discord lets requests wait holds up no other.
AT_ONCE: Final = 4
# What a process that was down has left waiting for longer than that is answered by nobody here.
LATE: Final = timedelta(minutes=10)
# So many questions are looked at again in one round; each is a request to Discord or two.
MOST_LOOKED_AT: Final = 20
# How long the first message of a post may be there before the post is, in seconds.
_EARLY_SECONDS: Final = 60
_EARLY: Final = 1_000

_PLACES: Final = (discord.TextChannel, discord.Thread)

_logger = logging.getLogger(__name__)


class HelperCog(commands.Cog):
    """Answers to questions that nobody put to the bot."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        caps = bot.settings.helper
        self._caps = DailyCaps(caps.member_daily, caps.channel_daily)
        # Apart from those of who asks the bot: nothing that is asked of nobody counts for these.
        self._limits = FloodControl(bot.settings.questions)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[int, asyncio.Task[None]] = {}
        self._first_messages: TTLCache[int, discord.Message] = TTLCache(_EARLY, _EARLY_SECONDS)
        # Where something was asked that is still known: deletions elsewhere cost nothing.
        self._guilds: set[int] = set()
        # Channels of which it was said that something lacks there.
        self._told: set[int] = set()

    async def cog_unload(self) -> None:
        for task in self._waiting.values():
            task.cancel()

    # What begins a question.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        channel: Any = message.channel
        if (
            message.guild is None
            or message.author.bot
            or message.webhook_id is not None
            or message.type not in SAID
        ):
            return
        if isinstance(channel, discord.PartialMessageable):
            # The first message of a post, which Discord announces apart and in any order.
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
        """Let a question wait for as long as was chosen."""
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
            lambda core: core.store.helped_questions.begin(question), priority=Priority.INDEXING
        )
        self._guilds.add(place.guild.id)
        if begun:
            self._wait(question, wait.total_seconds(), message)

    def _lacks(self, place: Place) -> bool:
        """Whether the bot can't help in a channel; the log is told once."""
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
        self._bot.take()
        await self._bot.answerable()
        async with self._at_once:
            await self._attempt(question, functools.partial(self._answer, question, message))

    async def _attempt(self, question: HelpedQuestion, act: Callable[[], Awaitable[None]]) -> None:
        """Do what is due for a question; what Discord or the worker does not take is logged."""
        try:
            await act()
        except UNREACHED as error:
            _logger.warning("Question %d could not be looked after: %s", question.message_id, error)
        except WorkerStoppedError:
            return
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            self._bot.explanation(error)

    async def _answer(self, question: HelpedQuestion, message: discord.Message | None) -> None:
        """Answer a question whose time has come, if that is wanted and the evidence is strong."""
        call = self._bot.worker.call
        place = await self._place(question)
        if place is None or self._lacks(place) or is_closed(place):
            await call(functools.partial(_done, question))
            return
        reply = await self._looked_up(message, place) if message is not None else None
        if message is not None and reply is None:
            await call(functools.partial(_watch, question))
            return
        now, settled = await asked_and_settled(self._bot, question, place)
        if now is None or settled:
            await call(functools.partial(_done, question))
            return
        if message is None or now.content != message.content:
            reply = await self._looked_up(now, place)
        if reply is None:
            await call(functools.partial(_watch, question))
            return
        await self._post(question, now, place, reply)

    async def _place(self, question: HelpedQuestion) -> Place | None:
        """Where a question stands, if the bot is to help there; None also if that is gone."""
        place: Any = self._bot.get_channel(question.place_id)
        if place is None:
            try:
                place = await self._bot.fetch_channel(question.place_id)
            except (discord.NotFound, discord.Forbidden):
                return None
        return place if isinstance(place, _PLACES) and await self._helps(place) else None

    async def _asks(self, message: discord.Message, place: Place) -> list[Ask]:
        """The question; of a post its title, and all of it."""
        texts = [message.content]
        if isinstance(place, discord.Thread):
            texts = questions_of_post(place.name, message.content)
        held = await self._bot.guild_settings.in_channel(place)
        ask = Ask(
            "",
            message.author.id,
            place.guild.id,
            place.id,
            channels=readable_by_all(self._bot, place),
            answered_from=held.answered_from,
            quotations=held.quotations,
        )
        return [replace(ask, text=text) for text in texts]

    async def _looked_up(self, message: discord.Message, place: Place) -> Reply | None:
        asks = await self._asks(message, place)
        return await self._bot.worker.call(
            lambda core: service.looked_up(core, asks), priority=Priority.INDEXING
        )

    async def _post(
        self,
        question: HelpedQuestion,
        message: discord.Message,
        place: Place,
        reply: Reply,
    ) -> None:
        """Post an answer, once: the database knows of it before Discord does."""
        ask = (await self._asks(message, place))[0]
        claimed = await self._bot.worker.call(
            lambda core: service.claimed(core, question, ask, reply, self._caps)
        )
        if claimed is None:
            await self._bot.worker.call(functools.partial(_watch, question))
            return
        language = (await self._bot.guild_settings.in_channel(place)).language
        shown = await pictured(self._bot, claimed, message.channel)
        sent = await reply_once(
            message,
            **answer_message(
                shown,
                language=language,
                private=False,
                lead=messages.LEAD(language),
                repeats_question=False,
                buttons=helped_buttons(claimed.question_id or 0, language),
            ),
        )
        await self._bot.worker.call(
            lambda core: core.store.helped_questions.posted(question.message_id, sent.id)
        )
        known = {"question_id": claimed.question_id, "channel_id": place.id}
        _logger.info("A question was answered unasked.", extra=known)

    # What is left over.

    async def _resume(self) -> None:
        """Go on with what was cut off, by the process' end for instance, unless it is too late."""
        now = datetime.now(UTC)
        call = self._bot.worker.call
        mine = self._bot.serves
        for question in await call(lambda core: core.store.helped_questions.waiting(mine)):
            if question.message_id in self._waiting:
                continue
            if now - question.due_at > LATE:
                await call(functools.partial(_watch, question))
            else:
                self._wait(question, max((question.due_at - now).total_seconds(), 0))

    async def round(self) -> None:
        """Go on with what waits, and look again at what was asked a day ago.

        What nobody has answered by then becomes a gap.
        """
        mine = self._bot.serves
        self._guilds |= await self._bot.worker.call(
            lambda core: core.store.helped_questions.guilds(mine)
        )
        await self._resume()
        now = datetime.now(UTC)
        for question in await self._bot.worker.call(
            lambda core: core.store.helped_questions.due(now, MOST_LOOKED_AT, mine)
        ):
            await self._attempt(question, functools.partial(self._look_again, question))

    async def _look_again(self, question: HelpedQuestion) -> None:
        asks = await self._unanswered(question)
        if not asks:
            await self._bot.worker.call(functools.partial(_done, question))
        else:
            await self._bot.worker.call(
                lambda core: service.left_unanswered(core, question, asks),
                priority=Priority.INDEXING,
            )

    async def _unanswered(self, question: HelpedQuestion) -> list[Ask]:
        """What was asked a day ago, if it still stands there and nobody has answered."""
        if await self._bot.worker.call(lambda core: service.answered_well(core, question)):
            return []
        place = await self._place(question)
        if place is None or lacking_to_help(self._bot, place) or is_closed(place, later=True):
            return []
        message, settled = await asked_and_settled(self._bot, question, place)
        return [] if message is None or settled else await self._asks(message, place)

    # What is deleted.

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
        """Forget what was asked in messages that are deleted, with the gaps that came of it."""
        if guild_id not in self._guilds:
            return
        for message_id in message_ids:
            task = self._waiting.pop(message_id, None)
            if task is not None:
                task.cancel()
        await self._bot.worker.call(
            lambda core: service.forgotten(core, message_ids), priority=Priority.INDEXING
        )


def _watch(question: HelpedQuestion, core: Core) -> None:
    core.store.helped_questions.watch(question)


def _done(question: HelpedQuestion, core: Core) -> None:
    core.store.helped_questions.done(question.message_id)
