"""The caches of passages, vectors and codes: bounded, right, and filled ahead."""

from pathlib import Path

import pytest

from knowledge.values.documents import SHARED
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import SCOPES, Home, build, everything, opened, thirty_documents


def test_the_caches_are_bounded_and_give_the_same_rows(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.resident_scopes.VECTORS_BYTES", 3 * 4 * embedder.dimension)
    monkeypatch.setattr("indexer.index.resident_scopes.PASSAGES_CHARACTERS", 3_000)
    monkeypatch.setattr("indexer.index.index.WORDS_CACHED", 3)
    vector = embedder.embed_queries(["common"])[0]
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        together = index.own_vectors(keys)
        assert together == {key: index.own_vectors([key])[key] for key in keys}
        assert len(index.passages(keys)) == 20
        weights = [index.idfs(f"common alpha{n}", [SHARED]) for n in range(5)]
        assert len(index._rows._vectors) == len(index._rows._passages) == 3
        assert len(index._idfs) <= 3
        assert weights == [index.idfs(f"common alpha{n}", [SHARED]) for n in range(5)]


def test_rows_read_ahead_are_those_of_the_database_within_the_bound(
    home: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = embedder.embed_queries(["common"])[0]
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        asked_for = index.own_vectors(keys)
    monkeypatch.setattr("indexer.index.resident_scopes.SLICE", 3)
    with opened(home, embedder) as index:
        list(index.read_ahead())
        assert len(index._rows._vectors) == index.size(SCOPES)
        assert len(index._rows._passages) == index.size(SCOPES)
        assert index.own_vectors(keys) == asked_for
    monkeypatch.setattr("indexer.index.resident_scopes.VECTORS_BYTES", 5 * 4 * embedder.dimension)
    with opened(home, embedder) as index:
        list(index.read_ahead())
        list(index.read_ahead())
        assert len(index._rows._vectors) == 5


def test_rows_deleted_between_two_steps_of_reading_ahead_are_not_cached(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.resident_scopes.SLICE", 3)
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        assert everything(index, embedder)
        index._rows._vectors.clear()
        steps = index.read_ahead()
        next(steps)
        gone = next(iter(index._rows._vectors))
        index.tables.apply([], [index.passages([gone])[gone].document_id])
        list(steps)
        assert gone not in index._rows._vectors
        assert len(index._rows._vectors) == index.size(SCOPES)


def test_document_is_complete_with_its_scopes_rows(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        rows, resident = index._rows, index._resident
        everything(index, embedder)
        rows.forget_passages()
        ids = [*index._resident.of([SHARED])[0].passage_ids()]
        some = rows.read(ids[:3])
        list(some)
        assert rows.has(ids[:3])
        assert not rows.has(ids)
        assert not resident.has_rows(SHARED)
        list(index.prefetch_recent_rows())
        assert resident.has_rows(SHARED)
        document_id = index.passages(ids[:1])[ids[0]].document_id
        assert rows.document_passages(document_id) == index.document_passages(document_id)


def test_cached_codes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coded = CodedEmbedder(64)
    vector = coded.embed_queries(["common"])[0]
    with opened(tmp_path, coded) as index:
        build(index, coded, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        expected = index.tables.token_codes(keys)
        assert len(expected) == 20
    monkeypatch.setattr(
        "indexer.index.resident_scopes.CODES_BYTES", 3 * max(map(len, expected.values()))
    )
    with opened(tmp_path, coded) as index:
        for _ in range(2):
            assert index.token_codes(keys) == expected
            assert list(index.token_codes(keys)) == keys
            assert 3 <= len(index._rows._codes) < 20
            assert {key: index.token_codes([key])[key] for key in keys} == expected


def test_missing_codes_are_looked_up_again(tmp_path: Path) -> None:
    coded = CodedEmbedder(64)
    with opened(tmp_path, coded) as index:
        build(index, coded, thirty_documents())
        keys = index.tables.passage_ids(["file:doc1", "file:doc2"], SCOPES)
        codes = index.tables.token_codes(keys)
        stored = dict(index.tables.db.rows("select digest, codes from token_codes"))
        index.tables.db.run("delete from token_codes")
        assert index.token_codes(keys) == {}
        index.tables.store_vectors({}, stored)
        assert index.token_codes(keys) == codes


def test_without_the_database_only_cached_codes_are_returned(tmp_path: Path) -> None:
    coded = CodedEmbedder(64)
    with opened(tmp_path, coded) as index:
        build(index, coded, thirty_documents())
        known, other = index.tables.passage_ids(["file:doc1"], SCOPES)
        codes = index.token_codes([known])
        with index.from_memory():
            assert index.token_codes([known, other]) == codes
        assert index.token_codes([known, other]).keys() == {known, other}


def test_codes_of_deleted_passages_leave_the_cache(tmp_path: Path) -> None:
    coded = CodedEmbedder(64)
    with opened(tmp_path, coded) as index:
        build(index, coded, thirty_documents())
        keys = index.tables.passage_ids(["file:doc1", "file:doc2"], SCOPES)
        index.matching("common", 1, SCOPES)
        assert index.token_codes(keys).keys() == set(keys)
        index.tables.apply([], ["file:doc1"])
        index.matching("common", 1, SCOPES)
        kept = index.tables.passage_ids(["file:doc2"], SCOPES)
        assert set(index._rows._codes) == set(kept)
        list(index.prefetch_recent_rows())
        assert len(index._rows._codes) == index.size(SCOPES)
