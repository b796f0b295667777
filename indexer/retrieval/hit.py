"""Hit: a passage found for a query, with its score and the legs that found it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from indexer.index.stored_passage import StoredPassage

MEANING: Final = "meaning"
WORDS: Final = "words"
RERANKER: Final = "reranker"


class LateScore(NamedTuple):
    """The late score of a passage (`indexer.retrieval.late_interaction`).

    Attributes:
        score: a mean of the cosines between the question's words and their nearest tokens.
        unmet: how far the weakest word's cosine is below 0.6, divided by the number of words. So a
            missing word counts more in a short question.
    """

    score: float
    unmet: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query, with its scores.

    Attributes:
        score: the fused score.
        cosine: the cosine of the whole passage, on the default model's scale
            (`indexer.retrieval.fusion`).
        window_cosine: the cosine of the passage's best window, on the same scale.
        coverage: the share of the query's words, weighted by IDF, that the passage has, 0 to 1.
        late: the passage's late score, if known.
        legs: the legs that found the passage, and `RERANKER` if the reranker scored the passage.
        first: the legs that ranked the passage's document first.
        window: the number of the passage's best window, counting from 0.
        named: whether the question repeats the passage's heading or title
            (`indexer.retrieval.named_passages`).
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
