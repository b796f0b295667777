"""The inverted index through adding, removing, merging and saving."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index import bm25
from indexer.index.bm25 import K1, LONGEST_CORRECTED, B, BM25Lookup, Postings
from indexer.text.analyzer import QueryWord

Texts = dict[int, list[str]]


VOCABULARY = ["wombat", "quokka", "koala", "emu", "dingo", "the", "and"]


def _expected(texts: Texts, wanted: Sequence[QueryWord]) -> dict[int, float]:
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


def _filled(texts: Texts) -> Postings:
    lexicon = Postings()
    lexicon.add(list(texts.items()))
    return lexicon


def _random(count: int, seed: int = 0, first: int = 1) -> Texts:
    chance = np.random.default_rng(seed)
    weights = np.array([1, 2, 3, 4, 5, 40, 45]) / 100
    return {
        first + n: list(chance.choice(VOCABULARY, chance.integers(3, 20), p=weights))
        for n in range(count)
    }


WANTED = [QueryWord(("wombat",)), QueryWord(("koala", "emu")), QueryWord(("the",))]


@given(st.lists(st.integers(1, 60), max_size=30, unique=True), st.integers(1, 4))
def test_what_came_and_went_leaves_what_a_fresh_lexicon_has(removed: list[int], every: int) -> None:
    texts = _random(60)
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
    assert set(found) == set(_expected({**left, 100: ["emu", "emu", "the"]}, [QueryWord(("emu",))]))
    lexicon._merge()
    merged = dict(matching([lexicon], WANTED, 1_000))
    fresh = _filled({**left, 100: ["emu", "emu", "the"]})
    assert merged == pytest.approx(dict(matching([fresh], WANTED, 1_000)), abs=1e-6)


def test_merging_happens_by_itself_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = _random(300)
    at_once = _filled(texts)
    monkeypatch.setattr(bm25, "MERGE_AFTER", 7)
    bit_by_bit = Postings()
    for key, words in texts.items():
        bit_by_bit.add([(key, words)])
    assert bit_by_bit._waiting_passages < 300
    assert matching([bit_by_bit], WANTED, 50) == matching([at_once], WANTED, 50)


def test_a_saved_lexicon_is_read_back_as_it_was(tmp_path: Path) -> None:
    lexicon = _filled(_random(100))
    lexicon.remove([3, 4])
    lexicon.save(tmp_path / "words")
    read = Postings.load(tmp_path / "words")
    assert matching([read], WANTED, 100) == matching([lexicon], WANTED, 100)
    assert (read.passages, read.length) == (98, lexicon.length)


def test_a_word_that_is_longer_than_any_is_not_corrected() -> None:
    longest = "a" * LONGEST_CORRECTED
    lexicon = _filled({1: [f"{longest}b", f"{longest}bc"]})
    assert lexicon.corrections(longest) == [f"{longest}b"]
    assert lexicon.corrections(f"{longest}c") == []
