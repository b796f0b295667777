"""Search that is narrowed to some documents, whatever else the index has."""

from pathlib import Path

import numpy as np

from indexer.index.index import Index
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import build

QUERY = "ferry to the island"


def document(number: int, text: str, scope: Scope = SHARED) -> Document:
    return Document(f"file:{number}", scope, Kind.FILE, f"Title {number}", text, "")


def filled(folder: Path, embedder: WordEmbedder, documents: list[Document]) -> Index:
    index = Index(
        folder, model=embedder.model, dimension=embedder.dimension, max_tokens=embedder.max_tokens
    )
    build(index, embedder, documents)
    return index


def test_selected_documents_are_found_behind_many_nearer_ones(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    nearer = [document(number, f"{QUERY} number {number}") for number in range(150)]
    own = [document(1_000, "Bread and butter."), document(1_001, "An island is a piece of land.")]
    with filled(tmp_path, embedder, [*nearer, *own]) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([one.id for one in own], [SHARED])

        hits = retriever.rank(QUERY, vector, [SHARED], 10, among=ids)

        assert [hit.passage.document_id for hit in hits] == ["file:1001", "file:1000"]
        assert hits[0].legs == ("meaning", "words")
        [everything] = retriever.hits([QUERY], [SHARED], 100)
        assert not {one.id for one in own} & {hit.passage.document_id for hit in everything}


def test_a_selection_of_everything_changes_no_hit(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    texts = ["The ferry leaves at nine.", "To the island and back.", "Bread.", "The island ferry."]
    documents = [document(number, text) for number, text in enumerate(texts)]
    with filled(tmp_path, embedder, documents) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([one.id for one in documents], [SHARED])

        for own, expected in zip(
            retriever.rank(QUERY, vector, [SHARED], 10, among=ids),
            retriever.hits([QUERY], [SHARED])[0],
            strict=True,
        ):
            assert own.passage == expected.passage
            assert np.isclose(own.score, expected.score)


def test_a_selection_has_no_document_of_another_scope(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    hidden = document(1, f"{QUERY} of others", Scope(7))
    with filled(tmp_path, embedder, [hidden, document(2, "Bread.")]) as index:
        vectors = embedder.embed_queries([QUERY])
        ids = index.tables.passage_ids(["file:1", "file:2", "file:9"], [SHARED])

        assert len(ids) == 1
        [(near, _)] = index.nearest_many(vectors, 10, [SHARED], ids)
        assert near.tolist() == ids
        assert index.matching(QUERY, 10, [SHARED], [], ids) == []
