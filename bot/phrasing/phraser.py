"""Phraser: asks the endpoint about an answer, and filters its reply through the checks.

An error becomes an `Outcome`; only cancellation is raised. Equal tasks in flight share one request,
which goes on for other callers if one is cancelled.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bot.answers.phrased import Line, Mode, Outcome, Phrased
from bot.phrasing import replies, written_sentences
from bot.phrasing.endpoint import Endpoint, Failure, Reply
from bot.phrasing.prompts import PROMPT_VERSION, order_prompt, prompt
from bot.phrasing.replies import Chosen
from bot.phrasing.sentences import Numbered, lines, numbered
from bot.phrasing.task import Ordered, Quoted, Task
from bot.phrasing.written_sentences import Embed

NOT_ASKED: Final = "the reply is not in the form that was asked for"

_Found = TypeVar("_Found", Phrased, Ordered)

_logger: Final = logging.getLogger(__name__)


class Phraser:
    """Asks an endpoint to phrase answers or to order passages, and checks the replies."""

    def __init__(self, endpoint: Endpoint, embed: Embed) -> None:
        """Use this endpoint. `embed` is called only to check sentences that a model wrote."""
        self._endpoint = endpoint
        self._embed = embed
        self._phrasing: dict[Hashable, asyncio.Task[Phrased]] = {}
        self._ordering: dict[Hashable, asyncio.Task[Ordered]] = {}

    @property
    def host(self) -> str:
        """Return the endpoint's host, as shown to members."""
        return self._endpoint.host

    @property
    def model(self) -> str:
        return self._endpoint.settings.model

    @property
    def problem(self) -> str:
        """Return the endpoint's problem as a sentence, or an empty string."""
        return self._endpoint.problem

    @property
    def identity(self) -> tuple[str, str, int]:
        """Return the endpoint's URL, the model and the prompt version, as a part of cache keys."""
        return self._endpoint.settings.url, self.model, PROMPT_VERSION

    async def close(self) -> None:
        """Cancel the requests in flight, for all callers."""
        running = [*self._phrasing.values(), *self._ordering.values()]
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._endpoint.close()

    async def phrase(self, task: Task) -> Phrased:
        """Return the lines that passed the checks, or the reason for none."""
        return await _shared(self._phrasing, task, lambda: self._phrased(task))

    async def order(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        """Return a new order of the passages. Only the first ten are sent to the endpoint."""
        asked = (question, tuple(passages))
        return await _shared(self._ordering, asked, lambda: self._ordered(*asked))

    async def _phrased(self, task: Task) -> Phrased:
        began = time.monotonic()
        empty = Phrased(Outcome.NOTHING, model=self.model, prompt_version=PROMPT_VERSION)
        try:
            found = await self._reply(task, empty)
        except Exception as error:  # noqa: BLE001 - the plain answer stays
            _logger.warning("An answer could not be phrased: %s.", type(error).__name__)
            found = replace(empty, outcome=Outcome.INVALID, problem=type(error).__name__)
        return replace(found, seconds=time.monotonic() - began)

    async def _reply(self, task: Task, empty: Phrased) -> Phrased:
        offered = numbered(task.quotes)
        if not offered:
            return replace(empty, problem="the passages have no sentence to choose")
        reply = await self._endpoint.reply(prompt(task, offered))
        if isinstance(reply, Failure):
            return replace(empty, outcome=reply.outcome, problem=reply.problem)
        answered = replace(
            empty,
            prompt_tokens=reply.prompt_tokens,
            reply_tokens=reply.reply_tokens,
        )
        if task.mode is Mode.CHOOSE:
            return _chosen(task, offered, reply, answered)
        return await self._written(task, offered, reply, answered)

    async def _written(
        self, task: Task, offered: Sequence[Numbered], reply: Reply, empty: Phrased
    ) -> Phrased:
        parsed = replies.parse_sentences(reply)
        if parsed is None:
            return replace(empty, outcome=Outcome.INVALID, problem=NOT_ASKED)
        found = await written_sentences.written(task, offered, parsed, self._embed)
        shown = _shown(empty, found.lines, found.ids, found.verdicts)
        return replace(shown, stands_on=found.stands_on)

    async def _ordered(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        began = time.monotonic()
        try:
            found = await self._order_asked(question, passages)
        except Exception as error:  # noqa: BLE001 - the old order stays
            _logger.warning("Passages could not be put into order: %s.", type(error).__name__)
            found = Ordered(Outcome.INVALID, problem=type(error).__name__)
        return replace(found, seconds=time.monotonic() - began)

    async def _order_asked(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        offered = by_prompt_id(passages)
        if len(offered) < 2:
            return Ordered(Outcome.NOTHING, model=self.model, problem="nothing to put into order")
        reply = await self._endpoint.reply(order_prompt(question, offered))
        if isinstance(reply, Failure):
            return Ordered(reply.outcome, model=self.model, problem=reply.problem)
        found = places(replies.parse_order(reply) or (), list(offered), len(passages))
        return Ordered(
            Outcome.SHOWN if found else Outcome.INVALID,
            found,
            self.model,
            reply.prompt_tokens,
            reply.reply_tokens,
            problem="" if found else NOT_ASKED,
        )


def _chosen(task: Task, offered: Sequence[Numbered], reply: Reply, empty: Phrased) -> Phrased:
    parsed = replies.parse_choice(reply)
    if parsed is None:
        return replace(empty, outcome=Outcome.INVALID, problem=NOT_ASKED)
    found = choose(task.quotes, offered, parsed)
    return _shown(empty, found.lines, found.ids, found.verdicts)


def _shown(
    empty: Phrased, lines: tuple[Line, ...], ids: tuple[str, ...], verdicts: Mapping[str, int]
) -> Phrased:
    return replace(
        empty,
        outcome=Outcome.SHOWN if lines else Outcome.NOTHING,
        lines=lines,
        chosen=ids,
        verdicts=verdicts,
        problem="" if lines else "nothing of the reply may be shown",
    )


async def _shared(
    running: dict[Hashable, asyncio.Task[_Found]],
    key: Hashable,
    start: Callable[[], Coroutine[None, None, _Found]],
) -> _Found:
    """Return the result of the task in flight for a key; start one if there is none."""
    task = running.get(key)
    if task is None:
        task = running[key] = asyncio.create_task(start())
        task.add_done_callback(lambda _: running.pop(key, None))
    # One caller's cancellation doesn't cancel the others'.
    return await asyncio.shield(task)


@dataclass(frozen=True, slots=True)
class ChosenLines:
    """Lines to show, their sentences' ids, and counts of chosen, unknown and left-out ids."""

    lines: tuple[Line, ...]
    ids: tuple[str, ...]
    verdicts: dict[str, int]


CHOSEN: Final = "chosen"
UNKNOWN: Final = "unknown"
LEFT_OUT: Final = "left out"


def choose(quotes: Sequence[Quoted], numbered: Sequence[Numbered], reply: Chosen) -> ChosenLines:
    """Return the lines to show for the sentences named in a model's reply.

    Unknown and repeated ids are skipped, and so are sentences that exceed the limits. There are no
    lines if the reply says that the passages don't answer the question.
    """
    offered = {one.id: one for one in numbered}
    known = [offered[key] for key in dict.fromkeys(reply.sentences) if key in offered]
    found, ids = lines(quotes, known) if reply.answers else ([], [])
    counts = {
        CHOSEN: len(ids),
        UNKNOWN: sum(key not in offered for key in reply.sentences),
    }
    counts[LEFT_OUT] = len(reply.sentences) - sum(counts.values())
    return ChosenLines(
        tuple(found), tuple(ids), {name: count for name, count in counts.items() if count}
    )


# The right passage is hardly ever further down.
MOST_ORDERED: Final = 10


def by_prompt_id(passages: Sequence[Quoted]) -> dict[str, Quoted]:
    """Return the passages to reorder, by their ids in the prompt."""
    return {str(place): one for place, one in enumerate(passages[:MOST_ORDERED], 1)}


def places(ids: Sequence[str], offered: Sequence[str], count: int) -> tuple[int, ...]:
    """Return a new order of `count` passages, as a sequence of their old indexes.

    The first passages were sent with the ids `offered`; the model replied with `ids`. Passages
    without an id in the reply come last. If the reply has no offered id, return an empty tuple.
    """
    known = {key: place for place, key in enumerate(offered)}
    named = [known[key] for key in dict.fromkeys(ids) if key in known]
    rest = [place for place in range(count) if place not in set(named)]
    return (*named, *rest) if named else ()
