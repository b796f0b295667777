"""Descriptions of commands, options and choices, which Discord shows in each client's language.

Both wordings stand where the command does. Names are the same for all, so that what the documents
say holds for everybody.
"""

import discord
from discord import app_commands


def described(english: str, german: str) -> app_commands.locale_str:
    """A description in both languages."""
    return app_commands.locale_str(english, german=german)


class Translator(app_commands.Translator):
    """Gives Discord the German wordings; to every other client it shows the English ones."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The wording for a client's language, where it is not that of everybody."""
        german: str | None = string.extras.get("german")
        return german if locale is discord.Locale.german else None
