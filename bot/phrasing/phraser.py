"""Phraser: asks the endpoint about an answer, and filters its reply through the checks.

An error becomes an `Outcome`; only cancellation is raised. Equal tasks in flight share one request,
which goes on for other callers if one is cancelled. Two commands ask the endpoint, too: `doctor`
about a made-up passage, and `eval` to order hits.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from bot.answers.phrased import Mode, Outcome, Phrased
from bot.config.sections import PhrasingSettings
from bot.phrasing import prompts
from bot.phrasing.endpoint import Endpoint, EndpointSettings, Failure
from bot.phrasing.sentences import Numbered, Quoted, Task, lines, number_sentences
from bot.phrasing.written_sentences import CheckedLines, Embed, check
from indexer.retrieval.hit import Hit

NOT_ASKED: Final = "the reply is not in the form that was asked for"
# The right passage is hardly ever further down.
MOST_ORDERED: Final = 10

CHOSEN: Final = "chosen"
UNKNOWN: Final = "unknown"
LEFT_OUT: Final = "left out"

_logger: Final = logging.getLogger(__name__)


class Ordered(NamedTuple):
    """A model's order of passages.

    `places` are the old indexes of the passages in the new order, best first. It is empty unless
    the outcome is `SHOWN`; then the passages keep their order.
    """

    outcome: Outcome
    places: tuple[int, ...] = ()
    prompt_tokens: int = 0
    reply_tokens: int = 0
    problem: str = ""


_Found = TypeVar("_Found", Phrased, Ordered)


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
        return self._endpoint.host

    @property
    def problem(self) -> str:
        """The endpoint's problem as a sentence, or an empty string."""
        return self._endpoint.problem

    @property
    def identity(self) -> tuple[str, str, int]:
        """The endpoint's URL, the model and the prompt version, as a part of cache keys."""
        settings = self._endpoint.settings
        return settings.url, settings.model, prompts.PROMPT_VERSION

    async def close(self) -> None:
        """Cancel the requests in flight, for all callers."""
        running = [*self._phrasing.values(), *self._ordering.values()]
        for request in running:
            request.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._endpoint.close()

    async def phrase(self, task: Task) -> Phrased:
        """Return the lines that passed the checks, or the reason for none."""

        async def ask() -> Phrased:
            began = time.monotonic()
            model = self._endpoint.settings.model
            empty = Phrased(Outcome.NOTHING, model=model, prompt_version=prompts.PROMPT_VERSION)
            try:
                found = await self._phrase(task, empty)
            except Exception as error:  # noqa: BLE001 - the plain answer stays
                _logger.warning("An answer could not be phrased: %s.", type(error).__name__)
                found = replace(empty, outcome=Outcome.INVALID, problem=type(error).__name__)
            return replace(found, seconds=time.monotonic() - began)

        return await _share(self._phrasing, task, ask)

    async def _phrase(self, task: Task, empty: Phrased) -> Phrased:
        offered = number_sentences(task.quotes)
        if not offered:
            return replace(empty, problem="the passages have no sentence to choose")
        reply = await self._endpoint.reply(prompts.prompt(task, offered))
        if isinstance(reply, Failure):
            return replace(empty, outcome=reply.outcome, problem=reply.problem)
        empty = replace(empty, prompt_tokens=reply.prompt_tokens, reply_tokens=reply.reply_tokens)
        found: CheckedLines | None = None
        if task.mode is Mode.CHOOSE:
            if (choice := prompts.parse_choice(reply)) is not None:
                found = choose(task.quotes, offered, choice)
        elif (sentences := prompts.parse_sentences(reply)) is not None:
            found = await check(task, offered, sentences, self._embed)
        if found is None:
            return replace(empty, outcome=Outcome.INVALID, problem=NOT_ASKED)
        return replace(
            empty,
            outcome=Outcome.SHOWN if found.lines else Outcome.NOTHING,
            lines=found.lines,
            chosen=found.ids,
            verdicts=found.verdicts,
            stands_on=found.stands_on,
            problem="" if found.lines else "nothing of the reply may be shown",
        )

    async def order(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        """Return a new order of the passages. Only the first ten are sent to the endpoint."""

        async def ask() -> Ordered:
            try:
                return await self._order(question, passages)
            except Exception as error:  # noqa: BLE001 - the old order stays
                _logger.warning("Passages could not be put into order: %s.", type(error).__name__)
                return Ordered(Outcome.INVALID, problem=type(error).__name__)

        return await _share(self._ordering, (question, tuple(passages)), ask)

    async def _order(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        offered = {str(number): quote for number, quote in enumerate(passages[:MOST_ORDERED], 1)}
        if len(offered) < 2:
            return Ordered(Outcome.NOTHING, problem="nothing to put into order")
        reply = await self._endpoint.reply(prompts.order_prompt(question, offered))
        if isinstance(reply, Failure):
            return Ordered(reply.outcome, problem=reply.problem)
        found = places(prompts.parse_order(reply) or (), list(offered), len(passages))
        return Ordered(
            Outcome.SHOWN if found else Outcome.INVALID,
            found,
            reply.prompt_tokens,
            reply.reply_tokens,
            "" if found else NOT_ASKED,
        )


async def _share(
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


def choose(
    quotes: Sequence[Quoted], numbered: Sequence[Numbered], reply: prompts.Chosen
) -> CheckedLines:
    """Return the lines to show for the sentences named in a model's reply.

    Unknown and repeated ids are skipped, and so are sentences that exceed the limits. There are no
    lines if the reply says that the passages don't answer the question.
    """
    offered = {sentence.id: sentence for sentence in numbered}
    known = [offered[key] for key in dict.fromkeys(reply.sentences) if key in offered]
    found, ids = lines(quotes, known) if reply.answers else ([], [])
    unknown = sum(key not in offered for key in reply.sentences)
    left_out = len(reply.sentences) - len(ids) - unknown
    counts = {CHOSEN: len(ids), UNKNOWN: unknown, LEFT_OUT: left_out}
    verdicts = {name: count for name, count in counts.items() if count}
    return CheckedLines(tuple(found), tuple(ids), verdicts)


def places(ids: Sequence[str], offered: Sequence[str], count: int) -> tuple[int, ...]:
    """Return a new order of `count` passages, as a sequence of their old indexes.

    The first passages were sent with the ids `offered`; the model replied with `ids`. Passages
    without an id in the reply come last. If the reply has no offered id, return an empty tuple.
    """
    known = {key: place for place, key in enumerate(offered)}
    named = [known[key] for key in dict.fromkeys(ids) if key in known]
    rest = [place for place in range(count) if place not in set(named)]
    return (*named, *rest) if named else ()


# For the command line.


_TRIAL: Final = Task(
    "When does the ferry leave?", (Quoted("The ferry leaves at nine.", "Ferries"),), Mode.CHOOSE
)


def endpoint_problem(settings: PhrasingSettings, key: str) -> str:
    """Ask the endpoint once about a made-up passage; returns its problem, or an empty string."""

    async def ask() -> str:
        at = EndpointSettings(settings.url, settings.model, settings.seconds)
        try:
            endpoint = Endpoint(at, key)
        except ValueError as error:
            return str(error)
        try:
            found = await endpoint.reply(prompts.prompt(_TRIAL, number_sentences(_TRIAL.quotes)))
        finally:
            await endpoint.close()
        if isinstance(found, Failure):
            return (
                f"{endpoint.host} {found.problem}, so answers stay plain. Check `phrasing.url`, "
                "`phrasing.model` and PHRASING_KEY."
            )
        return ""

    return asyncio.run(ask())


class EndpointError(Exception):
    """The endpoint can't be asked; the message has no text of the request."""


class EndpointReranker:
    """Reranker for `eval` that asks the endpoint to order hits, one question at a time.

    If the reply is late or invalid, the hits keep their order, as in the bot, and `kept` counts the
    question by outcome. The reranker runs its own event loop, so its thread must not run another.
    """

    def __init__(self, settings: PhrasingSettings, key: str) -> None:
        """Prepare the client, without opening a connection."""

        async def no_vectors(texts: Sequence[str]) -> Any:
            raise NotImplementedError("Nothing is written where passages are put into order.")

        at = EndpointSettings(settings.url, settings.model, settings.seconds)
        self._phraser = Phraser(Endpoint(at, key), no_vectors)
        self._runner = asyncio.Runner()
        self.kept: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.run(self._phraser.close())
        self._runner.close()

    def __call__(self, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits in the endpoint's order, if it replies; EndpointError if it can't be asked."""
        passages = [hit.passage for hit in hits]
        quotes = [Quoted(passage.text, passage.title, passage.heading) for passage in passages]
        found = self._runner.run(self._phraser.order(query, quotes))
        match found.outcome:
            case Outcome.SHOWN:
                return [hits[place] for place in found.places]
            case Outcome.LATE | Outcome.INVALID | Outcome.NOTHING:
                self.kept[found.outcome.value] += len(hits) > 1
                return list(hits)
            case _:
                raise EndpointError(f"{self._phraser.host} can't be asked: it {found.problem}.")
