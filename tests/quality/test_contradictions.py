"""How often a disagreement is seen, and how often one is seen where there is none.

A false alarm costs more than a miss: a card that is often wrong is not read. Whoever makes it
better raises the floors.
"""

import itertools
import json
from pathlib import Path

import pytest

from indexer.contradictions.detector import Titled, contradictions
from indexer.embedding.embedder import Embedder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# Measured on 24 November 2026 with all-MiniLM-L6-v2 (onnx-int8): 51 of 52 pairs that disagree are
# seen, each for what it is about, and 0 of 58 that don't. 18 and 18 of them were written before
# anything was measured on them: 17 were seen at first, 1 was a false alarm.
SEEN = 0.94
FALSE_ALARMS = 0.02


def _pairs() -> list[dict[str, str]]:
    text = (ROOT / "tests" / "judged" / "contradictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _seen(pair: dict[str, str], model: Embedder) -> set[str]:
    found = contradictions(Titled(pair["left"]), Titled(pair["right"]), model.embed_passages)
    return {contradiction.subject.value for contradiction in found}


def test_most_disagreements_are_seen_for_what_they_are_about(model: Embedder) -> None:
    pairs = [pair for pair in _pairs() if pair["disagree"]]
    missed = [pair["_id"] for pair in pairs if pair["disagree"] not in _seen(pair, model)]
    assert len(pairs) >= 40
    assert len(missed) <= (1 - SEEN) * len(pairs), missed


def test_what_does_not_disagree_is_not_said_to(model: Embedder) -> None:
    pairs = [pair for pair in _pairs() if not pair["disagree"]]
    wrong = [pair["_id"] for pair in pairs if _seen(pair, model)]
    assert len(pairs) >= 40
    assert len(wrong) <= FALSE_ALARMS * len(pairs), wrong


@pytest.mark.parametrize("swapped", [False, True])
def test_the_articles_do_not_contradict_each_other(model: Embedder, swapped: bool) -> None:
    paths = sorted((ROOT / "knowledge" / "articles").glob("*.md"))
    texts = [Titled(path.read_text(encoding="utf-8"), path.stem) for path in paths]
    for one, other in itertools.combinations(texts, 2):
        left, right = (other, one) if swapped else (one, other)
        assert contradictions(left, right, model.embed_passages) == []
