"""Late scores: what they count, when they count, and that they move nothing but the best."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.embedding.onnx_model import ReadText
from indexer.embedding.token_codes import TokenCodec
from indexer.index.bm25 import Weight
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import MEANING, Hit, LateScore
from indexer.retrieval.late_interaction import (
    BEST,
    COVERED,
    MET,
    known_late,
    late_scores,
    late_share,
    parts_to_compare,
    rarities,
    reordered_late,
    with_best_part,
)
from indexer.text.passages import Passage
from knowledge.model.documents import SHARED, Document, Kind
from tests.fakes import CodedEmbedder

LOW, HIGH = COVERED
EMBEDDER = CodedEmbedder()


def _codec() -> TokenCodec:
    assert EMBEDDER.tokens is not None
    return EMBEDDER.tokens.codec


def _question(text: str) -> ReadText:
    assert EMBEDDER.tokens is not None
    return EMBEDDER.tokens.of_queries([text])[0]


def _codes(*texts: str) -> list[bytes]:
    assert EMBEDDER.tokens is not None
    return EMBEDDER.tokens.of_passages(texts)[1]


def _passage(number: int, text: str = "text") -> StoredPassage:
    document = Document(f"file:{number}", SHARED, Kind.FILE, "", text)
    return StoredPassage.of(number, document, Passage(document.id, 0, "", "", text))


def _hit(number: int, score: float, coverage: float = 0.0) -> Hit:
    return Hit(_passage(number), score, score, score, coverage, (MEANING,))


def _scores(question: ReadText, weights: Sequence[Weight], codes: list[bytes]) -> list[float]:
    return [one.score for one in late_scores(_codec(), question, weights, codes)]


def _order(hits: list[Hit]) -> list[int]:
    return [hit.passage.id for hit in hits]


# How much they count.


@pytest.mark.parametrize(
    ("coverages", "share"),
    [
        ([0.0], 1.0),
        ([LOW], 1.0),
        ([(LOW + HIGH) / 2], 0.5),
        ([HIGH], 0.0),
        ([1.0], 0.0),
        ([0.0, HIGH, 0.1], 0.0),
        ([], 0.0),
        ([0.0] * BEST + [1.0], 1.0),
        ([0.0] * (BEST - 1) + [1.0], 0.0),
    ],
)
def test_they_count_the_less_the_more_the_best_has_of_the_words(
    coverages: list[float], share: float
) -> None:
    hits = [_hit(number, -number, coverage) for number, coverage in enumerate(coverages)]
    assert late_share(hits) == pytest.approx(share)


# The scores.


def test_a_passage_with_the_words_is_before_one_with_some_and_that_before_one_with_none() -> None:
    question = _question("otters eat crabs")
    codes = _codes("all otters here eat crabs", "otters sleep", "bread and butter")
    every, some, none = _scores(question, [], codes)
    assert every > some > none
    assert every == pytest.approx(0.94, abs=0.05)
    assert none == pytest.approx(0.0, abs=0.15)


def test_a_passage_without_tokens_has_nothing() -> None:
    question = _question("otters")
    scores = _scores(question, [], _codes("otters", "", "bread"))
    alone = [_scores(question, [], _codes(text))[0] for text in ("otters", "bread")]
    assert scores == pytest.approx([alone[0], 0.0, alone[1]])


def test_a_question_without_words_says_nothing_of_any() -> None:
    assert late_scores(_codec(), _question("?"), [], _codes("otters", "")) == [LateScore(0.0)] * 2


def test_the_weakest_word_that_is_not_of_grammar_is_told_by_the_share_it_has() -> None:
    weights = [(("otter", "otters"), 3.0), (("swim",), 2.0), (("crab", "crabs"), 2.0)]
    codes = _codes("otters swim and eat crabs", "otters and crabs", "bread")
    every, some, none = late_scores(_codec(), _question("do otters swim"), weights, codes)
    assert every.unmet == 0.0
    assert some.unmet == pytest.approx(MET / 2, abs=0.1)
    assert none.unmet == pytest.approx(MET / 2, abs=0.1)
    # Of three words one is a third.
    _, some, _ = late_scores(_codec(), _question("do otters swim to crabs"), weights, codes)
    assert some.unmet == pytest.approx(MET / 3, abs=0.1)


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    question = _question("otters swim")
    weights = [(("otter",), 5.0), (("swim",), 0.5)]
    rare, common = _scores(question, weights, _codes("otters", "swim"))
    assert rare > common
    same = _scores(question, [], _codes("otters", "swim"))
    assert same[0] == pytest.approx(same[1], abs=0.1)
    # Half of it is the mean over all words, to which each is worth the same.
    assert rare + common == pytest.approx(sum(same), abs=0.1)


def test_a_word_of_several_tokens_counts_as_one() -> None:
    whole = _question("otters swim")
    vectors = whole.tokens[[0, 1, 1, 1]]
    parted = replace(whole, tokens=vectors, places=((0,), (1, 2, 3)))
    codes = _codes("otters", "swim", "both otters and who swim")
    scores = _scores(parted, [], codes)
    assert scores == pytest.approx(_scores(whole, [], codes), abs=1e-5)


def test_words_of_grammar_have_no_rarity_and_where_none_has_any_all_are_alike() -> None:
    weights = [(("otter", "otters"), 3.0), (("eat", "eats"), 2.0)]
    assert rarities(["What", "do", "Otters", "eat", "?"], weights).tolist() == [0, 0, 3, 2, 0]
    assert rarities(["What", "is", "it"], weights).tolist() == [1, 1, 1]
    assert rarities(["What", "is", "it"], []).tolist() == [1, 1, 1]


# The order.


def test_where_the_words_are_all_found_nothing_is_moved() -> None:
    hits = [_hit(number, 1 - number / 10, HIGH) for number in range(BEST + 2)]
    late = [LateScore(number / 10) for number in range(BEST)]
    found = reordered_late(hits, late)
    # They are said all the same: evidence is judged by them.
    assert [hit.late for hit in found] == [*late, None, None]
    assert [replace(hit, late=None) for hit in found] == hits


def test_where_none_is_found_the_late_score_takes_the_place_of_the_words() -> None:
    """By hand: 0.5 + 2 · 0.1 - 0.38 · 0.2 = 0.624, and 0.4 + 2 · 0.3 = 1.0."""
    hits = [_hit(1, 0.5, 0.2), _hit(2, 0.4, 0.0)]
    found = reordered_late(hits, [LateScore(0.1), LateScore(0.3)])
    assert _order(found) == [2, 1]
    assert [hit.score for hit in found] == pytest.approx([0.5, 0.5 - (1.0 - 0.624)])


def test_no_hits_stay_none() -> None:
    assert reordered_late([], []) == []
    assert known_late([]) == []


def test_late_scores_are_those_of_whatever_was_compared_if_the_first_was() -> None:
    hits = reordered_late([_hit(key, 0.5) for key in range(12)], [LateScore(0.1)] * BEST)
    assert known_late(hits) == [LateScore(0.1)] * BEST
    assert known_late(hits[:3]) == [LateScore(0.1)] * 3
    assert known_late([*hits[:3], _hit(4, 0.1)]) == [LateScore(0.1)] * 3
    assert known_late([_hit(4, 0.9), *hits]) == []


HITS = st.lists(st.tuples(st.floats(-1, 2), st.floats(0, 1), st.floats(0, 1)), max_size=25)


@given(HITS)
def test_the_first_score_stays_scores_fall_and_what_is_behind_stays_behind(
    told: list[tuple[float, float, float]],
) -> None:
    fused = sorted(told, reverse=True)
    hits = [_hit(key, score, coverage) for key, (score, coverage, _) in enumerate(fused)]
    found = reordered_late(hits, [LateScore(late) for _, _, late in fused[:BEST]])
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert set(_order(found[:BEST])) == set(range(len(hits[:BEST])))
    assert _order(found[BEST:]) == _order(hits[BEST:])
    if hits:
        assert scores[0] == pytest.approx(hits[0].score)
    # Nothing else is told anew.
    late = [LateScore(one) for _, _, one in fused[:BEST]] + [None] * len(hits[BEST:])
    told_of = {hit.passage.id: replace(hit, score=0.0) for hit in found}
    assert told_of == {
        hit.passage.id: replace(hit, score=0.0, late=one)
        for hit, one in zip(hits, late, strict=True)
    }


@given(st.permutations(range(BEST)))
def test_of_hits_that_are_alike_the_late_score_alone_decides(late: list[int]) -> None:
    hits = [_hit(key, 0.5) for key in range(BEST + 3)]
    found = reordered_late(hits, [LateScore(one / BEST) for one in late])
    assert _order(found[:BEST]) == np.argsort(-np.array(late)).tolist()


# Which part of the first document is shown.


def _with_parts(text: str = "text", **best: Any) -> list[Hit]:
    parts = [replace(_hit(number, 0.3), passage=_passage(number, text)) for number in (11, 12)]
    first = replace(_hit(1, 0.9), late=LateScore(0.2), first=(MEANING,), also=tuple(parts), **best)
    return [first, _hit(2, 0.8)]


def test_the_part_that_has_what_is_asked_is_shown_in_the_place_of_the_best() -> None:
    hits = _with_parts()
    assert parts_to_compare(hits) == [11, 12]
    shown, other = with_best_part(hits, {11: LateScore(0.9), 12: LateScore(0.3)})
    assert (shown.passage.id, shown.late) == (11, LateScore(0.9))
    # The document's score and legs stay, the others of it are told behind, and nothing else moves.
    assert (shown.score, shown.first) == (0.9, (MEANING,))
    assert [(one.passage.id, one.late) for one in shown.also] == [
        (1, LateScore(0.2)),
        (12, LateScore(0.3)),
    ]
    assert not any(one.also for one in shown.also)
    assert other is hits[1]


def test_a_part_that_has_no_more_of_it_is_not() -> None:
    hits = _with_parts()
    # By hand: 0.9 + 2 · 0.2 = 1.3, and 0.3 + 2 · 0.502 = 1.304, which is hardly more.
    assert with_best_part(hits, {11: LateScore(0.49)}) == hits
    assert with_best_part(hits, {11: LateScore(0.502)}) == hits
    assert with_best_part(hits, {11: LateScore(0.51)})[0].passage.id == 11
    assert with_best_part(hits, {}) == hits
    assert with_best_part([], {}) == []


def test_parts_are_compared_only_where_words_do_not_decide() -> None:
    assert parts_to_compare(_with_parts(coverage=HIGH)) == []
    assert parts_to_compare(_with_parts(named=True)) == []
    assert parts_to_compare(_with_parts("More info: [otters](https://otters.test)")) == []
    assert parts_to_compare([]) == []
