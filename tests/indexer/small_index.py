"""An index of thirty documents in three scopes, and everything that can be found in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from indexer.embedding.embedder import Embedder
from indexer.index.database import IndexSchema, Place
from indexer.index.index import Index
from indexer.index.what_if import IndexOverlay
from indexer.ingest.pipeline import cut_and_embed, update
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder

ONE, TWO = Scope(1), Scope(2)
SCOPES = (SHARED, ONE, TWO)

# Both legs' results as (document, heading, text, score), which don't depend on passage ids.
Found = list[tuple[str, str, str, float]]


@dataclass(frozen=True)
class SchemaHome(IndexSchema):
    """A schema with others below it, as a folder has them."""

    def __truediv__(self, name: str) -> Self:
        return replace(self, schema=f"{self.schema}_{name}")


Home = Path | SchemaHome


def opened(
    place: Place, embedder: WordEmbedder, model: str = "words", resident_bytes: int | None = None
) -> Index:
    index = Index(place, model=model, dimension=embedder.dimension, max_tokens=embedder.max_tokens)
    index.limit_memory(resident_bytes)
    return index


def saved(index: Index) -> dict[Scope, set[int]]:
    """The generations of which an index has snapshots."""
    return index._resident._snapshots.saved_generations()


def new_document(name: str, text: str, scope: Scope = SHARED) -> Document:
    return Document(f"file:{name}", scope, Kind.FILE, name, text)


def thirty_documents() -> list[Document]:
    """Thirty documents of two sections in three scopes, each with words of its own."""
    return [
        new_document(
            f"doc{n}",
            f"# Part one\n\nalpha{n} common word{n % 7}.\n\n"
            f"# Part two\n\nbeta{n} common of {n % 5}.",
            SCOPES[n % 3],
        )
        for n in range(30)
    ]


def build(index: Index, embedder: WordEmbedder, documents: Sequence[Document]) -> None:
    for _ in update(index, embedder, documents):
        pass


def all_found(index: Index, embedder: WordEmbedder, query: str, scopes: Sequence[Scope]) -> Found:
    """Everything both legs find for a query."""
    vector = embedder.embed_queries([query])[0]
    rankings = [index.nearest(vector, 1_000, scopes), index.matching(query, 1_000, scopes)]
    stored = index.passages([key for ranking in rankings for key, _ in ranking])
    return [
        (stored[key].document_id, stored[key].heading, stored[key].text, round(score, 4))
        for ranking in rankings
        for key, score in ranking
    ]


def everything(index: Index, embedder: WordEmbedder) -> list[Found]:
    """What is found in each scope, in an order that does not depend on ids."""
    queries = ("alpha3 common", "word2", "beta7 of 2", "common")
    return [
        sorted(all_found(index, embedder, query, [scope])) for scope in SCOPES for query in queries
    ]


def overlay_of(index: Index, embedder: Embedder, document: Document) -> IndexOverlay:
    """The index as it would be with a document."""
    steps = cut_and_embed(embedder, document)
    while True:
        try:
            next(steps)
        except StopIteration as made:
            return IndexOverlay(index, *made.value)
