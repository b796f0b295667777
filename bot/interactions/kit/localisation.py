"""Descriptions of commands, options and choices, which Discord shows in each client's language.

Names are the same for all, so that what the documents say holds for everybody.
"""

import discord
from discord import app_commands

from bot.interactions.services import Interaction
from bot.text.languages import Sentence, of_locale
from knowledge.values.guilds import Language


def described(english: str, context: str = "") -> app_commands.locale_str:
    """A description that is in the catalogues."""
    return app_commands.locale_str(english, sentence=Sentence(english, context))


class Translator(app_commands.Translator):
    """Gives Discord the translations; every other client is shown the English descriptions."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The description in a client's language, where it is not that of everybody."""
        sentence: Sentence | None = string.extras.get("sentence")
        language = of_locale(locale.value)
        if sentence is None or language in (None, Language.ENGLISH):
            return None
        return sentence(language)


async def viewer_language(interaction: Interaction) -> Language:
    """The language of what whoever caused an interaction sees alone: that of their Discord.

    Where I don't speak it, it is the guild's. Discord says with each interaction what it is: it is
    kept nowhere.
    """
    own = of_locale(interaction.locale.value)
    return own or await interaction.client.guild_settings.language_in_time(interaction.channel)


async def message_language(interaction: Interaction) -> Language:
    """The language of the message that was clicked on: its one viewer's, or the guild's."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return await viewer_language(interaction)
    return await interaction.client.guild_settings.language_in(interaction.channel)
