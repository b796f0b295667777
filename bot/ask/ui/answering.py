"""Answering in Discord: sends public answers, private answers and shared answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.answers.ask import Ask
from bot.answers.pipeline import Reply
from bot.ask import button_messages, service
from bot.ask.ui.answer_message import answer_message, with_pictures
from bot.ask.ui.phrased_answers import Phrasing
from bot.core.job_queue import Priority
from bot.interactions.kit.edits import PostedResponse
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.channel_access import quotable_channels, readable_by
from bot.interactions.services import Interaction, Services
from knowledge.values.guilds import Language


class Answering:
    """Answers members' questions for this feature and others."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def answer_deferred(
        self, interaction: Interaction, question: str, *, private: bool, earlier: str = ""
    ) -> None:
        """Answer a question by editing a deferred response, with the settings of the channel.

        `earlier` has the questions before a follow-up, one a line.
        """
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
        language = await viewer_language(interaction) if private else held.language
        hands_on = await self._bot.guild_settings.may_hand_over(interaction.guild_id)
        phrasing = Phrasing(self._bot, asked, reply, language, private=private, hands_on=hands_on)
        sent = await interaction.edit_original_response(**phrasing.message(edits=True))
        phrasing.follow(PostedResponse(interaction, sent.id))

    async def private_if_better(
        self, asked: Ask, member: discord.abc.User, channel: Any
    ) -> Ask | None:
        """Return the question as a private question, or None if a public answer is as good.

        `service.is_better_private` compares the private answer with the public answer.
        """
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
        language = await viewer_language(interaction)
        lead = button_messages.FOR_YOU_ALONE(language)
        phrasing = Phrasing(self._bot, alone, reply, language, private=True, lead=lead)
        # Delete the public *thinking…* first: a follow-up would replace it, visible to everybody.
        await interaction.delete_original_response()
        sent = await interaction.followup.send(**phrasing.message(), ephemeral=True, wait=True)
        phrasing.follow(PostedResponse(interaction, sent.id))

    async def post_shared(
        self, interaction: Interaction, ask: Ask, reply: Reply, language: Language
    ) -> None:
        """Post a shared answer publicly."""
        reply = await with_pictures(self._bot, reply)
        phrasing = Phrasing(self._bot, ask, reply, language, private=False)
        sent = await interaction.followup.send(**phrasing.message(), wait=True)
        phrasing.follow(PostedResponse(interaction, sent.id))

    async def message_to_asker(
        self,
        reply: Reply,
        channel: Any,
        *,
        language: Language,
        lead: str,
        extra: Sequence[discord.ui.Item[Any]],
    ) -> dict[str, Any]:
        """Arguments to send an earlier asker an answer; `channel` is None for a direct message."""
        reply = await with_pictures(self._bot, reply, channel)
        return answer_message(reply, language=language, private=False, lead=lead, extra=extra)
