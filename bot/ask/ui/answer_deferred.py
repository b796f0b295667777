"""Answers in the place of a deferred response, for whatever had somebody ask."""

from dataclasses import replace
from typing import Any

import discord

from bot.answers.lookup import Ask
from bot.ask import button_messages
from bot.ask.private_evidence import answers_alone
from bot.ask.ui.answer_message import pictured
from bot.ask.ui.phrased_answers import Phrasing
from bot.core.job_queue import Priority
from bot.interactions.policy.channel_access import readable_by, readable_in
from bot.interactions.policy.guild_settings import viewer_language
from bot.interactions.services import Interaction, Services
from bot.phrasing.ui.edits import PostedResponse


async def answer_deferred(
    interaction: Interaction, question: str, *, private: bool, earlier: str = ""
) -> None:
    """Answer a question, as it is answered in this channel, where a response was deferred.

    `earlier` are the questions that it follows up, a line each.
    """
    bot = interaction.client
    held = await bot.guild_settings.in_channel(interaction.channel)
    asked = Ask(
        question,
        interaction.user.id,
        interaction.guild_id,
        interaction.channel_id,
        earlier,
        private=private,
        channels=readable_in(interaction, private=private),
        answered_from=held.answered_from,
        quotations=held.quotations,
    )
    alone = (
        None if private else await asked_alone(bot, asked, interaction.user, interaction.channel)
    )
    if alone is not None:
        await _answer_alone(interaction, alone)
        return
    reply = await pictured(bot, await bot.answer(asked))
    language = await viewer_language(interaction) if private else held.language
    hands_on = await bot.guild_settings.hands_on(interaction.guild_id)
    phrasing = Phrasing(bot, asked, reply, language, private=private, hands_on=hands_on)
    sent = await interaction.edit_original_response(**phrasing.message(edits=True))
    phrasing.follow(PostedResponse(interaction, sent.id))


async def asked_alone(
    bot: Services, asked: Ask, member: discord.abc.User, channel: Any
) -> Ask | None:
    """A public question as one that is answered to its asker alone, where only that finds much."""
    own = readable_by(bot, member, channel)
    if frozenset(own) <= frozenset(asked.channels):
        return None
    alone = replace(asked, private=True, channels=own)
    await bot.answerable()
    better = await bot.worker.call(
        lambda core: answers_alone(core, asked, alone), priority=Priority.ASKING
    )
    return alone if better else None


async def _answer_alone(interaction: Interaction, alone: Ask) -> None:
    """Answer the asker alone; what others saw of the question is taken away."""
    bot = interaction.client
    reply = await pictured(bot, await bot.answer(alone))
    language = await viewer_language(interaction)
    lead = button_messages.FOR_YOU_ALONE(language)
    phrasing = Phrasing(bot, alone, reply, language, private=True, lead=lead)
    # What follows a public *thinking…* would take its place, for all to see.
    await interaction.delete_original_response()
    sent = await interaction.followup.send(**phrasing.message(), ephemeral=True, wait=True)
    phrasing.follow(PostedResponse(interaction, sent.id))
