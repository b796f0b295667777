"""Hit: a passage found for a query, with its score and the legs that found it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from indexer.index.stored_passage import StoredPassage

MEANING: Final = "meaning"
WORDS: Final = "words"
RERANKER: Final = "reranker"


class LateScore(NamedTuple):
    """The late score of a passage (`indexer.retrieval.late_interaction`).

    `unmet` is how far the weakest word's cosine is below 0.6, divided by the number of words. So a
    missing word counts more in a short question.
    """

    score: float
    unmet: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query, with its scores.

    Cosines of the whole passage and of its best `window` (counting from 0) are on the default
    model's scale. `coverage` is the share of the query's words that the passage has, weighted by
    IDF, 0 to 1.

    Attributes:
        legs: the legs that found the passage, and `RERANKER` if the reranker scored it.
        first: the legs that ranked the passage's document first.
        named: whether the question repeats the passage's heading or title.
        also: other found passages of the same document, the best first, without `also`.
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
