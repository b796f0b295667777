"""Late interaction (MaxSim): the best hits reordered by the cosines of single tokens.

One vector of a passage says what it is about; the vectors of its tokens say whether it has what the
question asks, in whatever words. Each word of the question is compared with the nearest token of
a passage. The mean over all words and the mean weighted by rarity, half each, are the passage's
*late* score, which takes the place of the words in the fused score, the less of the question's
words are found to the letter: where nearly all are, they are the better sign. How near the weakest
word comes tells of the best passage whether it has all that is asked for (evidence).

Only for models whose weight was measured, which have a codec (`indexer.embedding.token_codes`).

Source:
    Khattab and Zaharia, "ColBERT: efficient and effective passage search via contextualized late
    interaction over BERT", SIGIR 2020. Weight and gate: docs/benchmarks.md, late interaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, starmap
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.onnx_model import ReadText
from indexer.embedding.token_codes import TokenCodec
from indexer.embedding.token_vectors import TokenVectors
from indexer.index.bm25 import Weight
from indexer.index.index import Index
from indexer.index.what_if import WhatIfIndex
from indexer.retrieval.fusion import WORDS_WEIGHT, fused_score
from indexer.retrieval.hit import Hit, LateScore
from indexer.text.analyzer import language_of, word_set
from indexer.text.shorthand import spelt_out
from knowledge.model.documents import Scope

# How many of the best are compared, and what the late score weighs beside the cosines. With ten the
# first is right no more often on any of fifteen sets, with six one of five is 0.01 less often.
BEST: Final = 8
LATE_WEIGHT: Final = 2.0
# It counts fully where the best of them covers no more of the question than the first, and not at
# all from the second on.
COVERED: Final = (0.4, 0.8)
# How near a token comes to a word that is there in other words.
MET: Final = 0.6
# By how much another part of a document has to be better than its best passage to be shown instead.
CLEARLY: Final = 0.01


def interacted(
    index: Index | WhatIfIndex,
    tokens: TokenVectors,
    queries: Sequence[str],
    found: Sequence[list[Hit]],
    scopes: Sequence[Scope],
) -> list[list[Hit]]:
    """Hits in the order of late interaction, for each of many queries.

    They stay as they are where one of the best has no codes yet.
    """
    ids = [[hit.passage.id for hit in hits[:BEST]] for hits in found]
    codes = index.token_codes(chain.from_iterable(ids))
    known = [place for place, own in enumerate(ids) if own and all(key in codes for key in own)]
    read = tokens.of_queries([spelt_out(queries[place]) for place in known])
    ordered = [*found]
    for place, question in zip(known, read, strict=True):
        weights = index.idfs(queries[place], scopes)
        passages = [codes[key] for key in ids[place]]
        late = late_scores(tokens.codec, question, weights, passages)
        hits = reordered_late(found[place], late)
        parts = index.token_codes(parts_to_compare(hits))
        told = late_scores(tokens.codec, question, weights, list(parts.values()))
        ordered[place] = with_best_part(hits, dict(zip(parts, told, strict=True)))
    return ordered


def parts_to_compare(hits: Sequence[Hit]) -> list[int]:
    """The ids of other passages of the first hit's document that may be shown in its place."""
    if not hits or hits[0].named or not late_share(hits):
        return []
    return [one.passage.id for one in hits[0].also if not one.passage.only_points]


def with_best_part(hits: Sequence[Hit], late: Mapping[int, LateScore]) -> list[Hit]:
    """The same hits, the first one by that part of its document which has what is asked.

    Which document comes first has been decided by its best passage, and stays. `late` are the
    scores of `parts_to_compare`, as far as these have any.
    """
    if not late:
        return [*hits]
    best, *others = hits
    counts = late_share(hits)
    parts = [replace(one, late=late.get(one.passage.id)) for one in best.also]
    compared = [best, *(one for one in parts if one.late is not None)]
    chosen = max(compared, key=lambda one: _of_part(one, counts))
    if _of_part(chosen, counts) - _of_part(best, counts) < CLEARLY:
        return [*hits]
    also = [replace(best, also=()), *(one for one in parts if one is not chosen)]
    shown = replace(chosen, score=best.score, first=best.first, also=tuple(also))
    return [shown, *others]


def _of_part(hit: Hit, counts: float) -> float:
    """The score of a passage among those of one document."""
    fused = fused_score(hit.cosine, hit.window_cosine, hit.coverage)
    return _moved(fused, hit, hit.late or LateScore(0.0), counts)


def _moved(fused: float, hit: Hit, late: LateScore, counts: float) -> float:
    """A fused score whose words give way to the late score, as far as that counts."""
    return fused + counts * (LATE_WEIGHT * late.score - WORDS_WEIGHT * hit.coverage)


def known_late(hits: Sequence[Hit]) -> list[LateScore]:
    """The late scores of those hits that were compared; none where the first was not."""
    compared = [hit.late for hit in hits if hit.late is not None]
    return compared if hits and hits[0].late is not None else []


def late_share(hits: Sequence[Hit]) -> float:
    """How much the late score counts for the best of these hits, 0 to 1."""
    low, high = COVERED
    covered = max((hit.coverage for hit in hits[:BEST]), default=high)
    return 1 - min(max((covered - low) / (high - low), 0.0), 1.0)


def late_scores(
    codec: TokenCodec, question: ReadText, weights: Sequence[Weight], passages: Sequence[bytes]
) -> list[LateScore]:
    """The late score of each passage.

    Args:
        codec: what the passages' codes were made with.
        question: with its token vectors.
        weights: the rarity of its words, by their forms.
        passages: the codes of each.
    """
    if not question.places or not passages:
        return [LateScore(0.0)] * len(passages)
    nearest = np.stack(
        [cosines.max(axis=1, initial=0.0) for cosines in codec.cosines(question.tokens, passages)],
        axis=1,
    )
    # A word of several tokens counts as their mean.
    shares = np.zeros((len(question.places), len(nearest)), np.float32)
    for word, places in enumerate(question.places):
        shares[word, places] = 1 / len(places)
    own = shares @ nearest
    rare = rarities(question.words, weights)
    scores = (own.mean(axis=0) + rare @ own / rare.sum()) / 2
    telling = own[rare > 0]
    unmet = np.maximum(MET - telling.min(axis=0), 0) / len(telling)
    return list(starmap(LateScore, zip(scores.tolist(), unmet.tolist(), strict=True)))


def rarities(names: Sequence[str], weights: Sequence[Weight]) -> NDArray[np.float64]:
    """The weight of each word of a question, (n,), 0 for grammar; all 1 where none has any."""
    known = {form: weight for forms, weight in weights for form in forms}
    language = language_of(" ".join(names))
    own = [
        max((known.get(word, 0.0) for word in word_set(name, language)), default=0.0)
        for name in names
    ]
    return np.array(own) if any(own) else np.ones(len(names))


def reordered_late(hits: Sequence[Hit], late: Sequence[LateScore]) -> list[Hit]:
    """Hits in the order of fused and late scores together, which are their scores then.

    `late` are the late scores of the best. What the first one's score is stays, and what is behind
    the best keeps its place: only how far apart the best are is told anew.
    """
    counts = late_share(hits)
    moved = [_moved(hit.score, hit, one, counts) for hit, one in zip(hits, late, strict=False)]
    if hits and hits[0].named:
        moved[0] = max(moved)
    lifted = max((hit.score for hit in hits[:BEST]), default=0.0) - max(moved, default=0.0)
    order = sorted(range(len(moved)), key=lambda place: -moved[place])
    first = [replace(hits[place], score=moved[place] + lifted, late=late[place]) for place in order]
    last = first[-1].score if first else 0.0
    return [*first, *(replace(hit, score=min(hit.score, last)) for hit in hits[BEST:])]
