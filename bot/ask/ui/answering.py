"""Answering in Discord: sends public, private and shared answers, and edits phrased ones.

The plain answer is sent at once. Its last line says until when the answer may change, so the line
stays true if the bot is killed before the edit. The edit puts the model's lines above the
quotations, or only removes the last line.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bot.answers.ask import Ask
from bot.answers.outcome import Reply
from bot.answers.replay import ask_from_record
from bot.ask import messages, service
from bot.ask.messages import question_line
from bot.ask.phrased_text import QUOTES_LABELS, under_way
from bot.ask.ui.answer_message import PassageSelect, answer_message, with_pictures
from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import Button, CustomId
from bot.interactions.kit.edits import Posted, PostedResponse, edit_once
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.localisation import message_language
from bot.interactions.policy.channel_access import quotable_channels, readable_by
from bot.interactions.policy.component_access import readers_of_answer
from bot.interactions.policy.permissions import is_moderator
from bot.interactions.services import Interaction, Services
from bot.text.languages import speaking, spoken_language
from knowledge.values.questions import Question


class Phrasing:
    """A reply that is sent at once, and edited later if a language model phrases the answer."""

    def __init__(
        self, bot: Services, ask: Ask, reply: Reply, *, channel: Any = None, **shown: Any
    ) -> None:
        """Decide whether to ask a model.

        `channel` is that of the message to reply to; None for a response to an interaction. `shown`
        are further arguments of `answer_message`.
        """
        self._bot = bot
        self._reply = reply
        self._shown = shown
        self._channel = channel
        self._candidate = None
        self._line = ""
        if bot.phrasing is not None:
            guild = None if ask.guild_id is None else bot.guild_settings.known(ask.guild_id)
            self._candidate = bot.phrasing.candidate(ask, reply, guild)
            if self._candidate is not None:
                self._line = under_way(bot.phrasing.edited_until())

    def message(self, *, edits: bool = False) -> dict[str, Any]:
        """Arguments that send the plain answer."""
        return answer_message(self._reply, edits=edits, note=self._line, **self._shown)

    def follow(self, posted: Posted) -> None:
        """Ask the model and edit the message, in a task that shutdown waits for."""
        if self._candidate is not None:
            task = asyncio.create_task(self._follow(posted))
            _FOLLOWING.add(task)
            task.add_done_callback(_FOLLOWING.discard)

    async def _follow(self, posted: Posted) -> None:
        bot, candidate = self._bot, self._candidate
        if candidate is None or bot.phrasing is None:
            return
        bot.track(candidate.ask.asker_id)
        reply, further = self._reply, {}
        try:
            result = await bot.phrasing.phrase(candidate)
            if result is not None:
                if result.reply.outcome != reply.outcome:
                    reply = await with_pictures(bot, result.reply, self._channel)
                further = _phrased_arguments(result.phrased, reply.question_id)
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            bot.log_error(error)
        shown = answer_message(reply, edits=True, **{**self._shown, **further})
        await edit_once(posted, bot.phrasing.pacer, self._line, shown)


# Running edits: asyncio itself holds only weak references to tasks.
_FOLLOWING: Final[set["asyncio.Task[None]"]] = set()


def _phrased_arguments(phrased: Any, question_id: int | None) -> dict[str, Any]:
    """Additional arguments of `answer_message` for a phrased answer."""
    if phrased is None:
        return {}
    written = not all(line.verbatim for line in phrased.lines)
    button = QuotesButton(question_id=question_id, action="quotes")
    return {"phrased": phrased, "extra": [button] if written else []}


class QuotesButton(
    Button,
    ids=CustomId("phrased", question_id=int, action=tuple(QUOTES_LABELS)),
    rule=readers_of_answer(messages.FEEDBACK_GONE),
    first=First.IN_PUBLIC,
    labels=QUOTES_LABELS,
):
    """*Quotes only*: removes a model's sentences, for everybody if asker or moderator click."""

    question_id: int
    question: Question
    channels: tuple[int, ...]

    async def on_click(self, interaction: Interaction) -> None:
        question = self.question
        if not question.text:
            gone = messages.FEEDBACK_GONE()
            await interaction.followup.send(gone, ephemeral=True)
        elif (
            # The id may be forged, so other messages stay unchanged.
            PassageSelect.values_on(interaction.message) == {"question_id": self.question_id}
            and (question.asker_id == interaction.user.id or await is_moderator(interaction))
        ):
            await self._remove_phrasing(interaction, question)
        else:
            reply = await self._plain_reply(interaction, ask_from_record(question), self.channels)
            shown = answer_message(reply, private=False)
            del shown["content"]
            await interaction.followup.send(**shown, ephemeral=True)

    async def _remove_phrasing(self, interaction: Interaction, question: Question) -> None:
        """Edit the message to the plain answer, for everybody."""
        message = interaction.message
        private = message is not None and message.flags.ephemeral
        channels = quotable_channels(interaction, private=private)
        reply = await self._plain_reply(interaction, ask_from_record(question), channels)
        text = text_of(message) if message is not None else ""
        with speaking(await message_language(interaction)):
            shown = answer_message(
                reply,
                private=private,
                repeats_question=text.startswith(question_line(question.text)),
                edits=True,
            )
        await interaction.edit_original_response(**shown)

    async def _plain_reply(
        self, interaction: Interaction, ask: Ask, channels: tuple[int, ...]
    ) -> Reply:
        """The plain answer that the question gets now, from `channels` only."""
        bot = interaction.client
        ask = replace(
            ask, channels=tuple(channel_id for channel_id in ask.channels if channel_id in channels)
        )
        reply = await bot.worker.call(
            lambda core: service.answer_unrecorded(core, ask), priority=Priority.ASKING
        )
        return await with_pictures(bot, replace(reply, question_id=self.question_id))


class Answering:
    """Answers members' questions for this feature and others."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def answer_deferred(
        self, interaction: Interaction, question: str, *, private: bool, earlier: str = ""
    ) -> None:
        """Answer by editing a deferred response; `earlier` has questions before, one a line."""
        held = await self._bot.guild_settings.in_channel(interaction.channel)
        asked = Ask(
            question,
            interaction.user.id,
            interaction.guild_id,
            interaction.channel_id,
            earlier,
            private=private,
            channels=quotable_channels(interaction, private=private),
            answered_from=held.answered_from,
            quotations=held.quotations,
        )
        if not private:
            alone = await self.private_if_better(asked, interaction.user, interaction.channel)
            if alone is not None:
                await self._answer_alone(interaction, alone)
                return
        reply = await with_pictures(self._bot, await self._bot.answer(asked))
        hands_on = await self._bot.guild_settings.may_hand_over(interaction.guild_id)
        with speaking(spoken_language.get() if private else held.language):
            phrasing = Phrasing(self._bot, asked, reply, private=private, hands_on=hands_on)
            sent = await interaction.edit_original_response(**phrasing.message(edits=True))
            phrasing.follow(PostedResponse(interaction, sent.id))

    async def private_if_better(
        self, asked: Ask, member: discord.abc.User, channel: Any
    ) -> Ask | None:
        """The question as a private one, or None if a public answer is as good."""
        own = readable_by(self._bot, member, channel)
        if frozenset(own) <= frozenset(asked.channels):
            return None
        alone = replace(asked, private=True, channels=own)
        await self._bot.answerable()
        better = await self._bot.worker.call(
            lambda core: service.is_better_private(core, asked, alone), priority=Priority.ASKING
        )
        return alone if better else None

    async def _answer_alone(self, interaction: Interaction, alone: Ask) -> None:
        """Answer the asker privately, after deleting the public *thinking…* message."""
        reply = await with_pictures(self._bot, await self._bot.answer(alone))
        lead = messages.FOR_YOU_ALONE()
        phrasing = Phrasing(self._bot, alone, reply, private=True, lead=lead)
        # Delete the public *thinking…* first: a follow-up would replace it, visible to everybody.
        await interaction.delete_original_response()
        sent = await interaction.followup.send(**phrasing.message(), ephemeral=True, wait=True)
        phrasing.follow(PostedResponse(interaction, sent.id))

    async def post_shared(self, interaction: Interaction, ask: Ask, reply: Reply) -> None:
        """Post a shared answer publicly."""
        reply = await with_pictures(self._bot, reply)
        phrasing = Phrasing(self._bot, ask, reply, private=False)
        sent = await interaction.followup.send(**phrasing.message(), wait=True)
        phrasing.follow(PostedResponse(interaction, sent.id))

    async def message_to_asker(
        self, reply: Reply, channel: Any, *, lead: str, extra: Sequence[discord.ui.Item[Any]]
    ) -> dict[str, Any]:
        """Arguments to send an earlier asker an answer; `channel` is None for a direct message."""
        reply = await with_pictures(self._bot, reply, channel)
        return answer_message(reply, private=False, lead=lead, extra=extra)
