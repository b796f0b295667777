"""Hit: a found passage, with its score and the legs that proposed it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from indexer.index.stored_passage import StoredPassage

MEANING: Final = "meaning"
WORDS: Final = "words"
RERANKER: Final = "reranker"


class LateScore(NamedTuple):
    """The late score of a passage (`indexer.retrieval.late_interaction`).

    `score` is the mean nearness of its tokens to the question's words. `unmet` is how far the
    weakest word's nearness is below 0.6, divided by the number of words: of two words asked for, a
    missing one is half the question.
    """

    score: float
    unmet: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its score, and the evidence for it.

    Attributes:
        cosine: of the whole passage, rescaled for squeezing models (`indexer.retrieval.fusion`).
        window_cosine: of its best window, rescaled alike.
        coverage: the share of the query's words, by IDF, that it has, 0 to 1.
        late: its late score, if known.
        legs: the legs that proposed it, and the reranker if it was read.
        first: the legs that put its document before all others.
        window: the number of its best window, counting from 0.
        named: whether the question repeats its heading or title
            (`indexer.retrieval.named_passages`).
        also: other found passages of its document, the best first; they have none themselves.
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
