"""Sentences and texts of questions that come with a picture: what was read, before it is asked."""

from collections.abc import Mapping
from typing import Final

from bot.answers.pipeline import QUESTION_CHARACTERS
from bot.text.languages import Sentence
from bot.text.markdown import MESSAGE_CHARACTERS, beginning, legible, size
from knowledge.model.guilds import Language

READ: Final = Sentence(
    "This is what I read in the picture. Nothing is looked up before you say so; you can correct "
    "it first."
)
WITH_WORDS: Final = Sentence("Your own words:")
NOT_YOURS: Final = Sentence("Only who sent the picture can ask with it.")
LABELS: Final[Mapping[str, Sentence]] = {
    "picture": Sentence("Ask with this text"),
    "words": Sentence("Ask my words only"),
}
FORM_TITLE: Final = Sentence("Ask with a picture's text")
QUESTION: Final = Sentence("Question")
QUESTION_HELP: Final = Sentence("The words of an error find most; leave out what is only yours.")

# Of longer ones the picture is no part: they say enough, and both would not fit in a message.
WORDS_CHARACTERS: Final = 600
_FENCE: Final = "```"
_ROOM: Final = 300


def offer(words: str, text: str, language: Language) -> str:
    """A message that shows what was read, and what was typed; `words_and_text` reads it again."""
    words, text = _fenced(words), _fenced(text)
    text = beginning(text, MESSAGE_CHARACTERS - _ROOM - size(words)).rstrip()
    parts = [READ(language), f"{_FENCE}\n{text}\n{_FENCE}"]
    if words:
        parts += [WITH_WORDS(language), f"{_FENCE}\n{words}\n{_FENCE}"]
    return "\n".join(parts)


def words_and_text(offered: str) -> tuple[str, str]:
    """What was typed and what was read, from a message that `offer` wrote."""
    _, text, _, words, *_ = [*offered.split(_FENCE), "", "", "", ""]
    return words.strip(), text.strip()


def question(words: str, text: str) -> str:
    """What the form begins with: the typed words first, then what was read."""
    return beginning("\n".join(filter(None, [words, text])), QUESTION_CHARACTERS)


def _fenced(text: str) -> str:
    """Text as it can stand in a code block of Discord: no backtick ends it."""
    return legible(text).replace("`", "'").strip()
