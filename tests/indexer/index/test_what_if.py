"""An overlay finds what an index finds once the same change has been made to it."""

from collections.abc import Iterator

import numpy as np
import pytest

from indexer.index.index import Index
from indexer.ingest.pipeline import put
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.model.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import Home, what_if

GUILD, OTHER = Scope(10), Scope(11)
SCOPES = (SHARED, GUILD)
QUERIES = ["honey of bees", "milk", "how long do cows graze", "beees", "wax and bread", "quux"]
TEXTS = {
    "bees": "# Honey\n\nBees make honey from nectar. They dance.\n\n# Wax\n\nBees make wax.",
    "cows": "Cows give milk. They graze on meadows all day long.",
    "bread": "Bread is made of flour, water and salt. " * 12,
}
NEW = "# Goats\n\nGoats give milk, too. They climb.\n\n# Bees\n\nBees and goats share a meadow."


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(512)


@pytest.fixture
def index(home: Home, embedder: WordEmbedder) -> Iterator[Index]:
    with Index(home, model="words", dimension=512, max_tokens=256) as opened:
        for name, text in TEXTS.items():
            scope = GUILD if name == "cows" else SHARED
            put(opened, embedder, _document(name, text, scope))
        yield opened


def _document(name: str, text: str, scope: Scope = GUILD) -> Document:
    return Document(f"note:{name}", scope, Kind.NOTE, name, text)


def _comparable(found: list[list[Hit]]) -> list[list[tuple[object, ...]]]:
    """Hits without their ids, which an index gives anew."""
    return [
        [
            (
                hit.passage.document_id,
                hit.passage.text,
                hit.passage.heading,
                hit.legs,
                hit.first,
                hit.window,
                *np.round([hit.score, hit.cosine, hit.window_cosine, hit.coverage], 5).tolist(),
            )
            for hit in hits
        ]
        for hits in found
    ]


@pytest.mark.parametrize(
    ("name", "text"), [("goats", NEW), ("cows", NEW), ("cows", TEXTS["bread"] * 3)]
)
def test_it_finds_what_the_changed_index_finds(
    index: Index, embedder: WordEmbedder, name: str, text: str
) -> None:
    retriever = Retriever(index, embedder)
    retriever.floor(SCOPES)
    document = _document(name, text)
    overlay = what_if(index, embedder, document)
    over = retriever.over(overlay)
    hits = over.hits(QUERIES, SCOPES)
    evidence = [
        over.judged(query, found, SCOPES) for query, found in zip(QUERIES, hits, strict=True)
    ]
    size = overlay.size(SCOPES)
    before = _comparable(retriever.hits(QUERIES, SCOPES))
    put(index, embedder, document)
    after = retriever.hits(QUERIES, SCOPES)
    assert _comparable(hits) == _comparable(after) != before
    assert size == index.size(SCOPES)
    for (verdict, signals), query, found in zip(evidence, QUERIES, after, strict=True):
        really, real_signals = retriever.judged(query, found, SCOPES)
        assert verdict is really
        assert signals == pytest.approx(real_signals, abs=1e-5)


def test_it_changes_nothing_for_those_who_may_not_see_it(
    index: Index, embedder: WordEmbedder
) -> None:
    document = _document("goats", NEW)
    overlay = what_if(index, embedder, document)
    retriever = Retriever(index, embedder)
    for scopes in ([SHARED], [SHARED, OTHER], []):
        assert retriever.over(overlay).hits(QUERIES, scopes) == retriever.hits(QUERIES, scopes)
        assert overlay.size(scopes) == index.size(scopes)


def test_the_index_is_as_it_was(index: Index, embedder: WordEmbedder) -> None:
    retriever = Retriever(index, embedder)
    before, generation = retriever.hits(QUERIES, SCOPES), index.generation
    document = _document("cows", NEW)
    Retriever(what_if(index, embedder, document), embedder).hits(QUERIES, SCOPES)
    assert retriever.hits(QUERIES, SCOPES) == before
    assert index.generation == generation
