"""The index, compared with brute force, with a fresh build, and between processes."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.ingest.pipeline import index_document
from indexer.retrieval.retriever import Retriever
from indexer.text.passages import passages
from knowledge.values.documents import SHARED, Scope, channel_scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import (
    ONE,
    SCOPES,
    TWO,
    Home,
    all_found,
    build,
    everything,
    new_document,
    opened,
    thirty_documents,
)


def test_a_vector_of_another_dimension_is_refused(tmp_path: Path, embedder: WordEmbedder) -> None:
    with (
        opened(tmp_path, embedder) as index,
        pytest.raises(ValueError, match=r"shape \(3,\), not \(64,\)"),
    ):
        index.nearest(np.ones(3, np.float32), 5, SCOPES)


def test_nearest_are_those_of_brute_force(tmp_path: Path, embedder: WordEmbedder) -> None:
    vectors = embedder.embed_queries([f"alpha{n} common of {n % 5}" for n in range(9)])
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        for scopes in ((), (SHARED,), (SHARED, TWO), SCOPES, (Scope(99),)):
            texts = {
                (document.id, passage.text): passage.embedded
                for document in thirty_documents()
                if document.scope in scopes
                for passage in passages(document, embedder.count_tokens, embedder.max_tokens)
            }
            matrix = embedder.embed_passages(list(texts.values()))
            for k in (0, 1, 7, 1_000):
                together = index.nearest_many(vectors, k, scopes)
                for vector, (ids, cosines) in zip(vectors, together, strict=True):
                    [(own_ids, own_cosines)] = index.nearest_many(vector[np.newaxis], k, scopes)
                    assert ids.tolist() == own_ids.tolist()
                    assert cosines.tolist() == pytest.approx(own_cosines.tolist(), abs=1e-6)
                found = index.nearest(vectors[4], k, scopes)
                stored = index.passages([key for key, _ in found])
                exact = dict(zip(texts, (matrix @ vectors[4]).tolist(), strict=True))
                # Compared in half precision, which has eleven bits.
                cosines_found = [cosine for _, cosine in found]
                assert cosines_found == pytest.approx(
                    sorted(exact.values(), reverse=True)[:k], abs=1e-3
                )
                assert cosines_found == pytest.approx(
                    [exact[stored[key].document_id, stored[key].text] for key, _ in found], abs=1e-3
                )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    owners=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=12),
    asked=st.lists(st.sampled_from(SCOPES), max_size=3),
    query=st.sampled_from(["secret", "secret common", "number 3"]),
)
def test_no_passage_of_another_scope_is_ever_found(
    tmp_path_factory: pytest.TempPathFactory, owners: list[Scope], asked: list[Scope], query: str
) -> None:
    embedder = WordEmbedder(32)
    documents = [
        new_document(f"d{n}", f"The secret is common, number {n}.", owner)
        for n, owner in enumerate(owners)
    ]
    with opened(tmp_path_factory.mktemp("index"), embedder) as index:
        build(index, embedder, documents)
        visible = {document.id for document in documents if document.scope in asked}
        found = {name for name, *_ in all_found(index, embedder, query, asked)}
        assert found <= visible
        [hits] = Retriever(index, embedder).hits([query], asked, 100)
        assert {hit.passage.document_id for hit in hits} == visible


def test_scope_asked_twice_gives_passages_once(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        once = all_found(index, embedder, "common", [SHARED, ONE])
        assert all_found(index, embedder, "common", [SHARED, ONE, SHARED]) == once


def test_changed_corpus_is_found_as_rebuilt(tmp_path: Path, embedder: WordEmbedder) -> None:
    corpus = thirty_documents()
    changed = [
        *corpus[5:20],
        new_document("doc20", "wholly different alpha3 words", ONE),
        new_document("doc21", "moved beta7 common", SHARED),
        *corpus[22:],
        new_document("doc99", "# New\n\nalpha3 and beta7 of 2 common", TWO),
    ]
    with opened(tmp_path / "old", embedder) as index:
        build(index, embedder, corpus)
        build(index, embedder, changed)
        after = everything(index, embedder)
    with opened(tmp_path / "fresh", embedder) as index:
        build(index, embedder, changed)
        assert after == everything(index, embedder)


def test_emptied_scope_leaves_the_others(tmp_path: Path, embedder: WordEmbedder) -> None:
    rest = [document for document in thirty_documents() if document.scope != ONE]
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        build(index, embedder, rest)
        index.save_snapshots(least=1)
        assert all_found(index, embedder, "common", [ONE]) == []
        assert len(all_found(index, embedder, "common", SCOPES)) == 2 * 40
    with opened(tmp_path, embedder) as index:
        assert len(all_found(index, embedder, "common", SCOPES)) == 2 * 40


def test_each_change_raises_the_generation(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("a", "one"))
        first = index.generation
        index.tables.apply([], [])
        assert index.generation == first
        index.tables.apply([], ["file:a"])
        assert index.generation == first + 1


def test_a_second_index_at_the_place_follows_the_first(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as reader, opened(home, embedder) as writer:
        build(writer, embedder, thirty_documents())
        assert everything(reader, embedder) == everything(writer, embedder)
        writer.tables.apply([], ["file:doc3"])
        index_document(writer, embedder, new_document("doc4", "alpha3 anew", TWO))
        assert everything(reader, embedder) == everything(writer, embedder)
        assert reader.generation == writer.generation


def test_a_steady_reader_stays_at_one_generation(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as reader, opened(home, embedder) as writer:
        index_document(writer, embedder, new_document("a", "firstword"))
        with reader.steady():
            before = reader.generation_of([SHARED])
            index_document(writer, embedder, new_document("b", "secondword"))
            assert reader.matching("secondword", 5, [SHARED]) == []
            assert reader.generation_of([SHARED]) == before
        assert len(reader.matching("secondword", 5, [SHARED])) == 1
        assert reader.generation_of([SHARED]) > before


def test_question_replays_only_its_scopes(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as reader, opened(tmp_path, embedder) as writer:
        index_document(writer, embedder, new_document("a", "firstword"))
        assert len(reader.matching("firstword", 5, [SHARED])) == 1
        replays = reader.replays
        index_document(writer, embedder, new_document("b", "firstword", TWO))
        assert len(reader.matching("firstword", 5, [SHARED, ONE])) == 1
        assert reader.replays == replays
        assert len(reader.matching("firstword", 5, [SHARED, TWO])) == 2
        assert reader.replays == replays + 1


def test_a_new_link_is_cited_at_once_in_every_process(home: Home, embedder: WordEmbedder) -> None:
    document = replace(new_document("a", "one word"), link="https://example.org/old")
    with opened(home, embedder) as reader, opened(home, embedder) as writer:
        index_document(writer, embedder, document)
        [(key, _)] = reader.matching("one", 5, [SHARED])
        assert reader.passages([key])[key].link == "https://example.org/old"
        before = reader.generation_of([SHARED, ONE])
        writer.tables.relink([replace(document, link="https://example.org/new")])
        assert reader.passages([key])[key].link == "https://example.org/new"
        assert reader.generation_of([SHARED, ONE]) == (before[0] + 1, before[1])
        assert [found for found, _ in reader.matching("one", 5, [SHARED])] == [key]


# Snapshots of the index: used if they match, else rebuilt.


def foreign(path: Path) -> None:
    path.write_bytes(hashlib.sha512(b"noise").digest() * 100)


@pytest.mark.parametrize("which", [".vectors.", ".words."])
def test_damaged_snapshots_are_rebuilt(tmp_path: Path, embedder: WordEmbedder, which: str) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        index.save_snapshots(least=1)
        expected = everything(index, embedder)
    damaged = [path for path in tmp_path.glob("*.snapshot") if which in path.name]
    assert len(damaged) == len(SCOPES)
    whole = damaged[0].read_bytes()
    damages: list[Callable[[Path], object]] = [
        lambda path: path.write_bytes(whole[: len(whole) // 2]),
        lambda path: path.write_bytes(b""),
        foreign,
        Path.unlink,
    ]
    for damage in damages:
        damage(damaged[0])
        with opened(tmp_path, embedder) as index:
            assert everything(index, embedder) == expected
    for path in tmp_path.glob("*.snapshot"):
        path.unlink()
    with opened(tmp_path, embedder) as index:
        assert everything(index, embedder) == expected


def test_changes_after_a_snapshot_are_replayed(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents()[:20])
        index.save_snapshots(least=1)
        build(index, embedder, thirty_documents()[10:])
        expected = everything(index, embedder)
    with opened(tmp_path, embedder) as index:
        assert everything(index, embedder) == expected


def test_snapshot_of_a_channel_is_used(
    tmp_path: Path, embedder: WordEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    documents = [
        new_document("said in the channel", "alpha common", channel_scope(1)),
        new_document("written in the guild", "alpha common", ONE),
    ]
    with opened(tmp_path, embedder) as index:
        build(index, embedder, documents)
        index.save_snapshots(least=1)

    with opened(tmp_path, embedder) as index:
        for scope, document in zip((channel_scope(1), ONE), documents, strict=True):
            found = all_found(index, embedder, "alpha", [scope])
            assert {document_id for document_id, *_ in found} == {document.id}

    # The log names each rebuilt snapshot.
    assert caplog.messages == []


def test_snapshots_of_another_index_are_ignored(tmp_path: Path, embedder: WordEmbedder) -> None:
    """They have as many passages, of the same generation."""
    other = [
        new_document(f"other{n}", f"# A\n\ngamma{n}\n\n# B\n\ndelta{n}", SCOPES[n % 3])
        for n in range(30)
    ]
    for name, corpus in (("a", thirty_documents()), ("b", other)):
        with opened(tmp_path / name, embedder) as index:
            build(index, embedder, corpus)
            index.save_snapshots(least=1)
    for path in (tmp_path / "b").glob("*.snapshot"):
        path.replace(tmp_path / "a" / path.name)
    with opened(tmp_path / "fresh", embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)
    with opened(tmp_path / "a", embedder) as index:
        assert everything(index, embedder) == expected


def test_older_snapshots_are_deleted(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("a", "one"))
        index.save_snapshots(least=1)
        before = set(tmp_path.glob("*.snapshot"))
        index_document(index, embedder, new_document("b", "two"))
        index.save_snapshots(least=1)
        after = set(tmp_path.glob("*.snapshot"))
    assert before
    assert not before & after
    assert not list(tmp_path.glob("*.partial"))
