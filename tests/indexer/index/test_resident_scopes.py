"""Scopes come into memory when they are asked for, go when room is needed, and never differ."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index import resident_scopes
from indexer.index.database import Place
from indexer.index.index import Index
from indexer.ingest.pipeline import put
from knowledge.values.documents import SHARED, Scope
from tests.fakes import WordEmbedder
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
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


@pytest.fixture
def filled(home: Home, embedder: WordEmbedder) -> Home:
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
    return home


def _resident(index: Index) -> list[Scope]:
    return [scope for scope in SCOPES if index.is_resident(scope)]


def _ask(index: Index, embedder: WordEmbedder, *scopes: Scope) -> Found:
    return all_found(index, embedder, "common", scopes)


def test_a_scope_is_read_when_it_is_asked_for_and_no_other(
    filled: Home, embedder: WordEmbedder
) -> None:
    with opened(filled, embedder) as index:
        assert index.size(SCOPES) == 60
        assert _resident(index) == []
        _ask(index, embedder, ONE)
        assert _resident(index) == [ONE]


def test_what_was_not_used_for_longest_makes_room(filled: Home, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, *SCOPES)
        two_thirds = index._resident.bytes * 5 // 6
    with opened(filled, embedder, resident_bytes=two_thirds) as index:
        for scope in (SHARED, ONE, SHARED, TWO):
            assert len(_ask(index, embedder, scope)) == 2 * 20
        assert _resident(index) == [SHARED, TWO]
        assert index._resident.bytes <= two_thirds


def test_what_is_searched_stays_whatever_the_bound_is(filled: Home, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as unbounded:
        expected = _ask(unbounded, embedder, *SCOPES)
    with opened(filled, embedder, resident_bytes=1) as index:
        with index.steady():
            assert _ask(index, embedder, *SCOPES) == expected
            assert _resident(index) == [*SCOPES]
        assert len(_resident(index)) == 1


def test_all_that_fits_is_read_ahead_and_nothing_that_does_not(
    filled: Home, embedder: WordEmbedder
) -> None:
    with opened(filled, embedder) as index:
        list(index.read_ahead())
        assert _resident(index) == [*SCOPES]
        one = index._resident.bytes // 3
    with opened(filled, embedder, resident_bytes=one + one // 2) as index:
        list(index.read_ahead())
        assert len(_resident(index)) == 2
        assert index._resident.bytes <= 2 * one + 10


def test_a_change_raises_the_generation_of_its_scope_alone(
    filled: Home, embedder: WordEmbedder
) -> None:
    with opened(filled, embedder) as index:
        before = index.generation_of(SCOPES)
        put(index, embedder, new_document("doc1", "moved", TWO))
        shared, one, two = index.generation_of(SCOPES)
        assert (shared, one, two) == (before[0], before[1] + 1, before[2] + 1)


def test_what_is_taken_out_of_a_scope_that_is_not_in_memory_is_forgotten(
    filled: Home, embedder: WordEmbedder
) -> None:
    with opened(filled, embedder, resident_bytes=1) as index:
        [key, *_] = [key for key, _ in index.matching("alpha1", 5, [ONE])]
        assert index.passages([key])
        _ask(index, embedder, TWO)
        assert not index.is_resident(ONE)
        index.tables.apply([], ["file:doc1"])
        assert index.passages([key]) == {}
        assert key not in index._rows._passages
        assert key not in index._rows._vectors


def test_what_changed_is_in_a_snapshot_before_a_scope_goes(
    home: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident_scopes, "SNAPSHOT_LEAST", 5)
    with opened(home, embedder, resident_bytes=1) as index:
        build(index, embedder, thirty_documents())
        expected = _ask(index, embedder, ONE)
        assert _ask(index, embedder, TWO)
        assert saved(index).keys() == {ONE}
        # As of the snapshot: a word that nobody wrote is not looked for in the database.
        index.tables.db.run("update passages set words = 'other' where scope = 1")
        assert _ask(index, embedder, ONE) == expected


def test_small_scopes_have_no_snapshot_and_are_read_all_the_same(
    filled: Home, embedder: WordEmbedder
) -> None:
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
    max_size=25,
)


def _histories(steps: Sequence[Step], home: Place, bound: int | None) -> Iterator[list[Found]]:
    """What is found after each step of a history."""
    embedder = WordEmbedder(64)
    index = opened(home, embedder, resident_bytes=bound)
    try:
        for name, number, place in steps:
            document = new_document(f"doc{number}", f"alpha{number} common {place}", SCOPES[place])
            if name == "put":
                put(index, embedder, document)
            elif name == "remove":
                index.tables.apply([], [document.id])
            elif name == "ask":
                _ask(index, embedder, SCOPES[place])
            elif name == "save":
                index.save_snapshots(least=1)
            elif name == "elsewhere":
                with opened(home, embedder) as other:
                    put(other, embedder, document)
            else:
                index.close()
                index = opened(home, embedder, resident_bytes=bound)
            yield everything(index, embedder)
    finally:
        index.close()


@given(STEPS)
@settings(max_examples=30)
def test_with_one_scope_in_memory_at_a_time_the_same_is_found(steps: list[Step]) -> None:
    with TemporaryDirectory() as bounded, TemporaryDirectory() as unbounded:
        found = list(_histories(steps, Path(bounded), 1))
        assert found == list(_histories(steps, Path(unbounded), None))


def test_a_bound_that_is_set_later_holds_at_once(filled: Home, embedder: WordEmbedder) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, *SCOPES)
        index.hold_within(1)
        assert len(_resident(index)) == 1
        index.hold_within(None)
        _ask(index, embedder, *SCOPES)
        assert _resident(index) == [*SCOPES]


def test_the_rows_of_the_scopes_that_were_asked_in_last_are_read_as_far_as_they_fit(
    filled: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled, embedder) as index:
        _ask(index, embedder, ONE, TWO)
        index._rows.forget_passages()
        assert list(index._resident.lately_used())
        list(index.read_lately_used())
        assert [index._resident.has_rows(scope) for scope in SCOPES] == [False, True, True]
        # 20 passages of 60 fit.
        monkeypatch.setattr(index._rows, "fitting", lambda: 20)
        [of_the_last] = index._resident.lately_used()
        assert of_the_last == index._resident.of([TWO])[0].passage_ids()


def test_a_scope_that_could_not_be_brought_in_step_is_read_anew(
    filled: Home, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(filled, embedder) as index, opened(filled, embedder) as other:
        _ask(index, embedder, ONE)
        put(other, embedder, new_document("late", "common and late", ONE))

        def fails(*_: object) -> None:
            raise OSError("gone")

        with monkeypatch.context() as broken:
            broken.setattr(index.tables.changes, "added_since", fails)
            with pytest.raises(OSError, match="gone"):
                _ask(index, embedder, ONE)
        assert _resident(index) == []
        assert index._resident.bytes == 0
        assert _ask(index, embedder, ONE) == _ask(other, embedder, ONE)
