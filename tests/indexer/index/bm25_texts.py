"""Random passages and the BM25 coverage that the formula gives them, word by word."""

import math
from collections.abc import Sequence

import numpy as np

from indexer.index.bm25 import K1, B, BM25Lookup
from indexer.index.postings import Postings
from indexer.text.analyzer import QueryWord

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


def filled(texts: Texts) -> Postings:
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
