"""The cache of passages and vectors: bounded, right, and filled ahead."""

import pytest

from knowledge.values.documents import SHARED
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import SCOPES, Home, build, everything, opened, thirty_documents


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


def test_what_is_remembered_of_the_file_is_bounded_and_still_right(
    home: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.row_cache.VECTORS_BYTES", 3 * 4 * embedder.dimension)
    monkeypatch.setattr("indexer.index.row_cache.PASSAGES_CHARACTERS", 3_000)
    monkeypatch.setattr("indexer.index.index.IDFS_CACHED", 3)
    vector = embedder.embed_queries(["common"])[0]
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        together = index.own_vectors(keys)
        assert together == {key: index.own_vectors([key])[key] for key in keys}
        assert len(index.passages(keys)) == 20
        weights = [index.idfs(f"common alpha{n}", [SHARED]) for n in range(5)]
        assert len(index._rows._vectors) == len(index._rows._passages) == 3
        assert len(index._idfs) <= 3
        assert weights == [index.idfs(f"common alpha{n}", [SHARED]) for n in range(5)]


def test_what_is_read_ahead_is_what_is_read_when_it_is_asked_for(
    home: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = embedder.embed_queries(["common"])[0]
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        asked_for = index.own_vectors(keys)
    monkeypatch.setattr("indexer.index.row_cache.SLICE", 3)
    with opened(home, embedder) as index:
        list(index.read_ahead())
        assert len(index._rows._vectors) == index.size(SCOPES)
        assert len(index._rows._passages) == index.size(SCOPES)
        assert index.own_vectors(keys) == asked_for
    monkeypatch.setattr("indexer.index.row_cache.VECTORS_BYTES", 5 * 4 * embedder.dimension)
    with opened(home, embedder) as index:
        list(index.read_ahead())
        list(index.read_ahead())
        assert len(index._rows._vectors) == 5


def test_what_goes_while_it_is_read_ahead_is_not_remembered(
    home: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.row_cache.SLICE", 3)
    with opened(home, embedder) as index:
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


def test_what_is_read_of_a_document_is_complete_only_where_its_scope_is(
    home: Home, embedder: WordEmbedder
) -> None:
    with opened(home, embedder) as index:
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
        list(index.read_lately_used())
        assert resident.has_rows(SHARED)
        document_id = index.passages(ids[:1])[ids[0]].document_id
        assert rows.document_passages(document_id) == index.document_passages(document_id)


def test_codes_in_memory_are_bounded_and_still_right(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded = CodedEmbedder(64)
    vector = coded.embed_queries(["common"])[0]
    with opened(home, coded) as index:
        build(index, coded, thirty_documents())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        expected = index.tables.token_codes(keys)
        assert len(expected) == 20
    monkeypatch.setattr("indexer.index.row_cache.CODES_BYTES", 3 * max(map(len, expected.values())))
    with opened(home, coded) as index:
        for _ in range(2):
            assert index.token_codes(keys) == expected
            assert list(index.token_codes(keys)) == keys
            assert 3 <= len(index._rows._codes) < 20
            assert {key: index.token_codes([key])[key] for key in keys} == expected


def test_codes_that_came_later_are_found_by_who_looked_before(home: Home) -> None:
    coded = CodedEmbedder(64)
    with opened(home, coded) as index:
        build(index, coded, thirty_documents())
        keys = index.tables.passage_ids(["file:doc1", "file:doc2"], SCOPES)
        codes = index.tables.token_codes(keys)
        stored = dict(index.tables.db.rows("select digest, codes from token_codes"))
        index.tables.db.run("delete from token_codes")
        assert index.token_codes(keys) == {}
        index.tables.store_vectors({}, stored)
        assert index.token_codes(keys) == codes


def test_where_the_database_is_not_asked_only_codes_in_memory_are_given(home: Home) -> None:
    coded = CodedEmbedder(64)
    with opened(home, coded) as index:
        build(index, coded, thirty_documents())
        known, other = index.tables.passage_ids(["file:doc1"], SCOPES)
        codes = index.token_codes([known])
        with index.unasked():
            assert index.token_codes([known, other]) == codes
        assert index.token_codes([known, other]).keys() == {known, other}


def test_codes_of_what_is_taken_out_leave_memory(home: Home) -> None:
    coded = CodedEmbedder(64)
    with opened(home, coded) as index:
        build(index, coded, thirty_documents())
        keys = index.tables.passage_ids(["file:doc1", "file:doc2"], SCOPES)
        index.matching("common", 1, SCOPES)
        assert index.token_codes(keys).keys() == set(keys)
        index.tables.apply([], ["file:doc1"])
        index.matching("common", 1, SCOPES)
        kept = index.tables.passage_ids(["file:doc2"], SCOPES)
        assert set(index._rows._codes) == set(kept)


def test_what_is_read_of_a_scope_has_its_codes(home: Home) -> None:
    coded = CodedEmbedder(64)
    with opened(home, coded) as index:
        build(index, coded, thirty_documents())
    with opened(home, coded) as index:
        index.matching("common", 1, [SHARED])
        list(index.read_lately_used())
        assert len(index._rows._codes) == index.size([SHARED])
