"""Hits: fused, one a document, each with its legs and its deciding sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.hit import MEANING, WORDS
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder
from tests.indexer.small_index import build

DOCUMENTS = {
    "bees": "# Honey\n\nBees make honey from nectar. They dance.\n\n# Wax\n\nBees make wax.",
    "cows": "Cows give milk. They graze on meadows all day long.",
    "code": "Run the tool with `--no-cache-dir`. It is slow then.\n\n```\nnever | quote this\n```",
}


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


@pytest.fixture
def retriever(tmp_path: Path, embedder: WordEmbedder) -> Iterator[Retriever]:
    with Index(tmp_path, model="words", dimension=4_096, max_tokens=256) as index:
        corpus = [
            Document(f"file:{name}", SHARED, Kind.FILE, name, text)
            for name, text in DOCUMENTS.items()
        ]
        for _ in update(index, embedder, corpus):
            pass
        yield Retriever(index, embedder)


def test_no_queries_give_no_rankings(retriever: Retriever) -> None:
    assert retriever.hits([], [SHARED]) == []


@given(
    st.sampled_from(["what's", "Whats", "what\u2019s"]),
    st.sampled_from(["no-cache-dir", "no cache-dir", "No cache dir"]),
    st.sampled_from(["", "?", "!?", "??"]),
    st.sampled_from([str, str.upper, str.title]),
)
# The index is only read.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_how_a_question_is_typed_changes_neither_order_nor_verdict(
    retriever: Retriever, asking: str, noun: str, end: str, written: Callable[[str], str]
) -> None:
    def said(question: str) -> tuple[list[tuple[str, float]], tuple[Evidence, dict[str, float]]]:
        [hits] = retriever.hits([question], [SHARED])
        ranked = [(hit.passage.document_id, hit.score) for hit in hits]
        return ranked, retriever.judge(question, hits)

    typed = f"{asking} the {noun} of the honey tool 4{end}"
    assert said(written(typed)) == said("whats the no cache dir of the honey tool 4")


def test_no_scope_gives_no_hit(retriever: Retriever) -> None:
    assert retriever.hits(["honey"], []) == [[]]


def test_a_document_is_hit_once_by_its_best_passage(retriever: Retriever) -> None:
    [hits] = retriever.hits(["bees make wax"], [SHARED])
    documents = [hit.passage.document_id for hit in hits]
    assert documents[0] == "file:bees"
    assert len(set(documents)) == len(documents)
    assert hits[0].passage.heading == "Wax"


def test_scores_fall_and_k_is_the_most(retriever: Retriever) -> None:
    [hits] = retriever.hits(["bees cows cache"], [SHARED])
    scores = [hit.score for hit in hits]
    assert len(hits) == 3
    assert scores == sorted(scores, reverse=True)
    assert retriever.hits(["bees cows cache"], [SHARED], k=2) == [hits[:2]]


def test_each_hit_says_which_leg_found_it(retriever: Retriever) -> None:
    [hits] = retriever.hits(["honey"], [SHARED])
    legs = {hit.passage.document_id: hit.legs for hit in hits}
    assert legs["file:bees"] == (MEANING, WORDS)
    assert legs["file:cows"] == (MEANING,)


def test_joint_queries_are_answered_in_order(retriever: Retriever, embedder: WordEmbedder) -> None:
    retriever.hits(["wax"], [SHARED])
    embedder.calls.clear()
    found = retriever.hits(["milk", "honey"], [SHARED], k=1)
    assert embedder.calls == [["milk?", "honey?"]]
    assert [hits[0].passage.document_id for hits in found] == ["file:cows", "file:bees"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("bees honey", "Bees make honey from nectar."), ("dance", "They dance.")],
)
def test_deciding_sentence_answers(retriever: Retriever, query: str, sentence: str) -> None:
    [vector] = retriever.embed([query])
    hit = retriever.rank(query, vector, [SHARED], 1)[0]
    span = retriever.deciding_sentence(query, vector, hit.passage, [SHARED])
    assert span is not None
    assert hit.passage.text[span.start : span.end] == sentence


def test_code_that_nothing_announces_decides_itself(retriever: Retriever) -> None:
    query = "never quote"
    [vector] = retriever.embed([query])
    hit = retriever.rank(query, vector, [SHARED], 1)[0]
    assert hit.passage.document_id == "file:code"
    span = retriever.deciding_sentence(query, vector, hit.passage, [SHARED])
    assert span is not None
    assert hit.passage.text[span.start : span.end] == "```\nnever | quote this\n```"


def test_a_single_sentence_needs_no_mark(retriever: Retriever) -> None:
    query = "bees make wax"
    [vector] = retriever.embed([query])
    hit = retriever.rank(query, vector, [SHARED], 1)[0]
    assert hit.passage.text == "Bees make wax."
    assert retriever.deciding_sentence(query, vector, hit.passage, [SHARED]) is None


# Search narrowed to some documents, whatever else the index has.


QUERY = "ferry to the island"


def document(number: int, text: str, scope: Scope = SHARED) -> Document:
    return Document(f"file:{number}", scope, Kind.FILE, f"Title {number}", text, "")


def index_of(folder: Path, embedder: WordEmbedder, documents: list[Document]) -> Index:
    index = Index(
        folder, model=embedder.model, dimension=embedder.dimension, max_tokens=embedder.max_tokens
    )
    build(index, embedder, documents)
    return index


def test_selected_documents_are_found_behind_many_nearer_ones(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    nearer = [document(number, f"{QUERY} number {number}") for number in range(150)]
    own = [document(1_000, "Bread and butter."), document(1_001, "An island is a piece of land.")]
    with index_of(tmp_path, embedder, [*nearer, *own]) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([document.id for document in own], [SHARED])

        hits = retriever.rank(QUERY, vector, [SHARED], 10, among=ids)

        assert [hit.passage.document_id for hit in hits] == ["file:1001", "file:1000"]
        assert hits[0].legs == ("meaning", "words")
        [everything] = retriever.hits([QUERY], [SHARED], 100)
        assert not {document.id for document in own} & {
            hit.passage.document_id for hit in everything
        }


def test_a_selection_of_everything_changes_no_hit(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    texts = ["The ferry leaves at nine.", "To the island and back.", "Bread.", "The island ferry."]
    documents = [document(number, text) for number, text in enumerate(texts)]
    with index_of(tmp_path, embedder, documents) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([document.id for document in documents], [SHARED])

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
    with index_of(tmp_path, embedder, [hidden, document(2, "Bread.")]) as index:
        vectors = embedder.embed_queries([QUERY])
        ids = index.tables.passage_ids(["file:1", "file:2", "file:9"], [SHARED])

        assert len(ids) == 1
        [(near, _)] = index.nearest_many(vectors, 10, [SHARED], ids)
        assert near.tolist() == ids
        assert index.matching(QUERY, 10, [SHARED], [], ids) == []
