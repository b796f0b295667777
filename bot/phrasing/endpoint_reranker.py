"""Reranker for `eval` that asks the endpoint to order hits, one question at a time.

If the endpoint's reply is late or invalid, the hits keep their order, as in the bot, and the
reranker counts the question. If the endpoint can't be reached, the reranker raises an error,
because the evaluation would measure nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from bot.answers.phrased import Outcome
from bot.config.sections import PhrasingSettings
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.task import Quoted
from indexer.retrieval.hit import Hit

# Outcomes that keep the order.
_KEPT: Final = frozenset({Outcome.LATE, Outcome.INVALID, Outcome.NOTHING})


class EndpointError(Exception):
    """The endpoint can't be asked; the message has no text of the request."""


class EndpointReranker:
    """Reorders the hits of a question by the endpoint's reply.

    `kept` counts the questions without a usable reply, by outcome. The reranker runs its own event
    loop, so its thread must not run another loop.
    """

    def __init__(self, settings: PhrasingSettings, key: str) -> None:
        """Prepare the client, without opening a connection."""
        at = EndpointSettings(settings.url, settings.model, settings.seconds)
        self._phraser = Phraser(Endpoint(at, key), _no_vectors)
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
        """Return the hits in the endpoint's order, or unchanged if the reply is late or invalid.

        Raises:
            EndpointError: if the endpoint can't be asked.
        """
        quoted = [Quoted(one.passage.text, one.passage.title, one.passage.heading) for one in hits]
        found = self._runner.run(self._phraser.order(query, quoted))
        if found.outcome is Outcome.SHOWN:
            return [hits[place] for place in found.places]
        if found.outcome not in _KEPT:
            raise EndpointError(f"{self._phraser.host} can't be asked: it {found.problem}.")
        self.kept[found.outcome.value] += len(hits) > 1
        return list(hits)


async def _no_vectors(texts: Sequence[str]) -> Any:
    raise NotImplementedError("Nothing is written where passages are put into order.")
