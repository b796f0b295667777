"""Scopes in memory: read on demand, dropped for room, with the same results either way."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index import resident_scopes
from indexer.index.database import Place
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import SHARED, Scope
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import (
    ONE,
    SCOPES,
    TWO,
    Found,
    Home,
    all_found,
    build,
    everything,
    new_document,
    opened,
    saved,
    thirty_documents,
)


@pytest.fixture
def filled(tmp_path: Path, embedder: WordEmbedder) -> Path:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
    return tmp_path


def _resident(index: Index) -> list[Scope]:
    return [scope for scope in SCOPES if index.is_resident(scope)]


def _ask(index: Index, embedder: WordEmbedder, *scopes: Scope) -> Found:
    return all_found(index, embedder, "common", scopes)


def test_only_searched_scopes_are_read(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        assert index.size(SCOPES) == 60
        assert _resident(index) == []
        _ask(index, embedder, ONE)
        assert _resident(index) == [ONE]


def test_the_least_recently_used_scope_is_dropped(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, *SCOPES)
        two_thirds = index._resident.bytes * 5 // 6
    with opened(filled, embedder, resident_bytes=two_thirds) as index:
        for scope in (SHARED, ONE, SHARED, TWO):
            assert len(_ask(index, embedder, scope)) == 2 * 20
        assert _resident(index) == [SHARED, TWO]
        assert index._resident.bytes <= two_thirds


def test_searched_scopes_stay_whatever_the_bound(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as unbounded:
        expected = _ask(unbounded, embedder, *SCOPES)
    with opened(filled, embedder, resident_bytes=1) as index:
        with index.steady():
            assert _ask(index, embedder, *SCOPES) == expected
            assert _resident(index) == [*SCOPES]
        assert len(_resident(index)) == 1


def test_scopes_are_read_ahead_within_the_bound(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        list(index.read_ahead())
        assert _resident(index) == [*SCOPES]
        one = index._resident.bytes // 3
    with opened(filled, embedder, resident_bytes=one + one // 2) as index:
        list(index.read_ahead())
        assert len(_resident(index)) == 2
        assert index._resident.bytes <= 2 * one + 10


def test_change_raises_only_its_scopes_generation(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        before = index.generation_of(SCOPES)
        index_document(index, embedder, new_document("doc1", "moved", TWO))
        shared, one, two = index.generation_of(SCOPES)
        assert (shared, one, two) == (before[0], before[1] + 1, before[2] + 1)


def test_rows_of_a_dropped_scope_are_removed(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder, resident_bytes=1) as index:
        [key, *_] = [key for key, _ in index.matching("alpha1", 5, [ONE])]
        assert index.passages([key])
        _ask(index, embedder, TWO)
        assert not index.is_resident(ONE)
        index.tables.apply([], ["file:doc1"])
        assert index.passages([key]) == {}
        assert key not in index._rows._passages
        assert key not in index._rows._vectors


def test_a_changed_scope_is_saved_before_it_is_dropped(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident_scopes, "SNAPSHOT_LEAST", 5)
    with opened(tmp_path, embedder, resident_bytes=1) as index:
        build(index, embedder, thirty_documents())
        expected = _ask(index, embedder, ONE)
        assert _ask(index, embedder, TWO)
        assert saved(index).keys() == {ONE}
        # The snapshot is read: these words are not in it.
        index.tables.db.run("update passages set words = 'other' where scope = 1")
        assert _ask(index, embedder, ONE) == expected


def test_small_scopes_have_no_snapshot(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        expected = everything(index, embedder)
        index.save_snapshots()
        assert saved(index) == {}
    with opened(filled, embedder) as index:
        assert everything(index, embedder) == expected


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "remove", "ask", "save", "open", "elsewhere"]),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=12,
)


def _histories(steps: Sequence[Step], tmp_path: Place, bound: int | None) -> Iterator[list[Found]]:
    """The results after each step of a history."""
    embedder = WordEmbedder(64)
    index = opened(tmp_path, embedder, resident_bytes=bound)
    try:
        for name, number, place in steps:
            document = new_document(f"doc{number}", f"alpha{number} common {place}", SCOPES[place])
            if name == "put":
                index_document(index, embedder, document)
            elif name == "remove":
                index.tables.apply([], [document.id])
            elif name == "ask":
                _ask(index, embedder, SCOPES[place])
            elif name == "save":
                index.save_snapshots(least=1)
            elif name == "elsewhere":
                with opened(tmp_path, embedder) as other:
                    index_document(other, embedder, document)
            else:
                index.close()
                index = opened(tmp_path, embedder, resident_bytes=bound)
            yield everything(index, embedder)
    finally:
        index.close()


@given(STEPS)
@settings(max_examples=12)
def test_results_do_not_depend_on_the_scopes_in_memory(steps: list[Step]) -> None:
    with TemporaryDirectory() as bounded, TemporaryDirectory() as unbounded:
        found = list(_histories(steps, Path(bounded), 1))
        assert found == list(_histories(steps, Path(unbounded), None))


def test_a_new_bound_holds_at_once(filled: Path, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, *SCOPES)
        index.limit_memory(1)
        assert len(_resident(index)) == 1
        index.limit_memory(None)
        _ask(index, embedder, *SCOPES)
        assert _resident(index) == [*SCOPES]


def test_rows_of_recently_searched_scopes_are_read_as_far_as_they_fit(
    filled: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, ONE, TWO)
        index._rows.forget_passages()
        assert list(index._resident.recently_searched())
        list(index.prefetch_recent_rows())
        assert [index._resident.has_rows(scope) for scope in SCOPES] == [False, True, True]
        # 20 passages of 60 fit.
        monkeypatch.setattr(index._rows, "fitting", lambda: 20)
        [of_the_last] = index._resident.recently_searched()
        assert of_the_last == index._resident.of([TWO])[0].passage_ids()


def test_failed_replay_read_again(
    filled: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled, embedder) as index, opened(filled, embedder) as other:
        _ask(index, embedder, ONE)
        index_document(other, embedder, new_document("late", "common and late", ONE))

        def fails(*_: object) -> None:
            raise OSError("gone")

        with monkeypatch.context() as broken:
            broken.setattr(index.tables, "added_since", fails)
            with pytest.raises(OSError, match="gone"):
                _ask(index, embedder, ONE)
        assert _resident(index) == []
        assert index._resident.bytes == 0
        assert _ask(index, embedder, ONE) == _ask(other, embedder, ONE)


# The caches of passages, vectors and codes: bounded, right, and filled ahead.


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


def test_rows_read_ahead_equal_the_database_within_the_bound(
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
