"""Phrasing task and its result: what a language model is asked about an answer, what may be shown.

The model sees the passages that an answer quotes and nothing else. Whatever it returns, the result
is either nothing, and the plain answer stays, or lines that were checked against these passages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
