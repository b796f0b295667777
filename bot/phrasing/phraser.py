"""Phraser: asks the endpoint about an answer, and filters its reply through the checks.

An error becomes an `Outcome`; only cancellation is raised. Two commands ask the endpoint, too:
`doctor` about a made-up passage, and `eval` to order hits.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Self

from bot.answers.phrased import Mode, Outcome, Phrased
from bot.config.settings import PhrasingSettings
from bot.phrasing import prompts
from bot.phrasing.endpoint import Endpoint, EndpointSettings, Failure, Reply
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


class Phraser:
    """Asks an endpoint to phrase answers or to order passages, and checks the replies."""

    def __init__(self, endpoint: Endpoint, embed: Embed) -> None:
        """Use this endpoint. `embed` is called only to check sentences that a model wrote."""
        self.endpoint = endpoint
        self._embed = embed

    async def phrase(self, task: Task) -> Phrased:
        """Return the lines that passed the checks, or the reason for none."""
        began = time.monotonic()
        model = self.endpoint.settings.model
        empty = Phrased(Outcome.NOTHING, model=model, prompt_version=prompts.PROMPT_VERSION)
        try:
            phrased = await self._phrase(task, empty)
        except Exception as error:  # noqa: BLE001 - the plain answer stays
            _logger.warning("An answer could not be phrased: %s.", type(error).__name__)
            phrased = replace(empty, outcome=Outcome.INVALID, problem=type(error).__name__)
        return replace(phrased, seconds=time.monotonic() - began)

    async def _phrase(self, task: Task, empty: Phrased) -> Phrased:
        offered = number_sentences(task.quotes)
        if not offered:
            return replace(empty, problem="the passages have no sentence to choose")
        reply = await self.endpoint.reply(prompts.prompt(task, offered))
        if isinstance(reply, Failure):
            return replace(empty, outcome=reply.outcome, problem=reply.problem)
        empty = replace(empty, prompt_tokens=reply.prompt_tokens, reply_tokens=reply.reply_tokens)
        checked: CheckedLines | None = None
        if task.mode is Mode.CHOOSE:
            if (choice := prompts.parse(reply, prompts.Chosen)) is not None:
                checked = choose(task.quotes, offered, choice)
        elif (sentences := prompts.parse_sentences(reply)) is not None:
            checked = await check(task, offered, sentences, self._embed)
        if checked is None:
            return replace(empty, outcome=Outcome.INVALID, problem=NOT_ASKED)
        return replace(
            empty,
            outcome=Outcome.SHOWN if checked.lines else Outcome.NOTHING,
            lines=checked.lines,
            chosen=checked.ids,
            verdicts=checked.verdicts,
            stands_on=checked.stands_on,
            problem="" if checked.lines else "nothing of the reply may be shown",
        )

    async def order(self, question: str, passages: Sequence[Quoted]) -> Ordered:
        """Return a new order of the passages. Only the first ten are sent to the endpoint."""
        offered = {str(number): quote for number, quote in enumerate(passages[:MOST_ORDERED], 1)}
        if len(offered) < 2:
            return Ordered(Outcome.NOTHING, problem="nothing to put into order")
        try:
            reply = await self.endpoint.reply(prompts.order_prompt(question, offered))
            if isinstance(reply, Failure):
                return Ordered(reply.outcome, problem=reply.problem)
            parsed = prompts.parse(reply, prompts.Order)
            order = places(parsed.order if parsed else (), list(offered), len(passages))
        except Exception as error:  # noqa: BLE001 - the old order stays
            _logger.warning("Passages could not be put into order: %s.", type(error).__name__)
            return Ordered(Outcome.INVALID, problem=type(error).__name__)
        tokens = (reply.prompt_tokens, reply.reply_tokens)
        if not order:
            return Ordered(Outcome.INVALID, (), *tokens, NOT_ASKED)
        return Ordered(Outcome.SHOWN, order, *tokens)


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
    try:
        endpoint = Endpoint(EndpointSettings(settings.url, settings.model, settings.seconds), key)
    except ValueError as error:
        return str(error)

    async def ask() -> Reply | Failure:
        try:
            return await endpoint.reply(prompts.prompt(_TRIAL, number_sentences(_TRIAL.quotes)))
        finally:
            await endpoint.close()

    reply = asyncio.run(ask())
    if isinstance(reply, Reply):
        return ""
    return (
        f"{endpoint.host} {reply.problem}, so answers stay plain. Check `phrasing.url`, "
        "`phrasing.model` and PHRASING_KEY."
    )


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

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._phraser.endpoint.close())
        self._runner.close()

    def __call__(self, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits in the endpoint's order, if it replies; EndpointError if it can't be asked."""
        passages = [hit.passage for hit in hits]
        quotes = [Quoted(passage.text, passage.title, passage.heading) for passage in passages]
        ordered = self._runner.run(self._phraser.order(query, quotes))
        match ordered.outcome:
            case Outcome.SHOWN:
                return [hits[place] for place in ordered.places]
            case Outcome.LATE | Outcome.INVALID | Outcome.NOTHING:
                self.kept[ordered.outcome.value] += len(hits) > 1
                return list(hits)
        host = self._phraser.endpoint.host
        raise EndpointError(f"{host} can't be asked: it {ordered.problem}.")
