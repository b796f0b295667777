"""Gettext lookup of English sentences in the code, in the language of the context.

Public messages are in the server's language. Ephemeral messages are in the language of the member's
Discord, if there is a catalogue for this language (docs/decisions.md). The client sets the language
once for each interaction, and whatever writes to others says in which: `with speaking(language)`.
Catalogues are read from `.po` files, because compiled files could be outdated.
"""

import string
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, NamedTuple

import polib

from knowledge.languages.vocabularies import spoken
from knowledge.values.guilds import Language

# Without a default, so that tests find a task that speaks to somebody in no language.
spoken_language: ContextVar[Language] = ContextVar("spoken_language")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Say the sentences of this block in the language.

    A generator or a task that outlives the block goes on in the language it was begun in or is
    resumed in, so make texts before the block ends.
    """
    before = spoken_language.set(language)
    try:
        yield
    finally:
        spoken_language.reset(before)


@cache
def of_locale(locale: str) -> Language | None:
    """Return the language of a Discord locale, or None if the language has no catalogue."""
    tongue = locale.partition("-")[0]
    return next((language for language in Language if language.value == tongue), None)


def format_number(number: float, decimals: int = 0) -> str:
    separators = spoken(spoken_language.get())["separators"]
    return f"{number:,.{decimals}f}".translate(str.maketrans(",.", separators))


@cache
def translations(language: Language) -> NullTranslations:
    if language is Language.ENGLISH:
        return NullTranslations()
    catalogue = files("bot") / "locale" / language.value / "LC_MESSAGES" / "commonplace.po"
    read = polib.pofile(catalogue.read_text(encoding="utf-8"))
    return GNUTranslations(BytesIO(read.to_binary()))


class _Formatter(string.Formatter):
    """`str.format` with the spoken language's separators in `{number:,}` and `{number:,.1f}`."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec.startswith(","):
            decimals = format_spec[2:].removesuffix("f")
            return format_number(value, int(decimals or 0))
        return super().format_field(value, format_spec)


class Sentence(NamedTuple):
    """An English sentence with fields in braces; a call translates it.

    `context` distinguishes equal sentences with different translations.
    """

    english: str
    context: str = ""

    def __call__(self, **values: object) -> str:
        catalogue = translations(spoken_language.get())
        if self.context:
            sentence = catalogue.pgettext(self.context, self.english)
        else:
            sentence = catalogue.gettext(self.english)
        return _Formatter().vformat(sentence, (), values)

    def in_every_language(self) -> tuple[str, ...]:
        """Return the translations, to recognize the sentence in messages."""
        said = []
        for language in Language:
            with speaking(language):
                said.append(self())
        return tuple(said)


class Plural(NamedTuple):
    """A phrase with a number, `{number:,}`, in the singular and the plural."""

    one: str
    many: str

    def __call__(self, number: int, **values: object) -> str:
        """Return the spoken language's plural form for the number."""
        phrase = translations(spoken_language.get()).ngettext(self.one, self.many, number)
        return _Formatter().vformat(phrase, (), {"number": number, **values})


def speak(english: str, **values: object) -> str:
    """Say a sentence that is written, and extracted, where it is said."""
    return Sentence(english)(**values)


def plural(number: int, one: str, many: str, **values: object) -> str:
    """Say a phrase with a number, `{number:,}`, in the singular or the plural."""
    return Plural(one, many)(number, **values)


# Chooses a model that reads more languages, or says how to install it.
COMMAND_FOR_LANGUAGES: Final = "commonplace model use multilingual"
_LANGUAGE_NAMES: Final[Mapping[str, Sentence]] = {
    "ar": Sentence("Arabic"),
    "de": Sentence("German"),
    "el": Sentence("Greek"),
    "en": Sentence("English"),
    "es": Sentence("Spanish"),
    "fr": Sentence("French"),
    "he": Sentence("Hebrew"),
    "hi": Sentence("Hindi"),
    "id": Sentence("Indonesian"),
    "it": Sentence("Italian"),
    "ja": Sentence("Japanese"),
    "ko": Sentence("Korean"),
    "nl": Sentence("Dutch"),
    "pl": Sentence("Polish"),
    "pt": Sentence("Portuguese"),
    "ro": Sentence("Romanian"),
    "ru": Sentence("Russian"),
    "sv": Sentence("Swedish"),
    "th": Sentence("Thai"),
    "tr": Sentence("Turkish"),
    "uk": Sentence("Ukrainian"),
    "vi": Sentence("Vietnamese"),
    "zh": Sentence("Chinese"),
}
_AND: Final = Sentence("{names} and {last}")
_MANY: Final = Plural(
    "{number:,} language, such as {names}", "{number:,} languages, such as {names}"
)
# Of more languages than these, the most spoken ones are named.
_MOST_NAMED: Final = 6
_NAMED_FIRST: Final = ("en", "es", "fr", "de", "pt", "zh", "ru", "ar", "ja", "hi")


def language_name(code: str) -> str:
    """The name of a language, such as "German" for `de`; `code` itself if the name is unknown."""
    return _LANGUAGE_NAMES[code]() if code in _LANGUAGE_NAMES else code


def languages_read(codes: Collection[str]) -> str:
    """The languages that a model reads, in words: "English and German"; empty without any."""
    first = [code for code in _NAMED_FIRST if code in codes]
    order = [*first, *sorted({*codes} - {*first})][:_MOST_NAMED]
    *names, last = [language_name(code) for code in order] or [""]
    if len(codes) > _MOST_NAMED:
        return _MANY(len(codes), names=", ".join([*names, last]))
    return _AND(names=", ".join(names), last=last) if names else last
