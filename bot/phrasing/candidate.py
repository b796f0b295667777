"""Candidate: an answer that a model is asked about, with what it is sent and what came of that.

Values: nothing here asks, counts or waits.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.answers.decision import Answer
from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.phrasing.task import Mode, Phrased, Quoted, Task
from knowledge.values.channel_settings import AnsweredFrom
from knowledge.values.documents import Scope
from knowledge.values.phrasings import RecordedPhrasing, WrittenLine

# Scopes that may be seen besides the articles, and what a channel is answered from.
Place = tuple[tuple[Scope, ...], AnsweredFrom]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that a model is asked about."""

    ask: Ask
    reply: Reply
    mode: Mode

    @property
    def answer(self) -> Answer:
        assert isinstance(self.reply.outcome, Answer)  # noqa: S101 - `expects` makes no other
        return self.reply.outcome

    @property
    def task(self) -> Task:
        """What a model is asked of it."""
        quotes = tuple(
            Quoted(quote.text, quote.citation.title, quote.citation.heading)
            for quote in self.answer.quotes
        )
        earlier = self.ask.earlier.rsplit("\n", 1)[-1]
        return Task(self.ask.text, quotes, self.mode, earlier)


@dataclass(frozen=True, slots=True)
class Result:
    """What is shown in the place of a plain answer: a reply, and what stands above its quotations.

    Nothing stands there where only what is quoted has changed.
    """

    reply: Reply
    phrased: Phrased | None


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
