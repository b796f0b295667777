"""Late scores: how near tokens come to each word, and their part in the order."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.embedding.onnx_model import ReadText
from indexer.embedding.token_codes import TokenCodec
from indexer.index.bm25 import Weight
from indexer.retrieval.fusion import Cosines, Legs, Ranked
from indexer.retrieval.hit import LateScore
from indexer.retrieval.late_interaction import MET, late_scores, rarity_weights
from tests.fakes import CodedEmbedder

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


def _scores(question: ReadText, weights: Sequence[Weight], codes: list[bytes]) -> list[float]:
    return [one.score for one in late_scores(_codec(), question, weights, codes)]


# The scores.


def test_passages_come_in_order_of_the_words_they_have() -> None:
    question = _question("otters eat crabs")
    codes = _codes("all otters here eat crabs", "otters sleep", "bread and butter")
    every, some, none = _scores(question, [], codes)
    assert every > some > none
    assert every == pytest.approx(1.0, abs=0.06)
    assert none == pytest.approx(0.0, abs=0.15)


def test_a_passage_without_tokens_has_nothing() -> None:
    question = _question("otters")
    scores = _scores(question, [], _codes("otters", "", "bread"))
    alone = [_scores(question, [], _codes(text))[0] for text in ("otters", "bread")]
    assert scores == pytest.approx([alone[0], 0.0, alone[1]])


def test_a_question_without_words_says_nothing_of_any() -> None:
    assert late_scores(_codec(), _question("?"), [], _codes("otters", "")) == [LateScore(0.0)] * 2


def test_weakest_word_is_told_by_its_share() -> None:
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
    parted = whole._replace(tokens=vectors, places=((0,), (1, 2, 3)))
    codes = _codes("otters", "swim", "both otters and who swim")
    scores = _scores(parted, [], codes)
    assert scores == pytest.approx(_scores(whole, [], codes), abs=1e-5)


def test_words_of_grammar_have_no_rarity() -> None:
    weights = [(("otter", "otters"), 3.0), (("eat", "eats"), 2.0)]
    assert rarity_weights(["What", "do", "Otters", "eat", "?"], weights).tolist() == [0, 0, 3, 2, 0]
    assert rarity_weights(["What", "is", "it"], weights).tolist() == [1, 1, 1]
    assert rarity_weights(["What", "is", "it"], []).tolist() == [1, 1, 1]


# The order.


def _ranked(told: Sequence[tuple[float, float, float | None]]) -> tuple[Ranked, Ranked]:
    """Passages by cosine, coverage and late score: in the fused order, and in the final one."""
    ids = np.arange(len(told))
    near = np.array([cosine for cosine, _, _ in told], np.float32)
    cosines = Cosines(ids, near, near, near, ids)
    legs = Legs(ids.tolist(), {key: coverage for key, (_, coverage, _) in enumerate(told)}, [])
    late = {key: LateScore(one) for key, (_, _, one) in enumerate(told) if one is not None}
    return Ranked.of(cosines, legs), Ranked.of(cosines, legs, late)


def test_the_late_score_is_a_part_of_the_score() -> None:
    """By hand: 0.5 + 0.2 · 0.5 + 1.5 · 0.1 = 0.75, and 0.4 + 1.5 · 0.3 = 0.85."""
    fused, found = _ranked([(0.5, 0.5, 0.1), (0.4, 0.0, 0.3)])
    assert (fused.ids, found.ids) == ([0, 1], [1, 0])
    assert fused.scores == pytest.approx([0.5 + 0.38 * 0.5, 0.4])
    assert found.scores == pytest.approx([0.85 - 0.75, 0.75 - 0.75])


def test_without_late_scores_the_fused_order_stays() -> None:
    fused, found = _ranked([(0.5, 0.1, None), (0.4, 1.0, None), (0.2, 0.0, None)])
    assert (fused.ids, fused.scores) == (found.ids, found.scores)


PASSAGES = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1) | st.none()), min_size=1
)


@given(PASSAGES)
def test_compared_passages_come_first(told: list[tuple[float, float, float | None]]) -> None:
    fused, found = _ranked(told)
    assert found.scores == sorted(found.scores, reverse=True)
    compared = {key for key, (_, _, late) in enumerate(told) if late is not None}
    assert set(found.ids[: len(compared)]) == compared
    assert sorted(found.ids) == list(range(len(told)))
    assert [key for key in fused.ids if key not in compared] == found.ids[len(compared) :]
