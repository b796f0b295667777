"""Embedding by other processes: what an update offers to workers, and what it gets of them.

Whoever updates an index offers the texts that have no vector, and stores those that come back.
A worker embeds by the very same model (`kind_of`), so an index is the same whoever embedded. What
comes back is looked at before it is stored: a vector of another length or with no number in it is
as none. Behind the vector come the codes of the tokens, where the model has them.
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, embedded_passages
from indexer.embedding.token_vectors import tokens_of
from indexer.index.database import IndexError_
from indexer.index.index import Index
from knowledge.text import counted
from knowledge.values.embedding_jobs import Job, QueueState

if TYPE_CHECKING:
    from knowledge.store.postgres.work_queue import WorkQueue

# Vectors taken over in one step; that takes some 10 ms.
_COLLECTED: Final = 128
# Texts that a worker takes at once: a second's work, at the most.
TAKEN: Final = 16
# How often a worker says that it is alive; what it takes at once needs less.
SEEN_SECONDS: Final = 2.0
# What a text begins with that is a whole passage: codes of its tokens are wanted, too. Who stores
# what comes back need not be who offered it.
_WHOLE: Final = "\x02"
# How far a unit vector's length may be from 1: float32, and models that scale no better.
_TOLERANCE: Final = 0.01

_logger = logging.getLogger(__name__)


class SetAsideError(IndexError_):
    """Every worker that tried to embed some text was gone afterwards; the message says more."""


def kind_of(embedder: Embedder) -> str:
    """What a worker has to run to embed for this model: vectors of different ones never mix."""
    coded = "" if tokens_of(embedder) is None else " coded"
    return f"embed {embedder.model} {embedder.dimension} {embedder.max_tokens}{coded}"


class EmbeddingQueue:
    """The queue as whoever updates an index sees it."""

    def __init__(self, jobs: "WorkQueue") -> None:
        self._jobs = jobs

    def is_attended(self, embedder: Embedder) -> bool:
        """Whether any worker is alive that embeds as this embedder does."""
        return self._jobs.is_attended(kind_of(embedder))

    def offer(
        self,
        index: Index,
        embedder: Embedder,
        texts: Mapping[bytes, str],
        whole: Container[bytes] = (),
    ) -> None:
        """Let workers embed those of the texts that have no vector yet.

        Of whole passages, by digest, the codes of their tokens are wanted, too.
        """
        missing = index.tables.missing_vectors(texts)
        coded: Container[bytes] = () if tokens_of(embedder) is None else whole
        self._jobs.offer(
            kind_of(embedder),
            {
                key: _WHOLE + text if key in coded else text
                for key, text in texts.items()
                if key in missing
            },
        )

    def collect(self, index: Index, embedder: Embedder) -> int:
        """Store some of the vectors that have come back, and their codes; returns how many."""
        kind = kind_of(embedder)
        found = self._jobs.results(kind, _COLLECTED)
        vectors = {key: _vector(result, embedder) for key, result in found.items()}
        good = {key: vector for key, vector in vectors.items() if vector is not None}
        if good:
            size = _size(embedder.dimension)
            codes = {key: found[key][size:] for key in good}
            index.tables.store_vectors(good, {key: one for key, one in codes.items() if one})
        if len(good) < len(found):
            _logger.warning("%d vectors of a worker were none.", len(found) - len(good))
        # Not before they are stored: an update that ends here begins anew.
        self._jobs.drop(kind, found)
        return len(good)

    def state(self) -> QueueState:
        return self._jobs.state()

    def still_out(self, index: Index, embedder: Embedder, texts: Mapping[bytes, str]) -> bool:
        """Whether to wait for vectors of these texts; what lacks one then is to be embedded here.

        Raises:
            SetAsideError: if workers have died of one of them: so might this process.
        """
        missing = index.tables.missing_vectors(texts)
        if not missing:
            return False
        kind = kind_of(embedder)
        if not self._jobs.is_attended(kind):
            self._jobs.drop(kind, missing)
            return False
        problems = self._jobs.problems(kind, missing)
        set_aside = {key: problem for key, problem in problems.items() if problem is not None}
        if "" in set_aside.values():
            raise SetAsideError(
                "Some documents could not be embedded, and are not in the index: every worker that "
                "took a text of theirs had ended without a word, as one does that lacks memory. "
                "Look at what the workers' machines say, and give them more; the texts are tried "
                "again within the hour."
            )
        # What they have failed of is met here, too, and told as ever.
        self._jobs.drop(kind, set_aside)
        return len(set_aside) < len(problems)


class EmbeddingWorker:
    """A process that embeds for others: it takes texts, and hands in their vectors.

    Attributes:
        done: how many texts it has embedded.
        failed: how many it could not embed; one that it takes again counts again.
    """

    def __init__(
        self,
        jobs: "WorkQueue",
        embedder: Embedder,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take nothing yet; the name is this process's alone. `clock` gives seconds."""
        self._jobs = jobs
        self._embedder = embedder
        self._clock = clock
        self._seen_at = -math.inf
        self.kind = kind_of(embedder)
        self.name = name
        self.done = 0
        self.failed = 0

    def step(self) -> int:
        """Embed a few of the texts that wait; returns how many there were.

        Raises:
            StoreError: if the database can't be used; what was taken is free again soon.
        """
        if self._clock() - self._seen_at >= SEEN_SECONDS:
            self._jobs.seen(self.kind, self.name)
            self._seen_at = self._clock()
        taken = self._jobs.take(self.kind, self.name, TAKEN)
        if not taken:
            return 0
        try:
            texts = [job.text.removeprefix(_WHOLE) for job in taken]
            embedded = embedded_passages(self._embedder, texts)
        except Exception as error:  # noqa: BLE001 - one bad text must not end a worker
            # Not what it says: there may be something of the text in it.
            self._jobs.fail(self.name, taken, type(error).__name__)
            self.failed += len(taken)
            texts_failed = counted(len(taken), "text")
            _logger.warning("%s could not be embedded: %s.", texts_failed, type(error).__name__)
            return len(taken)
        except BaseException:
            self._jobs.give_back(self.name, taken)
            raise
        self._jobs.finish(_handed_in(taken, *embedded))
        self.done += len(taken)
        return len(taken)

    def leave(self) -> None:
        """End: nobody waits for this one any more."""
        self._jobs.leave(self.name)


def _handed_in(
    jobs: list[Job], vectors: NDArray[np.float32], codes: Sequence[bytes]
) -> list[tuple[Job, bytes]]:
    handed_in = []
    for job, vector, coded in zip(jobs, vectors, codes, strict=True):
        own = coded if job.text.startswith(_WHOLE) else b""
        handed_in.append((job, np.ascontiguousarray(vector, np.float32).tobytes() + own))
    return handed_in


def _size(dimension: int) -> int:
    """How many bytes a vector takes."""
    return dimension * np.dtype(np.float32).itemsize


def _vector(result: bytes, embedder: Embedder) -> NDArray[np.float32] | None:
    """A vector as a worker has handed it in; None if it can't be one of this model, with codes."""
    size, tokens = _size(embedder.dimension), tokens_of(embedder)
    token = tokens.codec.token_bytes if tokens is not None else sys.maxsize
    if len(result) < size or (len(result) - size) % token:
        return None
    vector = np.frombuffer(result, np.float32, embedder.dimension)
    near = abs(float(np.linalg.norm(vector)) - 1.0) <= _TOLERANCE
    return vector if near else None
