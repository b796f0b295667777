"""Question cog: `/ask`, mentions, replies, direct messages, *Ask about this*.

A question after an answer, in reply to it or in its thread is a follow-up, unless it can stand
alone (`bot.answers.follow_ups`). Anywhere else, a question may follow up the same member's last
question within ten minutes.
"""

import contextlib
import logging
import re
from contextlib import AbstractContextManager
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers.ask import Ask
from bot.answers.follow_ups import stands_alone
from bot.answers.outcome import Answer
from bot.answers.question_checks import QUESTION_CHARACTERS, needs_lookup
from bot.answers.small_talk import SmallTalk, small_talk
from bot.ask import messages, service
from bot.ask.question_rules import is_question
from bot.ask.ui.answer_message import with_pictures
from bot.ask.ui.answering import Answering, Phrasing
from bot.ask.ui.attachment_questions import attachment_offer
from bot.ask.ui.note_answers import NoteAnswers
from bot.ask.ui.open_posts import OpenPosts
from bot.ask.ui.unasked_cog import ROUND_SECONDS, UnaskedCog
from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.features import Feature, Round
from bot.interactions.kit.edits import PostedMessage
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.localisation import description
from bot.interactions.kit.retries import reply_once
from bot.interactions.policy.admission import count_question
from bot.interactions.policy.channel_access import followed_readable_by_viewers, may_write
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.policy.flood_control import Limit, TooFastError, flood_controlled
from bot.interactions.policy.permissions import also_directly, may_send
from bot.interactions.services import Interaction, Services
from bot.text import error_messages
from bot.text.languages import spoken_language
from knowledge.chat.intents import asks, is_small_talk
from knowledge.values.questions import Feedback, Verdict

_TYPED: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})


class FollowUpMessages:
    """Recognizes follow-ups, and finds the questions before them."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    def may_be_follow_up(self, message: discord.Message) -> bool:
        """Whether a message without a mention may be a follow-up, by text and place.

        Without the Message Content intent, the bot gets no text and the result is False.
        """
        channel = message.channel
        return (
            isinstance(channel, discord.Thread)
            and isinstance(channel.parent, discord.TextChannel)
            and message.type in _TYPED
            and needs_lookup(message.content)
            # Answers to thanks and greetings would repeat the passages.
            and (asks(message.content) or not is_small_talk(message.content))
            and not (message.mentions or message.role_mentions or message.mention_everyone)
            and (message.reference is None or self.replies_to_me(message))
        )

    def replies_to_me(self, message: discord.Message) -> bool:
        """Whether a message replies to the bot, with or without a ping."""
        answered = message.reference.resolved if message.reference is not None else None
        return isinstance(answered, discord.Message) and answered.author == self._bot.user

    async def is_wanted(self, message: discord.Message) -> bool:
        """Whether to look up a possible follow-up that doesn't mention the bot.

        True in a thread started from an answer, unless the channel's setting is private answers.
        """
        if await self._bot.guild_settings.answers_privately(message.channel):
            return False
        return await self._question_of_thread(message.channel) is not None

    async def questions(self, message: discord.Message, question: str) -> str:
        """The questions before a follow-up, one a line.

        If `message` replies to an answer, the last of these questions is the answered question.
        In a thread started from an answer, it is the last question in the thread. Anywhere else, it
        is the author's last question in the channel.

        Empty if `question` can stand alone, or if `message` replies to somebody else.
        """
        if stands_alone(question):
            return ""
        replied_to = await self._question_replied_to(message)
        if replied_to is not None:
            return await self._bot.worker.call(
                lambda core: service.context_of(core, replied_to), priority=Priority.ASKING
            )
        if message.reference is not None and not self.replies_to_me(message):
            return ""
        first = await self._question_of_thread(message.channel)
        if first is None:
            return await self.context_of_asker(
                question, message.author.id, message.channel.id, private=False
            )
        return await self._bot.worker.call(
            lambda core: service.context_in_thread(core, message.channel.id, first),
            priority=Priority.ASKING,
        )

    async def context_of_asker(
        self, question: str, asker_id: int, channel_id: int | None, *, private: bool
    ) -> str:
        """The member's last question here and those before, one a line; empty if too old."""
        if channel_id is None or stands_alone(question):
            return ""
        return await self._bot.worker.call(
            lambda core: service.context_of_asker(core, asker_id, channel_id, private=private),
            priority=Priority.ASKING,
        )

    async def question_thanked_for(self, message: discord.Message) -> int | None:
        """The id of the question whose answer a message replies to, if the author asked it."""
        question_id = await self._question_replied_to(message)
        if question_id is None:
            return None
        mine = await self._bot.worker.call(
            lambda core: service.is_asker(core, question_id, message.author.id),
            priority=Priority.ASKING,
        )
        return question_id if mine else None

    async def _question_replied_to(self, message: discord.Message) -> int | None:
        answered = message.reference.resolved if message.reference is not None else None
        return self._question_in(answered) if isinstance(answered, discord.Message) else None

    async def _question_of_thread(self, channel: Any) -> int | None:
        if not isinstance(channel, discord.Thread):
            return None
        if not isinstance(channel.parent, discord.TextChannel):
            return None
        started_from = await self._bot.thread_starters.of(channel)
        return self._question_in(started_from) if started_from is not None else None

    def _question_in(self, message: discord.Message) -> int | None:
        return shared_buttons.question_of(message) if message.author == self._bot.user else None


_logger = logging.getLogger(__name__)


class AskCog(commands.Cog):
    """Questions and their answers."""

    def __init__(self, bot: Services, answering: Answering) -> None:
        self.bot = bot
        self._answering = answering
        self._follow_ups = FollowUpMessages(bot)
        menu = app_commands.ContextMenu(name="Ask about this", callback=self.ask_about)
        bot.tree.add_command(also_directly(menu))

    # Commands.

    @app_commands.command(
        name="ask",
        description=description("Ask what this community knows."),
    )
    @app_commands.describe(
        question=description("What would you like to know?"),
        private=description("Show the answer only to you."),
    )
    @also_directly
    @flood_controlled
    async def ask(
        self,
        interaction: Interaction,
        question: app_commands.Range[str, 1, QUESTION_CHARACTERS],
        private: bool | None = None,
    ) -> None:
        """Answer a question. If `private` is not given, the channel's setting decides."""
        if private is None:
            private = await self.bot.guild_settings.answers_privately(interaction.channel)
        # A member without the right to write here can't do so through the bot. Small talk is
        # answered privately, to disturb nobody.
        private = private or not may_write(interaction) or not needs_lookup(question)
        await interaction.response.defer(ephemeral=private, thinking=True)
        earlier = await self._follow_ups.context_of_asker(
            question, interaction.user.id, interaction.channel_id, private=private
        )
        await self._answer(interaction, question, private=private, earlier=earlier)

    @flood_controlled
    async def ask_about(self, interaction: Interaction, message: discord.Message) -> None:
        """Answer the question in a message, privately."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        question = text_of(message)
        asker_id = interaction.user.id
        offer = await attachment_offer(self.bot, message, question, asker_id, private=True)
        if offer is not None:
            await interaction.edit_original_response(**offer)
            return
        await self._answer(interaction, question, private=True)

    async def _answer(
        self, interaction: Interaction, question: str, *, private: bool, earlier: str = ""
    ) -> None:
        if needs_lookup(question):
            await count_question(self.bot, interaction.user, interaction.guild_id)
        await self._answering.answer_deferred(
            interaction, question, private=private, earlier=earlier
        )

    # Messages.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer direct messages, mentions, replies to answers, and messages in answers' threads.

        A reply to somebody else's unanswered question is for the asker, unless it is a question.
        """
        if message.author.bot or self.bot.user is None or message.is_system():
            return
        failure = None
        if not is_question(message.content):
            try:
                if await self.bot.reply_proposals.take(message):
                    return
            except EXPLAINED as error:
                # Whose question it replies to is unknown, so the message isn't looked up.
                failure = error
        await self._answer_message(message, failure)

    async def _answer_message(self, message: discord.Message, failure: Exception | None) -> None:
        """Answer a message that addresses the bot or follows up; with `failure`, explain that."""
        addressed = message.guild is None or self.bot.user in message.mentions
        if not addressed and not self._follow_ups.may_be_follow_up(message):
            return
        self.bot.track(message.author.id)
        spoken_language.set(await self.bot.guild_settings.language_in(message.channel))
        if not await self.bot.allowed_guilds.answers(message.author, _guild_id(message)):
            if message.guild is None:
                await reply_once(message, content=error_messages.NOT_SERVED.english)
            return
        if not await self.bot.guild_settings.answers_in(message.channel):
            return
        if not _may_answer_in(message.channel):
            if addressed:
                with contextlib.suppress(TooFastError), self._admission(message):
                    await self._tell_directly(message)
        elif addressed:
            await self._respond_or_say_too_fast(message, failure)
        elif failure is None and await self._follow_ups.is_wanted(message):
            await self._follow_up(message)

    def _admission(self, message: discord.Message) -> AbstractContextManager[None]:
        return self.bot.flood_control.admitted(message.author.id, _guild_id(message))

    async def _follow_up(self, message: discord.Message) -> None:
        if self._follow_ups.replies_to_me(message):
            await self._respond_or_say_too_fast(message)
        else:
            with contextlib.suppress(TooFastError), self._admission(message):
                await self._respond_if_answered(message)

    async def _respond_or_say_too_fast(
        self, message: discord.Message, failure: Exception | None = None
    ) -> None:
        try:
            with self._admission(message):
                await self._respond(message, failure)
        except TooFastError as error:
            await self._say_too_fast(message, error)

    async def _respond_if_answered(self, message: discord.Message) -> None:
        """Answer a message to nobody in an answer's thread, or else ignore it unrecorded."""
        asked = await self._ask_of(message, message.content.strip())
        try:
            reply = await self.bot.worker.call(
                lambda core: service.answer_unrecorded(core, asked), priority=Priority.ASKING
            )
        except EXPLAINED as error:
            self.bot.log_error(error)
            return
        if isinstance(reply.outcome, Answer):
            await self._respond(message)

    async def _say_too_fast(self, message: discord.Message, error: TooFastError) -> None:
        """Tell the author of a message that they ask too fast, or have used up their quota.

        The bot doesn't tell an author twice within a short time, to keep the channel quiet. Only in
        direct messages, the bot mentions a used-up quota each time.
        """
        sentence = self.bot.explanation(error)
        if error.reason is not Limit.QUOTA:
            sentence = error_messages.THEN_SILENT(sentence=sentence)
        elif message.guild is None:
            error.told = False
        if not error.told:
            await reply_once(message, content=sentence)

    async def _respond(self, message: discord.Message, failure: Exception | None = None) -> None:
        bot_id = self.bot.user.id if self.bot.user is not None else 0
        question = re.sub(rf"<@!?{re.escape(str(bot_id))}>", "", message.content).strip()
        phrasing = None
        try:
            if failure is not None:
                raise failure
            shown = await self._response_to_no_question(message, question)
            if shown is None:
                phrasing = await self._phrasing(message, question)
                shown = (
                    {"content": messages.ASK_ALONE()} if phrasing is None else phrasing.message()
                )
        except TooFastError:
            raise
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            await reply_once(message, content=self.bot.explanation(error))
            return
        sent = await reply_once(message, **shown)
        if phrasing is not None:
            phrasing.follow(PostedMessage(sent))

    async def _phrasing(self, message: discord.Message, question: str) -> Phrasing | None:
        """Answer a message, or return None if a private answer would be better for the author."""
        if needs_lookup(question):
            await count_question(self.bot, message.author, _guild_id(message))
        asked = await self._ask_of(message, question)
        if (
            await self._answering.private_if_better(asked, message.author, message.channel)
            is not None
        ):
            return None
        with contextlib.suppress(*UNREACHED):
            await message.channel.typing()
        reply = await with_pictures(self.bot, await self.bot.answer(asked), message.channel)
        return Phrasing(
            self.bot,
            asked,
            reply,
            channel=message.channel,
            private=False,
            hands_on=await self.bot.guild_settings.may_hand_over(asked.guild_id),
            repeats_question=False,
        )

    async def _ask_of(self, message: discord.Message, question: str) -> Ask:
        held = await self.bot.guild_settings.in_channel(message.channel)
        return Ask(
            question,
            message.author.id,
            _guild_id(message),
            message.channel.id,
            await self._follow_ups.questions(message, question),
            channels=followed_readable_by_viewers(self.bot, message.channel),
            answered_from=held.answered_from,
            quotations=held.quotations,
        )

    async def _response_to_no_question(
        self, message: discord.Message, words: str
    ) -> dict[str, Any] | None:
        """Respond to a picture or log, no words or thanks. Return None for a question."""
        offer = await attachment_offer(self.bot, message, words, message.author.id, private=False)
        if offer is not None:
            return offer
        if not words:
            return {"content": messages.ASK_ME()}
        if small_talk(words) is not SmallTalk.THANKS:
            return None
        # An asker's thanks in reply to an answer count as *Helpful*.
        question_id = await self._follow_ups.question_thanked_for(message)
        if question_id is None:
            return None
        feedback = Feedback(question_id, message.author.id, Verdict.HELPFUL)
        counts = await self.bot.worker.call(
            lambda core: core.store.feedback_records.record(feedback), priority=Priority.ASKING
        )
        return {"content": messages.FEEDBACK_HELPFUL()} if counts else None

    async def _tell_directly(self, message: discord.Message) -> None:
        """Tell an asker by direct message that the bot may not write in their channel."""
        channel: Any = message.channel
        try:
            await message.author.send(messages.CAN_NOT_WRITE(channel=channel.mention))
        except UNREACHED as error:
            _logger.info("Somebody could not be told that I may not write there: %s", error)


def _guild_id(message: discord.Message) -> int | None:
    return message.guild.id if message.guild else None


def _may_answer_in(channel: Any) -> bool:
    guild = getattr(channel, "guild", None)
    if guild is None or not hasattr(channel, "permissions_for"):
        return True
    return may_send(channel)


def feature(bot: Services) -> Feature:
    answering = Answering(bot)
    bot.answers = answering
    helper = UnaskedCog(bot)
    notes = NoteAnswers(bot, helper.guilds)
    bot.note_answers = notes
    steps = (helper.round, notes.round, OpenPosts(bot).round)
    rounds = [Round(ROUND_SECONDS, step) for step in steps]
    return Feature([AskCog(bot, answering), helper], rounds)
