"""Messages about questions with pictures or logs: the offer to ask with the text read in them."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.answers.pipeline import QUESTION_CHARACTERS
from bot.text.languages import Sentence
from bot.text.markdown import beginning, code_block, code_blocks, plain_within, size
from indexer.retrieval.error_identifiers import LOG_MARK
from knowledge.files import logs
from knowledge.files.logs import Problem
from knowledge.values.guilds import Language

READ: Final = Sentence("This is what I read in the picture. You can correct it before you ask.")
READ_IN_LOG: Final = Sentence(
    "These lines of the log look decisive. I left out times, addresses, paths and names. You can "
    "correct them before you ask."
)
WITH_WORDS: Final = Sentence("Your own words:")
NOT_YOURS: Final = Sentence("Only the member who sent it can ask with it.")
LABELS: Final[Mapping[str, Sentence]] = {
    "picture": Sentence("Ask with this text"),
    "words": Sentence("Ask with my words only"),
}
QUESTION: Final = Sentence("Question")
QUESTION_HELP: Final = Sentence(
    "The exact words of an error message work best. Leave out your own names and paths."
)
PROBLEMS: Final[Mapping[Problem, Sentence]] = {
    Problem.LARGE: Sentence(
        "{file} is too large or takes too long: the limits are {megabytes:,} MB and {seconds:,} "
        "seconds. Send the end of the log."
    ),
    Problem.BOMB: Sentence(
        "{file} unpacks to more than {unpacked:,} MB or {ratio:,} times its size. Send the end of "
        "the log."
    ),
    Problem.MANY: Sentence("{file} has more than {files:,} logs. Send the one with the error."),
    Problem.EMPTY: Sentence("{file} has no `.txt` or `.log` file."),
    Problem.TORN: Sentence("{file} is damaged: pack it again."),
    Problem.PACKED: Sentence("{file} is encrypted or packed in an unusual way: pack it again."),
    Problem.NO_TEXT: Sentence("{file} isn't a text."),
}
NO_ERROR: Final = Sentence("I found no error in this log. Tell me in a few words what happens.")

# A longer text by the member is asked without the attachments: both would not fit into a message.
WORDS_CHARACTERS: Final = 600
_TEXT_CHARACTERS: Final = 1_100
_NAME_CHARACTERS: Final = 60


def unread(name: str, problem: Problem, language: Language) -> str:
    """A sentence about a log that can't be read."""
    return PROBLEMS[problem](
        language,
        file=f"**{plain_within(name, _NAME_CHARACTERS)}**",
        megabytes=logs.LOG_BYTES // 1_000_000,
        unpacked=logs.UNPACKED_BYTES // 1_000_000,
        seconds=logs.SECONDS,
        ratio=logs.MOST_RATIO,
        files=logs.FILES,
    )


def marked(lines: Sequence[str]) -> str:
    """Lines of a log, marked as such: they alone never make an answer sure."""
    return "\n".join(f"{LOG_MARK}{line}" for line in lines)


def offer(
    words: str,
    text: str,
    language: Language,
    *,
    unread: Sequence[str] = (),
    read: Sentence | None = READ,
) -> str:
    """A message with the text that was read, the member's own words, and what wasn't read."""
    room = _TEXT_CHARACTERS - size("\n".join(unread))
    parts = [*unread, *([read(language)] if read else []), code_block(text, room)]
    if words:
        parts += [WITH_WORDS(language), code_block(words, WORDS_CHARACTERS)]
    return "\n".join(parts)


def words_and_text(offered: str) -> tuple[str, str]:
    """Parse a message of `offer` into the member's own words and the text."""
    text, words, *_ = [*code_blocks(offered), "", ""]
    return words, text


def question(words: str, text: str) -> str:
    """The text to begin with in `TextForm`: the member's own words, then the text."""
    return beginning("\n".join(filter(None, [words, text])), QUESTION_CHARACTERS)
