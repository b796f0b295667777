"""Hits: fused, one a document, each with its legs and its deciding sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.hit import MEANING, WORDS
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder

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
