"""Detection of follow-ups: messages after an answer, in reply to it, or in its thread.

A question that stands alone follows up none (`bot.answers.follow_ups`), and neither does one that
comes more than ten minutes after its author's last one, unless it is in reply or in the thread. A
thread that is started from a message has that message's id, so it is looked up once a thread;
nothing about threads is kept beyond the process.
"""

import logging
from typing import Any, Final

import discord

from bot.answers.follow_ups import stands_alone
from bot.answers.lookup import context_after
from bot.answers.pipeline import said_to_no_question
from bot.ask.ui.answer_message import AnswerButton
from bot.core.job_queue import Priority
from bot.gaps.ui.buttons import GapButton
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import Services
from knowledge.chat.intents import asks, is_small_talk

# So that what is remembered of threads does not grow for as long as the bot runs.
_KEPT_THREADS: Final = 4_096

_logger = logging.getLogger(__name__)

_SAID: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})


class FollowUpMessages:
    """Tells which messages are follow-ups, and of which questions."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # The question that the message answers from which a thread was started; None: no answer.
        self._answered: dict[int, int | None] = {}

    def may(self, message: discord.Message) -> bool:
        """Whether a message that does not mention the bot may follow up, as far as it tells itself.

        Without the intent for it, Discord gives no content: the message asks nothing then.
        """
        channel = message.channel
        return (
            isinstance(channel, discord.Thread)
            and isinstance(channel.parent, discord.TextChannel)
            and message.type in _SAID
            and not said_to_no_question(message.content)
            # Thanks, greetings and the like would bring the same passages once more.
            and (asks(message.content) or not is_small_talk(message.content))
            and self._is_to_nobody_else(message)
        )

    def _is_to_nobody_else(self, message: discord.Message) -> bool:
        if message.mentions or message.role_mentions or message.mention_everyone:
            return False
        return message.reference is None or self.replies_to_me(message)

    def replies_to_me(self, message: discord.Message) -> bool:
        """Whether a message replies to one of the bot's, also without a ping."""
        answered = message.reference.resolved if message.reference is not None else None
        return isinstance(answered, discord.Message) and answered.author == self._bot.user

    async def is_wanted(self, message: discord.Message) -> bool:
        """Whether a message that may follow up does: its thread was started from an answer.

        Where answers are for the asker alone unless they are wanted in public, mentioning the bot
        is how they are.
        """
        if await self._bot.guild_settings.answers_privately(message.channel):
            return False
        return await self._question_of_thread(message.channel) is not None

    async def questions(self, message: discord.Message, question: str) -> str:
        """The questions that this one follows up, a line each; nothing if it stands alone.

        They end with the one of the answer replied to, else with the last one in an answer's
        thread, else with the author's own last one.
        """
        if stands_alone(question):
            return ""
        replied_to = await self._replied_to(message)
        if replied_to is not None:
            return await self._up_to(replied_to)
        if message.reference is not None and not self.replies_to_me(message):
            return ""
        first = await self._question_of_thread(message.channel)
        if first is None:
            return await self.earlier_by(
                question, message.author.id, message.channel.id, private=False
            )
        last = await self._bot.worker.call(
            lambda core: core.recording.asked_last(message.channel.id, first),
            priority=Priority.ASKING,
        )
        return await self._up_to(first if last is None else last)

    async def earlier_by(
        self, question: str, asker_id: int, channel_id: int | None, *, private: bool
    ) -> str:
        """The questions that a member's question follows up, by what they asked last in a channel.

        Others who read a public answer don't learn what its asker asked in private.
        """
        if channel_id is None or stands_alone(question):
            return ""
        last = await self._bot.worker.call(
            lambda core: core.recording.asked_lately_by(asker_id, channel_id),
            priority=Priority.ASKING,
        )
        return context_after(last) if last is not None and (private or not last.private) else ""

    async def thanked_for(self, message: discord.Message) -> int | None:
        """The question whose answer this message speaks of, if its author asked that question."""
        question_id = await self._replied_to(message)
        if question_id is None:
            return None
        question = await self._bot.worker.call(
            lambda core: core.store.question_records.question(question_id), priority=Priority.ASKING
        )
        return question_id if question and question.asker_id == message.author.id else None

    async def _replied_to(self, message: discord.Message) -> int | None:
        answered = message.reference.resolved if message.reference is not None else None
        return self._question_in(answered) if isinstance(answered, discord.Message) else None

    async def _question_of_thread(self, channel: Any) -> int | None:
        if not isinstance(channel, discord.Thread) or channel.parent is None:
            return None
        if channel.id in self._answered:
            return self._answered[channel.id]
        parent = channel.parent
        have = parent.permissions_for(channel.guild.me)
        if not isinstance(parent, discord.TextChannel) or not have.read_message_history:
            return None
        try:
            started_from = await parent.fetch_message(channel.id)
            found = self._question_in(started_from)
        except discord.NotFound:
            found = None
        except UNREACHED as error:
            _logger.info("What a thread was started from could not be looked up: %s", error)
            return None
        if len(self._answered) >= _KEPT_THREADS:
            self._answered.clear()
        self._answered[channel.id] = found
        return found

    def _question_in(self, message: discord.Message) -> int | None:
        return question_id(message) if message.author == self._bot.user else None

    async def _up_to(self, question_id: int) -> str:
        question = await self._bot.worker.call(
            lambda core: core.recording.question(question_id), priority=Priority.ASKING
        )
        return context_after(question) if question else ""


def question_id(message: discord.Message) -> int | None:
    """The id of the question that a message of ours answers, read from its buttons."""
    values = AnswerButton.values_on(message) or GapButton.values_on(message)
    return values["question_id"] if values is not None else None
