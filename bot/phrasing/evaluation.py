"""Order of hits by the endpoint, for `eval` alone: synchronous, one question after another.

Where the bot keeps its order because the endpoint is late, so does this, and counts it; where the
endpoint can't be asked at all, nothing is measured and that is an error.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from bot.answers.phrased import Outcome
from bot.config.phrasing import PhrasingSettings
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.task import Quoted
from indexer.retrieval.hit import Hit

# What a question's order stays for, while others are measured.
_KEPT: Final = frozenset({Outcome.LATE, Outcome.INVALID, Outcome.NOTHING})


class EndpointError(Exception):
    """The endpoint can't be asked; the message says why, without a word of what was sent."""


class EndpointOrder:
    """Puts hits into the endpoint's order; `kept` counts the questions whose order stayed, by why.

    It has an event loop of its own, and so can't be used where one is running.
    """

    def __init__(self, settings: PhrasingSettings, key: str) -> None:
        """Open nothing before the first question."""
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
        """The hits as the endpoint orders them.

        Raises:
            EndpointError: if it can't be asked.
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
