"""`Both`: a sentence in English and in German, and whose language it is said in. Pure.

What everybody reads is in the server's language, what one member alone reads in that of their
Discord where there is a wording in it (docs/decisions.md).
"""

from typing import Final, NamedTuple

from knowledge.model.records import Language

NAMES: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}


def of_locale(locale: str) -> Language | None:
    """The language of a Discord client, as Discord names it; None where there are no wordings."""
    tongue = locale.partition("-")[0]
    return next((language for language in Language if language.value == tongue), None)


def written(number: int, language: Language) -> str:
    """A number with its separators."""
    text = f"{number:,}"
    return text.replace(",", ".") if language is Language.GERMAN else text


class Both(NamedTuple):
    """A sentence in both languages; what is in braces is filled in."""

    english: str
    german: str

    def __call__(self, language: Language, **values: object) -> str:
        """The sentence in one of them."""
        sentence = self.german if language is Language.GERMAN else self.english
        return sentence.format(**values)


class Counted(NamedTuple):
    """A phrase that counts something, `{number}` of it: one, and any other number."""

    one: Both
    many: Both

    def __call__(self, number: int, language: Language, **values: object) -> str:
        """The phrase in one of the languages."""
        phrase = self.one if number == 1 else self.many
        return phrase(language, number=written(number, language), **values)
