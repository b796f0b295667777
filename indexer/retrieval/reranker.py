"""Cross-encoder reranker with a time budget.

The reranker is off unless the operator names a model: a folder, or a downloaded cross-encoder of
sentence-transformers. The model reads query and passage together, which ranks better than comparing
vectors but costs a forward pass per passage. So only as many of the best passages are scored as fit
the budget, or none if fewer than two fit. sentence-transformers runs the model. While the bot
answers, a missing or failing reranker is skipped until the next start. In measurements, it is an
error.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from indexer.embedding.embedder import (
    ModelError,
    error_sentence,
    require_libraries,
    silence_model_libraries,
)
from indexer.embedding.installed_models import NO_VOCABULARY, lacks_vocabulary, model_folder
from indexer.retrieval.hit import RERANKER, Hit

# The most passages read, however fast the model is: the right one is hardly ever further down.
MOST: Final = 32

# Text of a timed pair: a question and a passage of the usual length, timed more than once, because
# a model's first run is slower than all others.
_TIMED_QUERY: Final = "How do I reset the password of an account that was locked?"
_TIMED_TEXT: Final = (
    "Open the settings, choose the account and follow the link in the message. " * 12
)
_TIMED_PAIRS: Final = 4
_TIMED_RUNS: Final = 3

# Endings of the names of models that score pairs, in a model's own configuration.
_HEADS: Final = ("ForSequenceClassification", "ForCausalLM")

_REMEDY: Final = (
    "Name a cross-encoder of sentence-transformers: its folder, or owner/model once it has been "
    "downloaded; or none."
)

_logger = logging.getLogger(__name__)


class Reranker(Protocol):
    """A cross-encoder, which scores pairs of query and passage."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text. The larger a text's score, the better the text answers the query.

        Only the order of scores has a meaning.
        """


class CrossEncoderReranker:
    """A reranker on any cross-encoder of sentence-transformers."""

    def __init__(self, name: str) -> None:
        """Open the model; this imports PyTorch, which takes seconds.

        Raises ModelError if the model is missing, unreadable, or gives several scores for a pair.
        """
        folder = _folder_of(name)
        require_libraries(name)
        silence_model_libraries()
        try:
            from sentence_transformers import CrossEncoder

            self._encoder = CrossEncoder(
                str(folder), device="cpu", local_files_only=True, trust_remote_code=False
            )
        # Broken model files raise many kinds of exceptions.
        except Exception as error:
            raise ModelError(
                f"The reranker {name!r} can't be opened: {error_sentence(error)} {_REMEDY}"
            ) from error
        if lacks_vocabulary(self._encoder.tokenizer):
            raise ModelError(f"The reranker {name!r} can't be opened: {NO_VOCABULARY}")
        if self._encoder.num_labels != 1:
            raise ModelError(_several_scores(name, self._encoder.num_labels))

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        pairs = [(query, text) for text in texts]
        found: list[float] = self._encoder.predict(pairs, show_progress_bar=False).tolist()
        return found


def _folder_of(name: str) -> Path:
    """The folder of a cross-encoder, after a check of its configuration.

    Without the check, the library would give a missing classification head random weights.
    """
    folder = model_folder(name)
    if folder is None:
        raise ModelError(f"There is no reranker {name!r} on this machine. {_REMEDY}")
    try:
        configuration = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # The library's own error explains the problem.
        return folder
    built = configuration.get("architectures") or []
    if built and not any(name.endswith(_HEADS) for name in built):
        raise ModelError(
            f"The model {name!r} can't rank: it is {' and '.join(built)}, without the part that "
            f"scores a pair. {_REMEDY}"
        )
    labels = len(configuration.get("id2label") or [0])
    if labels != 1:
        raise ModelError(_several_scores(name, labels))
    return folder


def _several_scores(name: str, count: int) -> str:
    return (
        f"The reranker {name!r} gives {count} scores for a pair; one is expected. It classifies; "
        "name a cross-encoder made for ranking."
    )


class RerankerError(ModelError):
    """The reranker gave no usable scores."""


class Reranking:
    """A reranker with a time budget.

    `problem` is the reason why the reranker is skipped; empty while the reranker is used.
    """

    def __init__(
        self,
        reranker: Reranker,
        budget_seconds: float,
        clock: Callable[[], float] = time.perf_counter,
        name: str = "",
    ) -> None:
        """Measure how many passages fit into `budget_seconds` on this machine.

        The cost is measured only here. If it changed, the same question would be answered
        differently from one minute to the next.
        """
        self.name = name
        self.problem = ""
        # Whether it is left out once it fails.
        self.dispensable = False
        self._reranker = reranker
        self._budget_seconds = budget_seconds
        self._pair_seconds = _pair_seconds(reranker, clock)
        _logger.info(
            "The reranker takes %.0f ms a passage; %d are read for a question.",
            1e3 * self._pair_seconds,
            self.fitting(),
        )

    def fitting(self, share: float = 1.0) -> int:
        """The number of passages that fit a share of the budget; 0 if only one fits."""
        fit = int(min(self._budget_seconds * share / max(self._pair_seconds, 1e-9), MOST))
        return fit if fit >= 2 and not self.problem else 0

    def order(self, query: str, texts: Sequence[str]) -> list[int] | None:
        """The indices of texts, the best answer first; equally good texts keep their order.

        Return None while the reranker is skipped. The caller passes at most `fitting` texts. Raises
        RerankerError if the reranker fails and is not dispensable.
        """
        if self.problem:
            return None
        try:
            scores = _check_scores(self._reranker.scores(query, texts), len(texts)) if texts else []
        # Any model may fail in any way; no answer may be lost for that.
        except Exception as error:
            failed = f"The reranker {self.name!r} failed: {error_sentence(error)}"
            if not self.dispensable:
                raise RerankerError(failed) from error
            self.problem = f"{failed} Until the next start, answers are given without it."
            _logger.warning("%s", self.problem)
            return None
        return sorted(range(len(texts)), key=lambda i: (-scores[i], i))


def open_reranking(name: str, budget_ms: int) -> Reranking | None:
    """The reranker named in the settings, a hub name or a folder; None if they name none.

    Raises ModelError if the reranker can't be opened, or fails when it is timed.
    """
    if not name:
        return None
    reranker = CrossEncoderReranker(name)
    try:
        return Reranking(reranker, budget_ms / 1e3, name=name)
    except Exception as error:
        raise ModelError(f"The reranker {name!r} can't be used: {error_sentence(error)}") from error


def open_dispensable_reranking(name: str, budget_ms: int) -> tuple[Reranking | None, str]:
    """`open_reranking` for answers, which do without a missing or failing reranker.

    Returns the reranker, and the problem if the settings name one that can't be used.
    """
    try:
        reranking = open_reranking(name, budget_ms)
    # As above: a broken model must not keep the bot from starting.
    except Exception as error:  # noqa: BLE001
        problem = f"Answers are given without a reranker. {error_sentence(error)}"
        _logger.warning("%s", problem)
        return None, problem
    if reranking is not None:
        reranking.dispensable = True
    return reranking, ""


def _check_scores(scores: Sequence[float], count: int) -> list[float]:
    """The scores as a list.

    Raises:
        RerankerError: unless there are `count` scores, all of them finite.
    """
    if len(scores) != count or not all(map(math.isfinite, scores)):
        raise RerankerError(f"it gave {len(scores)} scores for {count} passages: {scores[:3]}…")
    return list(scores)


def _pair_seconds(reranker: Reranker, clock: Callable[[], float]) -> float:
    """The seconds per pair in the fastest run: other work can slow a run but not speed it up."""
    texts = [_TIMED_TEXT] * _TIMED_PAIRS
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = clock()
        reranker.scores(_TIMED_QUERY, texts)
        seconds.append((clock() - started) / _TIMED_PAIRS)
    return min(seconds)


def rerank(reranking: Reranking, query: str, hits: Sequence[Hit]) -> list[Hit]:
    """Put hits in the reranker's order, but a hit whose heading the question repeats first."""
    order = reranking.order(query, [hit.passage.embedded for hit in hits])
    if order is None:
        return list(hits)
    read = [replace(hits[i], legs=(*hits[i].legs, RERANKER)) for i in order]
    return sorted(read, key=lambda hit: not hit.named)
