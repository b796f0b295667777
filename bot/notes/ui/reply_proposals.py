"""Replies of helpers and moderators to unanswered questions, proposed as notes.

A setting of the server or channel turns the proposals on. A message counts if it replies to the
question or the bot's refusal, or if its thread or post begins with the question or refusal. Without
the Message Content intent, the bot gets only the text of messages that mention the bot.
"""

import functools
from typing import Any, Final

import discord
from cachetools import LRUCache

from bot.interactions import shared_buttons
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.admission import note_allowance
from bot.interactions.policy.permissions import may_help
from bot.interactions.services import Services
from bot.notes import reply_proposals
from bot.notes.reply_proposals import Reply, UnansweredQuestion
from bot.notes.ui.saved_messages import name_if_closed
from bot.notes.ui.source_messages import SourceMessages
from bot.sources.ui.discord_messages import archived_message
from knowledge.values.notes import Member, SourceMessage

_SAID: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
# Messages after a question to search for its refusal.
_MOST_AFTER: Final = 20
# Cached first messages of threads; None for one that can't be fetched.
_THREADS: Final = 4_096


class ReplyProposals:
    """Recognizes answers of helpers and moderators, and proposes each as a note."""

    def __init__(self, bot: Services, sources: SourceMessages) -> None:
        self._bot = bot
        self._sources = sources
        self._begun_from: LRUCache[int, discord.Message | None] = LRUCache(_THREADS)

    async def proposes(self, message: discord.Message) -> bool:
        """Propose a message as a note if it answers a question. Return whether it is an answer."""
        guild, author = message.guild, message.author
        if guild is None or not isinstance(author, discord.Member) or not _may_answer(message):
            return False
        settings = await self._bot.guild_settings.settings(guild.id)
        if not (settings.complete and may_help(author, settings)):
            return False
        held = await self._bot.guild_settings.in_channel(message.channel)
        if not held.from_replies or not await self._bot.allowed_guilds.answers(author, guild.id):
            return False
        self._bot.track(author.id)
        reply = await self._reply(message, guild.id, author)
        return reply is not None and await self._proposed(message, guild.id, reply)

    async def propose_handed_over(self, guild_id: int, channel: Any, question_id: int) -> None:
        """Propose an answer from a helper's form as a note."""
        settings = await self._bot.guild_settings.settings(guild_id)
        held = await self._bot.guild_settings.in_channel(channel)
        if held.from_replies and settings.complete:
            await self._bot.worker.call(
                lambda core: reply_proposals.propose_handed_over(core, guild_id, question_id)
            )

    async def _reply(
        self, message: discord.Message, guild_id: int, author: discord.Member
    ) -> Reply | None:
        """Return a message as a `Reply` to an unanswered question, or None if it is no such reply.

        The question must be readable by everybody on the server.
        """
        said, channel = archived_message(message), message.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return None
        asking = await self._possible_questions(message)
        asked = await self._unanswered_question(guild_id, asking) if asking else None
        if asked is None or said is None or asked.asker_id == author.id:
            return None
        question = asked.question
        place = channel if question is None else self._bot.get_channel(question.channel_id or 0)
        if place is None or name_if_closed(place):
            return None
        if not asked.is_handed_over and name_if_closed(channel):
            return None
        words = next((one.content for one in asking if one.id == asked.message_id), "")
        is_post = isinstance(channel, discord.Thread) and channel.id == asked.message_id
        return Reply(
            asked,
            words if question is None else question.text,
            channel.name if is_post and not asked.is_handed_over else "",
            Member(author.id, author.display_name),
            said,
            SourceMessage(channel.id, message.id),
            # Members can't open the helpers' channel.
            "" if asked.is_handed_over else message.jump_url,
            await note_allowance(self._bot, author, message.created_at),
        )

    async def _proposed(self, message: discord.Message, guild_id: int, reply: Reply) -> bool:
        draft = await self._bot.worker.call(lambda core: reply_proposals.draft_of(core, reply))
        if draft is None:
            return False
        channel: Any = message.channel
        self._sources.watch(message, message.created_at)
        self._sources.watch(channel.get_partial_message(reply.asked.message_id), message.created_at)
        note = await self._bot.worker.call(
            lambda core: reply_proposals.propose(core, guild_id, reply, draft)
        )
        if note is not None:
            await self._bot.outbox.catch_up()
            await self._sources.flag_if_changed(reply.source)
            await self._bot.handovers.catch_up()
        return True

    async def _possible_questions(self, message: discord.Message) -> list[discord.Message]:
        """The messages that a reply may answer.

        These are the message that the reply refers to, and the first message of the thread.
        """
        found = []
        referred = message.reference.resolved if message.reference is not None else None
        if isinstance(referred, discord.Message):
            found.append(referred)
        if isinstance(message.channel, discord.Thread):
            first = await self._first_message(message.channel)
            if first is not None and first.id != message.id:
                found.append(first)
        return found

    async def _first_message(self, thread: discord.Thread) -> discord.Message | None:
        """The message that a thread was started from, or the first message of a post."""
        if thread.id not in self._begun_from:
            found: Any = thread.starter_message
            parent: Any = thread.parent
            if found is None and parent is not None:
                place = thread if isinstance(parent, discord.ForumChannel) else parent
                try:
                    found = await place.fetch_message(thread.id)
                except UNREACHED:
                    found = None
            self._begun_from[thread.id] = found
        return self._begun_from[thread.id]

    async def _unanswered_question(
        self, guild_id: int, asking: list[discord.Message]
    ) -> UnansweredQuestion | None:
        """Return the first unanswered question in these messages, or None if there is none."""
        ids = [one.id for one in asking]
        found = await self._bot.worker.call(
            lambda core: reply_proposals.unanswered_question_in(core, guild_id, ids)
        )
        for message in asking if found is None else ():
            refusal = await self._possible_refusal(message)
            question_id = shared_buttons.question_to_write(refusal) if refusal else None
            if question_id is not None:
                recorded = functools.partial(
                    reply_proposals.recorded_question,
                    guild_id=guild_id,
                    message_id=message.id,
                    question_id=question_id,
                )
                return await self._bot.worker.call(recorded)
        return found

    async def _possible_refusal(self, message: discord.Message) -> discord.Message | None:
        """Return the message of the bot that may be a refusal, or None if there is none.

        This is `message` if the bot wrote `message`. If a member wrote `message` and mentioned the
        bot, this is the bot's reply to `message`.
        """
        me = self._bot.user
        if message.author == me:
            return message
        if me is None or me not in message.mentions:
            return None
        try:
            async for one in message.channel.history(limit=_MOST_AFTER, after=message):
                refers_to = one.reference.message_id if one.reference is not None else None
                if one.author == me and refers_to == message.id:
                    return one
        except UNREACHED:
            return None
        return None


def _may_answer(message: discord.Message) -> bool:
    """Whether a message can be an answer, by its kind and place."""
    somewhere = message.reference is not None or isinstance(message.channel, discord.Thread)
    return somewhere and message.type in _SAID and bool(message.content)
