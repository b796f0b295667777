"""Answers in the place of a deferred response, for whatever had somebody ask."""

from bot.answers.lookup import Ask
from bot.ask.ui.answer_message import pictured
from bot.ask.ui.phrased_answers import Phrasing
from bot.interactions.channel_access import readable_in
from bot.interactions.guild_settings import viewer_language
from bot.interactions.services import Interaction
from bot.phrasing.ui.edits import PostedResponse


async def answer_deferred(interaction: Interaction, question: str, *, private: bool) -> None:
    """Answer a question, as it is answered in this channel, where a response was deferred."""
    bot = interaction.client
    held = await bot.guild_settings.in_channel(interaction.channel)
    asked = Ask(
        question,
        interaction.user.id,
        interaction.guild_id,
        interaction.channel_id,
        private=private,
        channels=readable_in(interaction, private=private),
        answered_from=held.answered_from,
        quotations=held.quotations,
    )
    reply = await pictured(bot, await bot.answer(asked))
    language = await viewer_language(interaction) if private else held.language
    hands_on = await bot.guild_settings.hands_on(interaction.guild_id)
    phrasing = Phrasing(bot, asked, reply, language, private=private, hands_on=hands_on)
    sent = await interaction.edit_original_response(**phrasing.message(edits=True))
    phrasing.follow(PostedResponse(interaction, sent.id))
