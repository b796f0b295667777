"""BM25 coverage against the formula, worked out word by word."""

from collections.abc import Callable

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


def test_passages_of_equal_coverage_come_in_the_order_of_ids() -> None:
    lexicon = filled({key: ["wombat", "digs"] for key in range(10, 50)})
    assert [key for key, _ in matching([lexicon], [WANTED[0]], 5)] == [10, 11, 12, 13, 14]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes lexicons of a thousand passages large."""

    def make() -> None:
        monkeypatch.setattr(bm25, "LARGE", 500)
        monkeypatch.setattr(bm25, "COMMON_SHARE", 0.5)

    return make


def test_common_words_of_a_large_lexicon_find_nothing(large: Callable[[], None]) -> None:
    """Rare words find passages. The order is that of all words together."""
    texts = random(600)
    wanted = [QueryWord(("wombat",)), QueryWord(("quokka",)), QueryWord(("the",))]
    lexicon = filled(texts)
    everything = matching([lexicon], wanted, 600)
    large()
    rare = {key for key, words in texts.items() if "wombat" in words or "quokka" in words}
    expected = [(key, score) for key, score in everything if key in rare]
    found = matching([lexicon], wanted, 50)
    assert [key for key, _ in found] == [key for key, _ in expected[:50]]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected[:50]])
    gone = [key for key, _ in found[:10]]
    lexicon.remove(gone)
    assert not {key for key, _ in matching([lexicon], wanted, 10, gone)} & set(gone)


def test_common_words_cover_only_what_is_asked_for(large: Callable[[], None]) -> None:
    lexicon = filled({**random(600), 3_000: ["the", "end"]})
    wanted = [QueryWord(("wombat",)), QueryWord(("the",))]
    plainly = dict(matching([lexicon], wanted, 3_000))
    only_common = matching([lexicon], wanted[1:], 20)
    large()
    assert dict(matching([lexicon], wanted, 5, [3_000]))[3_000] == pytest.approx(plainly[3_000])
    assert matching([lexicon], wanted[1:], 20) == only_common


@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75]), max_size=300), st.integers(1, 20))
def test_the_best_scores_are_those_of_a_full_sort(scores: list[float], k: int) -> None:
    """The first ones of equal score; none with a score of 0."""
    expected = sorted((-score, place) for place, score in enumerate(scores) if score)[:k]
    found = bm25._best(np.array(scores), k)
    assert sorted(found.tolist()) == sorted(place for _, place in expected)
