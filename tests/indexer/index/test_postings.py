from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index import postings
from indexer.index.bm25 import unknown_forms
from indexer.index.postings import LONGEST_CORRECTED, Postings
from indexer.text.analyzer import QueryWord, query_words
from tests.indexer.index.bm25_texts import WANTED, expected, filled, matching, random


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
    fresh = filled({**left, 100: ["emu", "emu", "the"]})
    assert merged == pytest.approx(dict(matching([fresh], WANTED, 1_000)), abs=1e-6)


def test_automatic_merging_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random(300)
    at_once = filled(texts)
    monkeypatch.setattr(postings, "MERGE_AFTER", 7)
    bit_by_bit = Postings()
    for key, words in texts.items():
        bit_by_bit.add([(key, words)])
    assert bit_by_bit._waiting_passages < 300
    assert matching([bit_by_bit], WANTED, 50) == matching([at_once], WANTED, 50)


def test_a_saved_lexicon_is_read_back_as_it_was(tmp_path: Path) -> None:
    lexicon = filled(random(100))
    lexicon.remove([3, 4])
    lexicon.save(tmp_path / "words")
    read = Postings.load(tmp_path / "words")
    assert matching([read], WANTED, 100) == matching([lexicon], WANTED, 100)
    assert (read.passages, read.length) == (98, lexicon.length)


def test_too_long_a_word_is_not_corrected() -> None:
    longest = "a" * LONGEST_CORRECTED
    lexicon = filled({1: [f"{longest}b", f"{longest}bc"]})
    assert lexicon.corrections(longest) == [f"{longest}b"]
    assert lexicon.corrections(f"{longest}c") == []


def test_unknown_words_are_those_of_no_scope_even_corrected() -> None:
    scopes = [filled({1: ["backup", "restor", "pi", "4"]}), filled({2: ["mount"]})]
    wanted = query_words("restore a bakcup of a pi4 to the mounts with gluster on a pi5")
    assert unknown_forms(scopes, wanted) == {"gluster", "pi5"}


def test_removed_passages_do_not_count_in_a_small_scope() -> None:
    """Otherwise a word of a revised note would be in more passages than exist."""
    lexicon = filled({1: ["emu", "koala"], 2: ["dingo"]})
    lexicon.remove([1, 2])
    lexicon.add([(3, ["emu", "wombat"])])
    wanted = [QueryWord(("emu",))]
    assert matching([lexicon], wanted, 5) == matching([filled({3: ["emu", "wombat"]})], wanted, 5)
    assert "koala" not in lexicon
    assert "emu" in lexicon


def test_a_view_without_passages_leaves_the_postings_as_they_are() -> None:
    lexicon = filled({1: ["emu", "koala"], 2: ["emu", "dingo"]})
    lexicon.add([(3, ["emu"])])
    view = lexicon.without([1])
    assert "koala" not in view
    assert "koala" in lexicon
    assert (view.passages, lexicon.passages) == (2, 3)
    assert view.document_frequency("emu") == 2
    assert lexicon.document_frequency("emu") == 3
