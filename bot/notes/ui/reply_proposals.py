"""Replies to unanswered questions: kept apart from questions, and proposed as notes.

A message counts if it replies to the question or the bot's refusal, or if its thread or post begins
with the question or refusal. Somebody else than the asker who replies talks to the asker, so the
bot is silent. If a setting of the server or channel turns proposals on, answers of helpers and
moderators are proposed as notes. In doubt, the helper gets a button by direct message, because
Discord has no other way to show a message to one member without a click. Without the Message
Content intent, the bot gets only the text of messages that mention the bot.
"""

import functools
import logging
from dataclasses import replace
from typing import Any, Final

import discord
from cachetools import LRUCache

from bot.interactions import shared_buttons
from bot.interactions.kit.buttons import Button, CustomId, view_of
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.admission import note_allowance
from bot.interactions.policy.component_access import anybody
from bot.interactions.policy.permissions import may_help
from bot.interactions.services import Interaction, Services
from bot.notes import messages, reply_proposals
from bot.notes.answer_detection import Judgement
from bot.notes.reply_proposals import Reply, UnansweredQuestion
from bot.notes.ui.save_as_note import name_if_closed
from bot.notes.ui.source_watcher import SourceWatcher
from bot.sources.ui.discord_messages import archived_message
from bot.text.languages import speaking
from knowledge.values.drafts import Draft
from knowledge.values.notes import Member, SourceMessage
from knowledge.values.questions import Question

_SAID: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
# Messages after a question to search for its refusal.
_MOST_AFTER: Final = 20
# Cached refusals.
_REFUSALS: Final = 4_096
# Cached offers, so that a helper who goes on talking about a question gets one.
_OFFERS: Final = 4_096

_logger = logging.getLogger(__name__)


class ReplyProposals:
    """Recognizes replies to unanswered questions, and proposes helpers' answers as notes."""

    def __init__(self, bot: Services, sources: SourceWatcher) -> None:
        self._bot = bot
        self._sources = sources
        self._refusals: LRUCache[int, discord.Message] = LRUCache(_REFUSALS)
        self._offered: LRUCache[tuple[int, int], bool] = LRUCache(_OFFERS)

    async def take(self, message: discord.Message) -> bool:
        """Whether a message replies to another's question; a helper's answer is proposed."""
        guild, author = message.guild, message.author
        if guild is None or not isinstance(author, discord.Member) or not _may_answer(message):
            return False
        proposes = await self._may_propose(message.channel, author)
        # Of other members, only messages that the bot would answer matter.
        if not (proposes or await self._may_be_answered(message)):
            return False
        asking = await self._possible_questions(message)
        asked = await self._find_unanswered_question(guild.id, asking) if asking else None
        if asked is None or asked.asker_id == author.id:
            return False
        reply = await self._reply(message, asked, asking, author) if proposes else None
        if reply is not None:
            await self._propose_or_offer(message, reply)
        return True

    async def _may_be_answered(self, message: discord.Message) -> bool:
        """Whether a message mentions the bot, or is in a thread of a message of the bot."""
        if self._bot.user in message.mentions:
            return True
        channel = message.channel
        # No post begins with a message of the bot.
        if not isinstance(channel, discord.Thread) or isinstance(
            channel.parent, discord.ForumChannel
        ):
            return False
        first = await self._bot.thread_starters.of(channel)
        return first is not None and first.author == self._bot.user

    async def propose_offered(self, member_id: int, channel_id: int, message_id: int) -> bool:
        """Propose a reply as a note after its author's click; return whether it was proposed."""
        # An archived thread isn't known. Nothing is fetched for ids that somebody made up.
        channel: Any = self._bot.get_channel(channel_id)
        if not isinstance(channel, discord.TextChannel | discord.VoiceChannel | discord.Thread):
            return False
        try:
            author = await channel.guild.fetch_member(member_id)
            if not await self._may_propose(channel, author):
                return False
            message = await channel.fetch_message(message_id)
        except discord.NotFound:
            return False
        if message.author.id != member_id or not _may_answer(message):
            return False
        asking = await self._possible_questions(message)
        asked = await self._find_unanswered_question(channel.guild.id, asking) if asking else None
        if asked is None or asked.asker_id == member_id:
            return False
        reply = await self._reply(message, asked, asking, author)
        if reply is None:
            return False
        _, draft = await self._bot.worker.call(
            lambda core: reply_proposals.judge_draft(core, reply)
        )
        return draft is not None and await self._propose(message, reply, draft)

    async def may_propose_handed_over(
        self, guild_id: int, channel: Any, question: Question
    ) -> bool:
        """Whether a helper's answer to a question will be proposed as a note."""
        if not await self._is_on(guild_id, channel):
            return False
        return await self._bot.worker.call(
            lambda core: reply_proposals.may_propose_handed_over(core, question)
        )

    async def propose_handed_over(
        self, guild_id: int, channel: Any, question_id: int, unnamed: str
    ) -> bool:
        """Propose an answer from a helper's form as a note; return whether it was proposed."""
        if not await self._is_on(guild_id, channel):
            return False
        note = await self._bot.worker.call(
            lambda core: reply_proposals.propose_handed_over(core, guild_id, question_id, unnamed)
        )
        return note is not None

    async def _is_on(self, guild_id: int, channel: Any) -> bool:
        """Whether answers of helpers in this channel are proposed as notes."""
        settings = await self._bot.guild_settings.settings(guild_id)
        held = await self._bot.guild_settings.in_channel(channel)
        return held.from_replies and settings.complete

    async def _may_propose(self, channel: Any, author: discord.Member) -> bool:
        """Whether answers of this author in this channel are proposed as notes."""
        guild_id = author.guild.id
        settings = await self._bot.guild_settings.settings(guild_id)
        if not (settings.complete and may_help(author, settings)):
            return False
        held = await self._bot.guild_settings.in_channel(channel)
        return held.from_replies and await self._bot.allowed_guilds.answers(author, guild_id)

    async def _reply(
        self,
        message: discord.Message,
        asked: UnansweredQuestion,
        asking: list[discord.Message],
        author: discord.Member,
    ) -> Reply | None:
        """A message as a `Reply`, or None if its question isn't readable by everybody."""
        said, channel = archived_message(message), message.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return None
        if said is None or self._bot.user is None or not asked.takes_note:
            return None
        # A mention of the bot only makes Discord hand over the text.
        text, own_id = said.message.text, self._bot.user.id
        text = text.replace(f"<@{own_id}>", "").replace(f"<@!{own_id}>", "").strip()
        said = replace(said, message=replace(said.message, text=text))
        question = asked.question
        place = channel if question is None else self._bot.get_channel(question.channel_id or 0)
        if place is None or name_if_closed(place):
            return None
        if not asked.is_handed_over and name_if_closed(channel):
            return None
        words = next(
            (question.content for question in asking if question.id == asked.message_id), ""
        )
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

    async def _propose_or_offer(self, message: discord.Message, reply: Reply) -> None:
        self._bot.track(message.author.id)
        judgement, draft = await self._bot.worker.call(
            lambda core: reply_proposals.judge_draft(core, reply)
        )
        if draft is None or judgement is Judgement.TALK:
            return
        if judgement is Judgement.ANSWER:
            await self._propose(message, reply, draft)
        else:
            await self._offer(message, reply, draft)

    async def _propose(self, message: discord.Message, reply: Reply, draft: Draft) -> bool:
        channel: Any = message.channel
        guild_id = channel.guild.id
        self._sources.watch(message, message.created_at)
        self._sources.watch(channel.get_partial_message(reply.asked.message_id), message.created_at)
        note = await self._bot.worker.call(
            lambda core: reply_proposals.propose(core, guild_id, reply, draft)
        )
        if note is None:
            return False
        await self._bot.outbox.catch_up()
        await self._sources.flag_if_changed(reply.source)
        await self._bot.handovers.catch_up()
        return True

    async def _offer(self, message: discord.Message, reply: Reply, draft: Draft) -> None:
        """Ask a reply's author once whether it is a note, unless they want no messages."""
        offer, channel = (message.author.id, reply.asked.message_id), message.channel
        if offer in self._offered:
            return
        self._offered[offer] = True
        guild_id = message.guild.id if message.guild is not None else 0
        unwanted = await self._bot.worker.call(
            lambda core: (
                core.store.gaps.has_opted_out(message.author.id)
                or reply_proposals.has_note(core, guild_id, reply)
            )
        )
        if unwanted:
            return
        with speaking(await self._bot.guild_settings.language_in(channel)):
            said = messages.offer(draft.title, message.jump_url)
            button = OfferButton(channel_id=channel.id, message_id=message.id, action="note")
        view: Any = view_of([button])
        try:
            await message.author.send(said, view=view, silent=True)
        except UNREACHED as error:
            _logger.info("A helper could not be asked about a note: %s", error)

    async def _possible_questions(self, message: discord.Message) -> list[discord.Message]:
        """The message that a reply refers to, and the first one of its thread."""
        found = []
        referred = message.reference.resolved if message.reference is not None else None
        if isinstance(referred, discord.Message):
            found.append(referred)
        if isinstance(message.channel, discord.Thread):
            first = await self._bot.thread_starters.of(message.channel)
            if first is not None and first.id != message.id:
                found.append(first)
        return found

    async def _find_unanswered_question(
        self, guild_id: int, asking: list[discord.Message]
    ) -> UnansweredQuestion | None:
        """Return the first unanswered question in these messages, or None if there is none."""
        ids = [message.id for message in asking]
        found = await self._bot.worker.call(
            lambda core: reply_proposals.unanswered_question_in(core, guild_id, ids)
        )
        for message in asking if found is None else ():
            refusal = await self._possible_refusal(message)
            question_id = shared_buttons.question_of(refusal) if refusal is not None else None
            if refusal is not None and question_id is not None:
                # The asker's message, which the refusal replies to; a command has none.
                refers_to = refusal.reference.message_id if refusal.reference is not None else None
                recorded = functools.partial(
                    reply_proposals.recorded_question,
                    guild_id=guild_id,
                    message_id=refers_to or refusal.id,
                    question_id=question_id,
                )
                return await self._bot.worker.call(recorded)
        return found

    async def _possible_refusal(self, message: discord.Message) -> discord.Message | None:
        """The bot's message, or its reply to a mention, if there is one."""
        me = self._bot.user
        if message.author == me:
            return message
        if me is None or me not in message.mentions:
            return None
        if message.id not in self._refusals:
            try:
                async for later in message.channel.history(limit=_MOST_AFTER, after=message):
                    refers_to = later.reference.message_id if later.reference is not None else None
                    if later.author == me and refers_to == message.id:
                        self._refusals[message.id] = later
                        break
            except UNREACHED:
                return None
        return self._refusals.get(message.id)


def _may_answer(message: discord.Message) -> bool:
    """Whether a message can be an answer, by its kind and place."""
    somewhere = message.reference is not None or isinstance(message.channel, discord.Thread)
    return somewhere and message.type in _SAID and bool(message.content)


class OfferButton(
    Button,
    ids=CustomId("offer", channel_id=int, message_id=int, action=("note",)),
    rule=anybody,
    labels={"note": messages.OFFER_LABEL},
    styles={"note": discord.ButtonStyle.primary},
):
    """The button *Make this a note* of a helper's direct message."""

    channel_id: int
    message_id: int
    action: str

    async def on_click(self, interaction: Interaction) -> None:
        """Propose the reply if the member who clicked wrote it."""
        proposed = await interaction.client.reply_proposals.propose_offered(
            interaction.user.id, self.channel_id, self.message_id
        )
        said = messages.OFFER_TAKEN if proposed else messages.OFFER_GONE
        await interaction.edit_original_response(content=said())
