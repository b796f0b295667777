"""Gettext lookup of sentences that stand in English in the code, and a language's numbers.

What everybody reads is in the server's language, what one member alone reads in that of their
Discord where there is a catalogue for it (docs/decisions.md). Catalogues are read from their `.po`
files, so that none is compiled beforehand and can be stale.
"""

import string
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, NamedTuple

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from knowledge.values.guilds import Language

NAMES: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}


@cache
def of_locale(locale: str) -> Language | None:
    """The language of a Discord client, as Discord names it; None where there is no catalogue."""
    tongue = locale.partition("-")[0]
    return next((language for language in Language if language.value == tongue), None)


def written(number: int, language: Language) -> str:
    return format_decimal(number, locale=language.value)


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language."""
    if language is Language.ENGLISH:
        return NullTranslations()
    catalogue = files("bot") / "locale" / language.value / "LC_MESSAGES" / "commonplace.po"
    compiled = BytesIO()
    with catalogue.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language.value))
    compiled.seek(0)
    return GNUTranslations(compiled)


class _Formatter(string.Formatter):
    """Python's format strings, but for `{number:,}`: the separators are those of the language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec == ",":
            return written(value, self._language)
        return super().format_field(value, format_spec)


class Sentence(NamedTuple):
    """A sentence in English; what is in braces is filled in.

    A context tells two uses apart that are translated differently.
    """

    english: str
    context: str = ""

    def __call__(self, language: Language, **values: object) -> str:
        catalogue = translations(language)
        if self.context:
            sentence = catalogue.pgettext(self.context, self.english)
        else:
            sentence = catalogue.gettext(self.english)
        return _Formatter(language).vformat(sentence, (), values)


class Plural(NamedTuple):
    """A phrase that counts something, `{number:,}` of it: one, and any other number."""

    one: str
    many: str

    def __call__(self, number: int, language: Language, **values: object) -> str:
        """The phrase in the form that a language has for the number."""
        phrase = translations(language).ngettext(self.one, self.many, number)
        return _Formatter(language).vformat(phrase, (), {"number": number, **values})
