"""The structures of vectors against brute force: exact, in cells, and on the way there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.index import vectors as index_vectors
from indexer.index.vectors import Nearest

DIMENSION = 32


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are learned for a thousand vectors and their neighbours are looked for in half."""
    monkeypatch.setattr(index_vectors, "EXACT_PASSAGES", 1_000)
    monkeypatch.setattr(index_vectors, "PROBED_SHARE", 0.5)
    monkeypatch.setattr(index_vectors, "PIECE", 300)


def _vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Around twenty centres, as passages are around topics."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(20, DIMENSION))
    vectors = centres[chance.integers(0, 20, count)] + chance.normal(size=(count, DIMENSION))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _filled(count: int, step: int = 250) -> tuple[Nearest, NDArray[np.float32]]:
    vectors = _vectors(count)
    nearest = Nearest(DIMENSION)
    for start in range(0, count, step):
        ids = range(100 + start, 100 + min(start + step, count))
        nearest.add(list(ids), vectors[start : start + step])
    return nearest, vectors


def _recall(nearest: Nearest, vectors: NDArray[np.float32]) -> float:
    """The share of the ten nearest, by brute force, that are among thirty found."""
    shares = []
    for query in _vectors(40, seed=1):
        best = set((100 + np.argsort(-(vectors @ query))[:10]).tolist())
        found = {key for key, _ in nearest.search(query, 30)}
        shares.append(len(best & found) / 10)
    return float(np.mean(shares))


def test_a_small_structure_is_exact() -> None:
    nearest, vectors = _filled(1_000)
    assert nearest.exact
    query = _vectors(1, seed=1)[0]
    found = nearest.search(query, 30)
    best = np.argsort(-(vectors @ query))[:20]
    # Codes find the nearest; among those that are told apart by less, the order is not theirs.
    assert set((100 + best).tolist()) <= {key for key, _ in found}
    assert [cosine for _, cosine in found] == pytest.approx(
        [float(vectors[key - 100] @ query) for key, _ in found], abs=0.08 / DIMENSION**0.5
    )


def test_a_large_structure_is_parted_and_finds_nearly_all() -> None:
    nearest, vectors = _filled(3_000)
    nearest.settle()
    assert not nearest.exact
    assert len(nearest) == 3_000
    assert _recall(nearest, vectors) >= 0.98


def test_cells_are_learned_anew_when_there_are_twice_as_many_vectors() -> None:
    nearest, _ = _filled(1_250)
    nearest.settle()
    before = nearest._held.nlist
    vectors = _vectors(10_000)
    nearest.remove(range(100, 1_350))
    nearest.add(list(range(100, 10_100)), vectors)
    nearest.settle()
    assert nearest._held.nlist > 2 * before
    assert len(nearest) == 10_000
    assert _recall(nearest, vectors) >= 0.98


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Learning waits until this is set."""
    go = threading.Event()
    learn = index_vectors.inverted_file

    def slowly(held: object) -> object:
        go.wait(10)
        return learn(held)

    monkeypatch.setattr(index_vectors, "inverted_file", slowly)
    yield go
    go.set()


def test_what_changes_while_cells_are_learned_is_found_before_and_after(
    held_up: threading.Event,
) -> None:
    nearest, vectors = _filled(1_250)
    assert nearest._learning is not None
    late = -vectors[:1]
    nearest.add([9_000], late)
    nearest.remove([105])
    for _ in range(2):
        assert nearest.search(late[0], 1)[0][0] == 9_000
        assert 105 not in [key for key, _ in nearest.search(vectors[5], 1_000)]
        assert len(nearest) == 1_250
        held_up.set()
        nearest.settle()
    assert not nearest.exact


def test_where_no_cells_can_be_learned_search_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(held: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr(index_vectors, "inverted_file", fail)
    nearest, vectors = _filled(1_250)
    nearest.settle()
    assert nearest.exact
    assert nearest.search(vectors[7], 1)[0][0] == 107
    assert "No cells could be learned" in caplog.text


@pytest.mark.parametrize("count", [500, 3_000])
def test_what_was_saved_is_found_again(tmp_path: Path, count: int) -> None:
    nearest, vectors = _filled(count)
    nearest.settle()
    nearest.save(tmp_path / "vectors")
    read = Nearest.load(tmp_path / "vectors", DIMENSION)
    assert (len(read), read.exact) == (count, count == 500)
    assert read.search(vectors[3], 5) == nearest.search(vectors[3], 5)


def test_a_snapshot_of_another_dimension_is_refused(tmp_path: Path) -> None:
    nearest, _ = _filled(10)
    nearest.save(tmp_path / "vectors")
    with pytest.raises(ValueError, match="32 dimensions, not 8"):
        Nearest.load(tmp_path / "vectors", 8)


def test_a_snapshot_of_an_earlier_release_is_refused(tmp_path: Path) -> None:
    earlier = faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION))
    earlier.add_with_ids(_vectors(3), np.arange(3))
    faiss.write_index(earlier, str(tmp_path / "vectors"))
    with pytest.raises(ValueError, match="no codes of a byte"):
        Nearest.load(tmp_path / "vectors", DIMENSION)


@pytest.mark.parametrize("count", [500, 3_000])
def test_queries_that_come_together_find_what_each_finds_alone(count: int) -> None:
    nearest, _ = _filled(count)
    nearest.settle()
    queries = _vectors(33, seed=2)
    ids, cosines = nearest.search_many(queries, 10)
    for query, row, found in zip(queries, ids, cosines, strict=True):
        alone = nearest.search(query, 10)
        assert row.tolist() == [key for key, _ in alone]
        assert found.tolist() == pytest.approx([cosine for _, cosine in alone], abs=1e-6)


@pytest.mark.parametrize("k", [0, 5])
def test_nothing_held_or_nothing_wanted_finds_nothing(k: int) -> None:
    assert Nearest(DIMENSION).search(_vectors(1)[0], k) == []
    assert _filled(20)[0].search_many(_vectors(0), k)[0].shape[0] == 0


def test_faiss_starts_no_threads_in_whichever_thread_it_is_called() -> None:
    """Its setting belongs to the calling thread; one that was set elsewhere says nothing here."""
    nearest, vectors = _filled(100)
    seen: list[int] = []

    def search() -> None:
        nearest.search(vectors[0], 1)
        seen.append(faiss.omp_get_max_threads())

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert seen == [1]
