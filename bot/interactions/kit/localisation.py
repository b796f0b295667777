"""Localisation: descriptions of commands in each client's language, and the viewer's language.

Command names are the same in all languages, so the documentation applies to everybody.
"""

import discord
from discord import app_commands

from bot.interactions.services import Interaction
from bot.text.languages import Sentence, of_locale, speaking, spoken_language
from knowledge.values.guilds import Language


def description(english: str, context: str = "") -> app_commands.locale_str:
    """Return the description of a command or option; `Translator` translates it later."""
    return app_commands.locale_str(english, sentence=Sentence(english, context))


class Translator(app_commands.Translator):
    """Translates descriptions for Discord; clients in unsupported languages show English."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        sentence: Sentence | None = string.extras.get("sentence")
        language = of_locale(locale.value)
        if sentence is None or language is None or language is Language.ENGLISH:
            return None
        with speaking(language):
            return sentence()


async def viewer_language(interaction: Interaction) -> Language:
    """Return the language of ephemeral messages: the sender's Discord language.

    If the bot doesn't speak the sender's language, return the channel's language. Discord sends the
    sender's language with each interaction, and the bot never stores it.
    """
    own = of_locale(interaction.locale.value)
    return own or await interaction.client.guild_settings.language_in_time(interaction.channel)


async def message_language(interaction: Interaction) -> Language:
    """The language of a clicked message: the viewer's if ephemeral, else the channel's."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return spoken_language.get()
    return await interaction.client.guild_settings.language_in(interaction.channel)
