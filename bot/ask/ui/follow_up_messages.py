"""Detection of follow-ups: questions after an answer, in reply to an answer, or in its thread.

A question that can stand alone is no follow-up (`bot.answers.follow_ups`). Outside of replies and
threads, a question may follow up the same member's last question within ten minutes.
"""

from typing import Any, Final

import discord

from bot.answers.follow_ups import stands_alone
from bot.answers.pipeline import response_without_lookup
from bot.ask import service
from bot.core.job_queue import Priority
from bot.interactions import shared_buttons
from bot.interactions.services import Services
from knowledge.chat.intents import asks, is_small_talk

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
            and not response_without_lookup(message.content)
            # Answers to thanks and greetings would repeat the passages.
            and (asks(message.content) or not is_small_talk(message.content))
            and self._is_to_nobody_else(message)
        )

    def _is_to_nobody_else(self, message: discord.Message) -> bool:
        if message.mentions or message.role_mentions or message.mention_everyone:
            return False
        return message.reference is None or self.replies_to_me(message)

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
        """The member's last question in a channel and the questions before, one a line.

        Empty if `question` can stand alone, or if the last question is too old.
        """
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
