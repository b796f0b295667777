"""Embedding queue: texts of an index update, embedded by other processes.

An update offers the texts without a vector, and stores the results. Here, a worker is a process
that embeds such texts. Workers use the very same model (`job_kind`), so the index is the same
whichever process embeds. Results are checked before they are stored: a vector of wrong length or
with NaN is discarded. In a result, the codes of the token vectors, if any, follow the vector.
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, embed_with_codes, tokens_of
from indexer.index.database import IndexError_
from indexer.index.index import Index
from knowledge.text import count_of
from knowledge.values.embedding_jobs import QueueState

if TYPE_CHECKING:
    from knowledge.store.postgres.work_queue import WorkQueue

# Vectors taken over in one step, in some 10 ms.
_COLLECTED: Final = 128
# Texts that a worker takes at once: a second's work at most.
JOBS_TAKEN: Final = 16
# The interval of a worker's sign of life; one batch needs less.
SEEN_SECONDS: Final = 2.0
# Marks a whole passage, which needs token codes, too. A result may be stored by another process
# than the one that offered the text.
_WHOLE: Final = "\x02"
# Tolerance of a unit vector's length, for float32 and imprecise models.
_TOLERANCE: Final = 0.01

_logger = logging.getLogger(__name__)


class SetAsideError(IndexError_):
    """Every worker that took a certain text died; the message gives the remedy."""


def job_kind(embedder: Embedder) -> str:
    """The kind of jobs for this model: a worker takes only jobs of its own model."""
    coded = "" if tokens_of(embedder) is None else " coded"
    return f"embed {embedder.model} {embedder.dimension} {embedder.max_tokens}{coded}"


class EmbeddingQueue:
    """The embedding queue, as index updates use it."""

    def __init__(self, jobs: "WorkQueue") -> None:
        self._jobs = jobs

    def is_attended(self, embedder: Embedder) -> bool:
        """Whether a worker with the same model is alive."""
        return self._jobs.is_attended(job_kind(embedder))

    def offer(
        self,
        index: Index,
        embedder: Embedder,
        texts: Mapping[bytes, str],
        whole: Container[bytes] = (),
    ) -> None:
        """Queue the texts without a stored vector for workers.

        A text whose digest is in `whole` is a whole passage, and needs token codes, too.
        """
        missing = index.tables.missing_vectors(texts)
        coded: Container[bytes] = () if tokens_of(embedder) is None else whole
        self._jobs.offer(
            job_kind(embedder),
            {
                key: _WHOLE + text if key in coded else text
                for key, text in texts.items()
                if key in missing
            },
        )

    def collect(self, index: Index, embedder: Embedder) -> int:
        """Store a batch of the workers' vectors and codes. Return the number of vectors."""
        kind = job_kind(embedder)
        found = self._jobs.results(kind, _COLLECTED)
        vectors = {key: _vector(result, embedder) for key, result in found.items()}
        good = {key: vector for key, vector in vectors.items() if vector is not None}
        if good:
            size = _size(embedder.dimension)
            codes = {key: found[key][size:] for key in good}
            index.tables.store_vectors(good, {key: code for key, code in codes.items() if code})
        if len(good) < len(found):
            _logger.warning("%d vectors of a worker were none.", len(found) - len(good))
        # Only after they are stored: an update that ends here begins anew.
        self._jobs.drop(kind, found)
        return len(good)

    def state(self) -> QueueState:
        return self._jobs.state()

    def must_wait(self, index: Index, embedder: Embedder, texts: Mapping[bytes, str]) -> bool:
        """Whether to wait for workers to embed these texts; if not, this process must embed them.

        Raises SetAsideError if workers died of one of the texts, because it might kill this
        process, too.
        """
        missing = index.tables.missing_vectors(texts)
        if not missing:
            return False
        kind = job_kind(embedder)
        if not self._jobs.is_attended(kind):
            self._jobs.drop(kind, missing)
            return False
        problems = self._jobs.problems(kind, missing)
        set_aside = {key: problem for key, problem in problems.items() if problem is not None}
        if "" in set_aside.values():
            raise SetAsideError(
                "Some documents could not be embedded, and are not in the index: every worker that "
                "took one of their texts died, probably of too little memory. Check the workers' "
                "machines, and give them more; the texts are tried again within the hour."
            )
        # Their failures recur here, and are reported as usual.
        self._jobs.drop(kind, set_aside)
        return len(set_aside) < len(problems)


class EmbeddingWorker:
    """Worker that embeds texts from the queue; one that fails twice counts twice in `failed`."""

    def __init__(
        self,
        jobs: "WorkQueue",
        embedder: Embedder,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Register a worker; `name` must be unique among processes, and `clock` returns seconds."""
        self._jobs = jobs
        self._embedder = embedder
        self._clock = clock
        self._seen_at = -math.inf
        self.kind = job_kind(embedder)
        self.name = name
        self.done = 0
        self.failed = 0

    def step(self) -> int:
        """Embed a few of the queued texts. Return their number.

        Raises StoreError if the database can't be used; other workers may soon take the texts.
        """
        if self._clock() - self._seen_at >= SEEN_SECONDS:
            self._jobs.report_alive(self.kind, self.name)
            self._seen_at = self._clock()
        taken = self._jobs.take(self.kind, self.name, JOBS_TAKEN)
        if not taken:
            return 0
        try:
            texts = [job.text.removeprefix(_WHOLE) for job in taken]
            embedded = embed_with_codes(self._embedder, texts)
        except Exception as error:  # noqa: BLE001 - one bad text must not end a worker
            # Not the error's message: it may contain the text.
            self._jobs.fail(self.name, taken, type(error).__name__)
            self.failed += len(taken)
            texts_failed = count_of(len(taken), "text")
            _logger.warning("%s could not be embedded: %s.", texts_failed, type(error).__name__)
            return len(taken)
        except BaseException:
            self._jobs.give_back(self.name, taken)
            raise
        results = []
        for job, vector, codes in zip(taken, *embedded, strict=True):
            own = codes if job.text.startswith(_WHOLE) else b""
            results.append((job, np.ascontiguousarray(vector, np.float32).tobytes() + own))
        self._jobs.finish(results)
        self.done += len(taken)
        return len(taken)

    def leave(self) -> None:
        """Unregister this worker, so that no update waits for it."""
        self._jobs.leave(self.name)


def _size(dimension: int) -> int:
    """The size of a vector in bytes."""
    return dimension * np.dtype(np.float32).itemsize


def _vector(result: bytes, embedder: Embedder) -> NDArray[np.float32] | None:
    """The vector in a worker's result; None if it doesn't fit this model."""
    size, tokens = _size(embedder.dimension), tokens_of(embedder)
    token = tokens.codec.token_bytes if tokens is not None else sys.maxsize
    if len(result) < size or (len(result) - size) % token:
        return None
    vector = np.frombuffer(result, np.float32, embedder.dimension)
    near = abs(float(np.linalg.norm(vector)) - 1.0) <= _TOLERANCE
    return vector if near else None
