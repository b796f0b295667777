"""Late interaction (MaxSim): reorders the best passages by the cosines of single tokens.

The vector of a whole passage represents its subject. The vectors of its tokens show whether it has
the question's words, in any form. Each word of the question is compared with its nearest token in a
passage. The *late* score is the average of two means of these cosines: the plain mean, and the mean
weighted by IDF. It is part of the passage's score (`indexer.retrieval.fusion`). The weakest word in
the best passage is a feature of evidence.

Only models with a measured weight have a codec (`indexer.embedding.token_codes`) and late scores.

Source:
    Khattab and Zaharia, "ColBERT: efficient and effective passage search via contextualized late
    interaction over BERT", SIGIR 2020. Weights: docs/benchmarks.md, late interaction.
"""

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import TokenVectors
from indexer.embedding.onnx_model import ReadText
from indexer.embedding.token_codes import TokenCodec
from indexer.index.bm25 import Weight
from indexer.index.index import Index
from indexer.index.what_if import IndexOverlay
from indexer.retrieval.hit import LateScore
from indexer.text.analyzer import word_set
from indexer.text.query_normalization import spelt_out
from knowledge.languages.detection import language_of
from knowledge.values.documents import Scope

# Compared passages: with half as many, recall in the first five documents is lower by 0.003; with
# more nothing changes.
COMPARED: Final = 16
# From this nearness of a token on, a word counts as present, possibly in other words.
MET: Final = 0.6


def late_scores_by_query(
    index: Index | IndexOverlay,
    tokens: TokenVectors,
    queries: Sequence[str],
    best: Iterable[Sequence[int]],
    scopes: Sequence[Scope],
) -> list[dict[int, LateScore]]:
    """For each query, the late scores of its best passages by id.

    If any of a query's best passages has no codes yet, none of them has a late score.
    """
    compared = [list(ids[:COMPARED]) for ids in best]
    codes = index.token_codes({key for ids in compared for key in ids})
    read = tokens.of_queries([spelt_out(query) for query in queries])
    found: list[dict[int, LateScore]] = []
    for query, question, ids in zip(queries, read, compared, strict=True):
        known = ids if all(key in codes for key in ids) else []
        weights = index.idfs(query, scopes) if known else []
        scores = late_scores(tokens.codec, question, weights, [codes[key] for key in known])
        found.append(dict(zip(known, scores, strict=True)))
    return found


def late_scores(
    codec: TokenCodec, question: ReadText, weights: Sequence[Weight], passages: Sequence[bytes]
) -> list[LateScore]:
    """The late score of each passage, from its codes and the IDFs of the question's words."""
    if not question.places or not passages:
        return [LateScore(0.0)] * len(passages)
    nearest = np.stack(
        [cosines.max(axis=1, initial=0.0) for cosines in codec.cosines(question.tokens, passages)],
        axis=1,
    )
    own = _shares(question, len(nearest)) @ nearest
    rare = rarity_weights(question.words, weights)
    scores = (own.mean(axis=0) + rare @ own / rare.sum()) / 2
    telling = own[rare > 0]
    unmet = np.maximum(MET - telling.min(axis=0), 0) / len(telling)
    return list(starmap(LateScore, zip(scores.tolist(), unmet.tolist(), strict=True)))


def _shares(question: ReadText, count: int) -> NDArray[np.float32]:
    """The share of each token in each word: a word of several counts as the mean of these."""
    shares = np.zeros((len(question.places), count), np.float32)
    for word, places in enumerate(question.places):
        shares[word, places] = 1 / len(places)
    return shares


def rarity_weights(words: Sequence[str], weights: Sequence[Weight]) -> NDArray[np.float64]:
    """The IDF of each word of a question, (n,), with 0 for stop words.

    If all words are stop words, each gets 1. `weights` are the forms and the IDF of each word.
    """
    known = {form: weight for forms, weight in weights for form in forms}
    language = language_of(" ".join(words))
    own = [
        max((known.get(form, 0.0) for form in word_set(word, language)), default=0.0)
        for word in words
    ]
    return np.array(own) if any(own) else np.ones(len(words))
