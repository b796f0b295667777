"""BM25 coverage against the formula, worked out word by word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index import bm25
from indexer.text.analyzer import QueryWord
from tests.indexer.index.bm25_texts import WANTED, expected, filled, matching, random


def test_coverage_is_that_of_the_formula() -> None:
    texts = random(200)
    found = dict(matching([filled(texts)], WANTED, 1_000))
    assert found == pytest.approx(expected(texts, WANTED), abs=1e-6)


def test_of_equal_coverage_the_first_passages_are_found() -> None:
    lexicon = filled({key: ["wombat", "digs"] for key in range(10, 50)})
    assert [key for key, _ in matching([lexicon], [WANTED[0]], 5)] == [10, 11, 12, 13, 14]


def test_a_common_word_of_a_large_lexicon_only_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the rare words, in the order that all words together give."""
    texts = random(2_000)
    wanted = [QueryWord(("wombat",)), QueryWord(("quokka",)), QueryWord(("the",))]
    lexicon = filled(texts)
    everything = matching([lexicon], wanted, 2_000)
    monkeypatch.setattr(bm25, "LARGE", 1_000)
    monkeypatch.setattr(bm25, "COMMON_SHARE", 0.5)
    rare = {key for key, words in texts.items() if "wombat" in words or "quokka" in words}
    expected = [(key, score) for key, score in everything if key in rare]
    found = matching([lexicon], wanted, 50)
    assert [key for key, _ in found] == [key for key, _ in expected[:50]]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected[:50]])


def test_what_is_asked_for_besides_is_covered_by_common_words_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = {**random(2_000), 3_000: ["the", "end"]}
    lexicon = filled(texts)
    wanted = [QueryWord(("wombat",)), QueryWord(("the",))]
    plainly = dict(matching([lexicon], wanted, 3_000))
    monkeypatch.setattr(bm25, "LARGE", 1_000)
    monkeypatch.setattr(bm25, "COMMON_SHARE", 0.5)
    assert dict(matching([lexicon], wanted, 5, [3_000]))[3_000] == pytest.approx(plainly[3_000])


def test_a_question_of_common_words_alone_is_answered_by_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lexicon = filled(random(2_000))
    expected = matching([lexicon], [QueryWord(("the",))], 20)
    monkeypatch.setattr(bm25, "LARGE", 1_000)
    monkeypatch.setattr(bm25, "COMMON_SHARE", 0.5)
    assert matching([lexicon], [QueryWord(("the",))], 20) == expected


def test_what_was_taken_out_of_a_large_lexicon_is_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = random(2_000)
    lexicon = filled(texts)
    monkeypatch.setattr(bm25, "LARGE", 1_000)
    monkeypatch.setattr(bm25, "COMMON_SHARE", 0.5)
    wanted = [QueryWord(("wombat",)), QueryWord(("the",))]
    gone = [key for key, _ in matching([lexicon], wanted, 10)]
    lexicon.remove(gone)
    assert not {key for key, _ in matching([lexicon], wanted, 10, gone)} & set(gone)


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75]), max_size=300),
    st.integers(1, 20),
)
def test_the_best_scores_are_those_of_sorting_all(scores: list[float], k: int) -> None:
    """Of equal ones the first; a score of 0 is none."""
    expected = sorted((-score, place) for place, score in enumerate(scores) if score)[:k]
    found = bm25._best(np.array(scores), k)
    assert sorted(found.tolist()) == sorted(place for _, place in expected)
