"""Descriptions of commands, options and choices, which Discord shows in each client's language.

Names are the same for all, so that what the documents say holds for everybody.
"""

import discord
from discord import app_commands

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
