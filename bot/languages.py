"""`Both`: a sentence in English and in German, of which a server has chosen one. Pure."""

from typing import Final, NamedTuple

from knowledge.model import Language

NAMES: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}


class Both(NamedTuple):
    """A sentence in both languages; what is in braces is filled in."""

    english: str
    german: str

    def __call__(self, language: Language, **values: object) -> str:
        """The sentence in one of them."""
        sentence = self.german if language is Language.GERMAN else self.english
        return sentence.format(**values)
