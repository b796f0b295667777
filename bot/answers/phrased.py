"""Phrased answers: values that a language model's work adds to a plain answer.

The model chooses sentences of the quoted passages, or writes sentences that were checked against
them. Without a result the plain answer stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.answers.decision import Answer
from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply


class Mode(StrEnum):
    """What a model may do: choose sentences that somebody wrote, or write sentences of its own."""

    CHOOSE = "choose"
    PHRASE = "phrase"


class Outcome(StrEnum):
    """What became of a task; all but `SHOWN` leave the plain answer as it is."""

    SHOWN = "shown"
    # The model says that the passages don't answer, or nothing it returned passed the checks.
    NOTHING = "nothing"
    INVALID = "invalid"
    LATE = "late"
    UNREACHABLE = "unreachable"
    # Too many tasks are in flight, or the endpoint said so.
    BUSY = "busy"
    # The circuit breaker is open: the endpoint failed too often lately.
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Line:
    """Something to show: Markdown, and the numbers of the quotations that it stands on.

    A `verbatim` line stands in these to the letter; any other was written by the model, and
    compared with them.
    """

    text: str
    numbers: tuple[int, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Phrased:
    """What came of a task.

    Attributes:
        lines: in the order in which they are shown; none unless `outcome` is `SHOWN`.
        model: what the endpoint was asked for; what it says itself may be a path of its machine.
        prompt_version: counts up with every change of the prompt.
        verdicts: how many sentences of the model's there were by what was said of them.
        chosen: the ids of the sentences that are quoted, `2.3` the third of the second passage.
        stands_on: those that what the model wrote was compared with.
        problem: why there is nothing, for the log: no word of the question or the passages.
    """

    outcome: Outcome
    lines: tuple[Line, ...] = ()
    model: str = ""
    prompt_version: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    verdicts: Mapping[str, int] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    stands_on: tuple[str, ...] = ()
    problem: str = ""


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


@dataclass(frozen=True, slots=True)
class Result:
    """What is shown in the place of a plain answer: a reply, and what stands above its quotations.

    Nothing stands there where only what is quoted has changed.
    """

    reply: Reply
    phrased: Phrased | None
