"""Messages about questions with pictures: the offer to ask with the text read in the pictures."""

from collections.abc import Mapping
from typing import Final

from bot.answers.pipeline import QUESTION_CHARACTERS
from bot.text.languages import Sentence
from bot.text.markdown import beginning, code_block, code_blocks
from knowledge.values.guilds import Language

READ: Final = Sentence("This is what I read in the picture. You can correct it before you ask.")
WITH_WORDS: Final = Sentence("Your own words:")
NOT_YOURS: Final = Sentence("Only the member who sent the picture can ask with it.")
LABELS: Final[Mapping[str, Sentence]] = {
    "picture": Sentence("Ask with this text"),
    "words": Sentence("Ask with my words only"),
}
FORM_TITLE: Final = Sentence("Ask with a picture's text")
QUESTION: Final = Sentence("Question")
QUESTION_HELP: Final = Sentence(
    "The exact words of an error message work best. Leave out your own names and paths."
)

# A longer text by the member is asked without the picture: both would not fit into a message.
WORDS_CHARACTERS: Final = 600
_TEXT_CHARACTERS: Final = 1_100


def offer(words: str, text: str, language: Language) -> str:
    """A message with the pictures' text and the member's own words."""
    parts = [READ(language), code_block(text, _TEXT_CHARACTERS)]
    if words:
        parts += [WITH_WORDS(language), code_block(words, WORDS_CHARACTERS)]
    return "\n".join(parts)


def words_and_text(offered: str) -> tuple[str, str]:
    """Parse a message of `offer` into the member's own words and the pictures' text."""
    text, words, *_ = [*code_blocks(offered), "", ""]
    return words, text


def question(words: str, text: str) -> str:
    """The text to begin with in `PictureForm`: the member's own words, then the pictures' text."""
    return beginning("\n".join(filter(None, [words, text])), QUESTION_CHARACTERS)
