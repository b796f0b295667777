"""Values of phrasing: tasks for a language model, and their results.

The model sees the question and the passages that the answer quotes.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.answers.phrased import Candidate, Mode, Outcome, Phrased
from bot.answers.pipeline import Reply
from knowledge.values.channel_settings import AnsweredFrom
from knowledge.values.documents import Scope
from knowledge.values.phrasings import RecordedPhrasing, WrittenLine

# Visible scopes besides the articles, and the channel's sources.
Place = tuple[tuple[Scope, ...], AnsweredFrom]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quoted passage: Markdown, with its title and heading."""

    text: str
    title: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A question and the quotations in its answer.

    Attributes:
        quotes: the quotations, numbered as in the answer, from 1.
        mode: whether the model chooses or writes sentences.
        earlier: the question to which this question is a follow-up, or "".
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
    """A model's order of passages.

    Attributes:
        places: the old indexes of the passages in the new order, best first. Empty unless the
            outcome is `SHOWN`; an empty tuple keeps the old order.
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
    """A result that equal questions share, so it contains no id of a question.

    Attributes:
        places: the new order of the hits; empty if they keep their order.
        reply: the answer, with its quotations in the new order; None if there is no new order.
    """

    phrased: Phrased
    places: tuple[int, ...] = ()
    reply: Reply | None = None
    prompt_tokens: int = 0
    reply_tokens: int = 0

    def recorded(self, mode: Mode, now: datetime, *, repeated: bool) -> RecordedPhrasing:
        """Return the record of this result for a question. A repeated result counts no tokens."""
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
    """Key of a cached result: two answers with the same key are phrased alike.

    Attributes:
        hits: the hits that the model is to reorder.
        place: the searched scopes, and the channel's selection of sources.
        generation: the generation of the content in these scopes.
        model: `Phraser.identity`.
    """

    task: Task
    hits: tuple[Quoted, ...]
    place: Place
    generation: int
    model: tuple[object, ...]
