"""Tasks of a language model: what it is sent about an answer, and what came of that.

The model sees the passages that the answer quotes, and the question. Values only.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.answers.phrased import Candidate, Mode, Outcome, Phrased
from bot.answers.pipeline import Reply
from knowledge.values.channel_settings import AnsweredFrom
from knowledge.values.documents import Scope
from knowledge.values.phrasings import RecordedPhrasing, WrittenLine

# Scopes that may be seen besides the articles, and what a channel is answered from.
Place = tuple[tuple[Scope, ...], AnsweredFrom]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A passage that the answer quotes: Markdown, below its title and heading."""

    text: str
    title: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What a model is asked: a question, the one it follows up, and what the answer quotes.

    Attributes:
        quotes: as the answer numbers them, from 1.
    """

    question: str
    quotes: tuple[Quoted, ...]
    mode: Mode
    earlier: str = ""


def task_of(candidate: Candidate) -> Task:
    quotes = tuple(
        Quoted(quote.text, quote.citation.title, quote.citation.heading)
        for quote in candidate.answer.quotes
    )
    earlier = candidate.ask.earlier.rsplit("\n", 1)[-1]
    return Task(candidate.ask.text, quotes, candidate.mode, earlier)


@dataclass(frozen=True, slots=True)
class Ordered:
    """What came of asking for an order of passages: their places, from 0, each once, best first.

    Empty unless `outcome` is `SHOWN`: then the order stays as it was.
    """

    outcome: Outcome
    places: tuple[int, ...] = ()
    model: str = ""
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking, for whoever asks the same: no id of a question is in it."""

    phrased: Phrased
    places: tuple[int, ...] = ()
    reply: Reply | None = None
    prompt_tokens: int = 0
    reply_tokens: int = 0

    def recorded(self, mode: Mode, now: datetime, *, repeated: bool) -> RecordedPhrasing:
        """What is kept of it with a question; what is told again costs nothing."""
        phrased = self.phrased
        return RecordedPhrasing(
            mode.value,
            phrased.outcome.value,
            now,
            phrased.model,
            phrased.prompt_version,
            phrased.chosen,
            self.places,
            tuple(
                WrittenLine(line.text, line.numbers) for line in phrased.lines if not line.verbatim
            ),
            phrased.verdicts,
            0 if repeated else self.prompt_tokens,
            0 if repeated else self.reply_tokens,
            0 if repeated else round(phrased.seconds * 1_000),
            repeated,
        )


@dataclass(frozen=True, slots=True)
class ResultKey:
    """What two answers must have in common to be phrased alike: all that is sent, and for whom.

    `place` is where they were looked up, of which the `generation` is.
    """

    task: Task
    hits: tuple[Quoted, ...]
    place: Place
    generation: int
    model: tuple[object, ...]
