"""Hit: a passage that was found, with its score and the legs that put it forward."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from indexer.index.stored_passage import StoredPassage

MEANING: Final = "meaning"
WORDS: Final = "words"
RERANKER: Final = "reranker"


class LateScore(NamedTuple):
    """What the tokens of a passage say to a question (`indexer.retrieval.late_interaction`).

    `score` is how near they come to its words on the mean. `unmet` is how far the weakest of its
    words is from being there in other words, 0 to 0.6, divided by the number of words: where two
    are asked for, one that is lacking is half of it.
    """

    score: float
    unmet: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its score, and what speaks for it.

    `cosine` and `window_cosine` are those of the whole passage and of its best window, rescaled
    where the model squeezes them (`indexer.retrieval.fusion`); `coverage` is the share of the
    query's words, by IDF, that it has, 0 to 1. `late` is its late score, if that was worked out.
    `legs` names which leg put it forward, and the reranker where that read it; `first` which put
    its document before all others.
    `window` is the number of its best window, counting from 0. `named` is whether the question
    repeats its heading or title (`indexer.retrieval.named_passages`). `also` are other passages of
    its document that were found on the way, the best first, which have none beside them.
    """

    passage: StoredPassage
    score: float
    cosine: float
    window_cosine: float
    coverage: float
    legs: tuple[str, ...]
    first: tuple[str, ...] = ()
    window: int = 0
    late: LateScore | None = None
    named: bool = False
    also: tuple["Hit", ...] = ()
