import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index import bm25, postings
from indexer.index.bm25 import K1, B, BM25Lookup, unknown_forms
from indexer.index.postings import LONGEST_CORRECTED, Postings
from indexer.text.analyzer import QueryWord, query_words

Texts = dict[int, list[str]]


VOCABULARY = ["wombat", "quokka", "koala", "emu", "dingo", "the", "and"]


def expected(texts: Texts, wanted: Sequence[QueryWord]) -> dict[int, float]:
    """The coverage of every passage that has any of the words, from the formula."""
    mean = sum(len(words) for words in texts.values()) / len(texts)

    def rarity(word: QueryWord) -> float:
        having = max(
            (sum(form in words for words in texts.values()) for form in word.forms), default=0
        )
        return math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))

    total = sum(rarity(word) for word in wanted)
    found = {}
    for key, words in texts.items():
        covered = 0.0
        for word in wanted:
            count = max(words.count(form) for form in word.forms)
            held_back = K1 * (1 - B + B * len(words) / mean)
            covered += rarity(word) * count / (count + held_back)
        if covered:
            found[key] = covered / total
    return found


def matching(
    scopes: Sequence[Postings], wanted: Sequence[QueryWord], k: int, also: Sequence[int] = ()
) -> list[tuple[int, float]]:
    return BM25Lookup(scopes, wanted, k).found(also)


def postings_of(texts: Texts) -> Postings:
    lexicon = Postings()
    lexicon.add(list(texts.items()))
    return lexicon


def random(count: int, seed: int = 0, first: int = 1) -> Texts:
    chance = np.random.default_rng(seed)
    weights = np.array([1, 2, 3, 4, 5, 40, 45]) / 100
    return {
        first + n: list(chance.choice(VOCABULARY, chance.integers(3, 20), p=weights))
        for n in range(count)
    }


WANTED = [QueryWord(("wombat",)), QueryWord(("koala", "emu")), QueryWord(("the",))]


def test_coverage_is_that_of_the_formula() -> None:
    texts = random(200)
    found = dict(matching([postings_of(texts)], WANTED, 1_000))
    assert found == pytest.approx(expected(texts, WANTED), abs=1e-6)


def test_passages_of_equal_coverage_come_in_the_order_of_ids() -> None:
    lexicon = postings_of({key: ["wombat", "digs"] for key in range(10, 50)})
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
    lexicon = postings_of(texts)
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
    lexicon = postings_of({**random(600), 3_000: ["the", "end"]})
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


@given(st.lists(st.integers(1, 60), max_size=30, unique=True), st.integers(1, 4))
def test_changed_lexicon_equals_a_fresh_one(removed: list[int], every: int) -> None:
    texts = random(60)
    lexicon = Postings()
    for start in range(1, 61, 20):
        lexicon.add([(key, texts[key]) for key in range(start, start + 20)])
        if start % every == 0:
            lexicon._merge()
    lexicon.remove(removed)
    if every > 2:
        lexicon._merge()
    lexicon.add([(100, ["emu", "emu", "the"])])
    left = {key: words for key, words in texts.items() if key not in removed}
    found = dict(matching([lexicon], [QueryWord(("emu",))], 1_000))
    assert set(found) == set(expected({**left, 100: ["emu", "emu", "the"]}, [QueryWord(("emu",))]))
    lexicon._merge()
    merged = dict(matching([lexicon], WANTED, 1_000))
    fresh = postings_of({**left, 100: ["emu", "emu", "the"]})
    assert merged == pytest.approx(dict(matching([fresh], WANTED, 1_000)), abs=1e-6)


def test_automatic_merging_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random(300)
    at_once = postings_of(texts)
    monkeypatch.setattr(postings, "MERGE_AFTER", 7)
    bit_by_bit = Postings()
    for key, words in texts.items():
        bit_by_bit.add([(key, words)])
    assert bit_by_bit._waiting_passages < 300
    assert matching([bit_by_bit], WANTED, 50) == matching([at_once], WANTED, 50)


def test_a_saved_lexicon_is_read_back_as_it_was(tmp_path: Path) -> None:
    lexicon = postings_of(random(100))
    lexicon.remove([3, 4])
    lexicon.save(tmp_path / "words")
    read = Postings.load(tmp_path / "words")
    assert matching([read], WANTED, 100) == matching([lexicon], WANTED, 100)
    assert (read.passages, read.length) == (98, lexicon.length)


def test_too_long_a_word_is_not_corrected() -> None:
    longest = "a" * LONGEST_CORRECTED
    lexicon = postings_of({1: [f"{longest}b", f"{longest}bc"]})
    assert lexicon.corrections(longest) == [f"{longest}b"]
    assert lexicon.corrections(f"{longest}c") == []


def test_unknown_words_are_those_of_no_scope_even_corrected() -> None:
    scopes = [postings_of({1: ["backup", "restor", "pi", "4"]}), postings_of({2: ["mount"]})]
    wanted = query_words("restore a bakcup of a pi4 to the mounts with gluster on a pi5")
    assert unknown_forms(scopes, wanted) == {"gluster", "pi5"}


def test_removed_passages_do_not_count_in_a_small_scope() -> None:
    """Otherwise a word of a revised note would be in more passages than exist."""
    lexicon = postings_of({1: ["emu", "koala"], 2: ["dingo"]})
    lexicon.remove([1, 2])
    lexicon.add([(3, ["emu", "wombat"])])
    wanted = [QueryWord(("emu",))]
    assert matching([lexicon], wanted, 5) == matching(
        [postings_of({3: ["emu", "wombat"]})], wanted, 5
    )
    assert "koala" not in lexicon
    assert "emu" in lexicon


def test_a_view_without_passages_leaves_the_postings_as_they_are() -> None:
    lexicon = postings_of({1: ["emu", "koala"], 2: ["emu", "dingo"]})
    lexicon.add([(3, ["emu"])])
    view = lexicon.without([1])
    assert "koala" not in view
    assert "koala" in lexicon
    assert (view.passages, lexicon.passages) == (2, 3)
    assert view.document_frequency("emu") == 2
    assert lexicon.document_frequency("emu") == 3
