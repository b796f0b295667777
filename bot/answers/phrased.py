"""Phrased answers: the lines that a language model adds to a plain answer.

The model chooses sentences of the quoted passages, or writes sentences that are checked against the
passages. If the model gives no usable result, the plain answer stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply


class Mode(StrEnum):
    """Task of the model: to choose sentences of the passages, or to write new sentences."""

    CHOOSE = "choose"
    PHRASE = "phrase"


class Outcome(StrEnum):
    """Outcome of a request to a language model to phrase an answer.

    With any outcome but `SHOWN`, the model adds no lines to the plain answer.
    """

    SHOWN = "shown"
    # The model or the checks found no answer in the passages.
    NOTHING = "nothing"
    INVALID = "invalid"
    LATE = "late"
    UNREACHABLE = "unreachable"
    # Too many answers were being phrased, here or at the endpoint.
    BUSY = "busy"
    # The circuit breaker is open after too many failures.
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Line:
    """A line to show: Markdown, and the numbers of the quotations that support the line.

    A `verbatim` line is copied from a quotation. Other lines were written by the model and checked.
    """

    text: str
    numbers: tuple[int, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Phrased:
    """Lines that a language model adds to a plain answer, or the reason why there are none.

    Attributes:
        lines: the lines to show, in order; empty unless `outcome` is `SHOWN`.
        model: the model's name in the request. The name in the endpoint's reply isn't used, because
            some endpoints put a file path there.
        prompt_version: a number that increases with every change of the prompt.
        verdicts: by verdict of the checks, the number of the model's own sentences.
        chosen: ids of the quoted sentences; `2.3` is the third sentence of the second passage.
        stands_on: ids of the passages' sentences that support the model's own sentences.
        problem: why there are no lines, for the log; quotes no text.
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
    """An answer to be phrased by a model."""

    ask: Ask
    reply: Reply
    mode: Mode

    @property
    def answer(self) -> Answer:
        assert isinstance(self.reply.outcome, Answer)  # noqa: S101 - `candidate` makes no other
        return self.reply.outcome


@dataclass(frozen=True, slots=True)
class Result:
    """A reply changed by a language model, to show instead of the plain answer.

    Attributes:
        reply: the reply; its quotations may differ from the quotations of the plain answer.
        phrased: the model's lines to show above the quotations, or None if the model only chose
            the quotations.
    """

    reply: Reply
    phrased: Phrased | None
