"""The vector index against brute force: exact, with cells, and during training."""

import threading
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.index import vectors as index_vectors
from indexer.index.vectors import VectorIndex, quantize, quantized_cosines, selector

DIMENSION = 32


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are trained above 500 vectors; a search compares half of them."""
    monkeypatch.setattr(index_vectors, "EXACT_PASSAGES", 500)
    monkeypatch.setattr(index_vectors, "PROBED_SHARE", 0.5)
    monkeypatch.setattr(index_vectors, "PIECE", 300)


def _vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Around twenty centres, as passages are around topics."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(20, DIMENSION))
    vectors = centres[chance.integers(0, 20, count)] + chance.normal(size=(count, DIMENSION))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _filled(count: int, step: int = 250) -> tuple[VectorIndex, NDArray[np.float32]]:
    vectors = _vectors(count)
    nearest = VectorIndex(DIMENSION)
    for start in range(0, count, step):
        ids = range(100 + start, 100 + min(start + step, count))
        nearest.add(list(ids), vectors[start : start + step])
    return nearest, vectors


def _search(index: VectorIndex, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """What is found for one vector, as (passage id, cosine)."""
    ids, cosines = index.search(quantize(vector[np.newaxis]), k)
    return list(zip(ids[0].tolist(), cosines[0].tolist(), strict=True))


def _recall(nearest: VectorIndex, vectors: NDArray[np.float32]) -> float:
    """The share of the ten nearest, by brute force, that are among thirty found."""
    shares = []
    for query in _vectors(40, seed=1):
        best = set((100 + np.argsort(-(vectors @ query))[:10]).tolist())
        found = {key for key, _ in _search(nearest, query, 30)}
        shares.append(len(best & found) / 10)
    return float(np.mean(shares))


def test_a_small_structure_is_exact() -> None:
    nearest, vectors = _filled(500)
    assert nearest.exact
    query = _vectors(1, seed=1)[0]
    found = _search(nearest, query, 30)
    best = np.argsort(-(vectors @ query))[:20]
    # Cosines of codes may swap close neighbours.
    assert set((100 + best).tolist()) <= {key for key, _ in found}
    assert [cosine for _, cosine in found] == pytest.approx(
        [float(vectors[key - 100] @ query) for key, _ in found], abs=0.08 / DIMENSION**0.5
    )


def test_a_large_structure_has_cells_and_finds_nearly_all() -> None:
    nearest, vectors = _filled(1_500)
    nearest.settle()
    assert not nearest.exact
    assert len(nearest) == 1_500
    assert _recall(nearest, vectors) >= 0.98


def test_cells_are_learned_anew_at_twice_the_vectors() -> None:
    nearest, _ = _filled(750)
    nearest.settle()
    before = nearest._held.nlist
    vectors = _vectors(4_000)
    nearest.remove(range(100, 850))
    nearest.add(list(range(100, 4_100)), vectors)
    nearest.settle()
    assert nearest._held.nlist > 2 * before
    assert len(nearest) == 4_000
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


def test_changes_during_training_are_found_before_and_after(held_up: threading.Event) -> None:
    nearest, vectors = _filled(750)
    assert nearest._learning is not None
    late = -vectors[:1]
    nearest.add([9_000], late)
    nearest.remove([105])
    for _ in range(2):
        assert _search(nearest, late[0], 1)[0][0] == 9_000
        assert 105 not in [key for key, _ in _search(nearest, vectors[5], 1_000)]
        assert len(nearest) == 750
        held_up.set()
        nearest.settle()
    assert not nearest.exact


def test_failed_training_keeps_exact(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(held: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr(index_vectors, "inverted_file", fail)
    nearest, vectors = _filled(750)
    nearest.settle()
    assert nearest.exact
    assert _search(nearest, vectors[7], 1)[0][0] == 107
    assert "No cells could be learned" in caplog.text


@pytest.mark.parametrize("count", [500, 1_500])
def test_saved_vectors_are_read_back(tmp_path: Path, count: int) -> None:
    nearest, vectors = _filled(count)
    nearest.settle()
    nearest.save(tmp_path / "vectors")
    read = VectorIndex.load(tmp_path / "vectors", DIMENSION)
    assert (len(read), read.exact) == (count, count == 500)
    assert _search(read, vectors[3], 5) == _search(nearest, vectors[3], 5)


def test_a_snapshot_of_another_dimension_is_refused(tmp_path: Path) -> None:
    nearest, _ = _filled(10)
    nearest.save(tmp_path / "vectors")
    with pytest.raises(ValueError, match="32 dimensions, not 8"):
        VectorIndex.load(tmp_path / "vectors", 8)


def test_a_snapshot_without_codes_is_refused(tmp_path: Path) -> None:
    other = faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION))
    other.add_with_ids(_vectors(3), np.arange(3))
    faiss.write_index(other, str(tmp_path / "vectors"))
    with pytest.raises(ValueError, match="no codes of a byte"):
        VectorIndex.load(tmp_path / "vectors", DIMENSION)


@pytest.mark.parametrize("count", [500, 1_500])
def test_queries_that_come_together_find_what_each_finds_alone(count: int) -> None:
    nearest, _ = _filled(count)
    nearest.settle()
    queries = _vectors(33, seed=2)
    ids, cosines = nearest.search(quantize(queries), 10)
    for query, row, found in zip(queries, ids, cosines, strict=True):
        alone = _search(nearest, query, 10)
        assert row.tolist() == [key for key, _ in alone]
        assert found.tolist() == pytest.approx([cosine for _, cosine in alone], abs=1e-6)


@pytest.mark.parametrize("k", [0, 5])
def test_an_empty_structure_or_no_wanted_results_finds_nothing(k: int) -> None:
    assert _search(VectorIndex(DIMENSION), _vectors(1)[0], k) == []
    assert _filled(20)[0].search(quantize(_vectors(0)), k)[0].shape[0] == 0


def test_faiss_starts_no_threads_of_its_own() -> None:
    """Its setting belongs to the calling thread."""
    nearest, vectors = _filled(100)
    seen: list[int] = []

    def search() -> None:
        _search(nearest, vectors[0], 1)
        seen.append(faiss.omp_get_max_threads())

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.parametrize("count", [500, 1_500])
def test_a_selector_compares_all_selected_vectors_and_no_others(count: int) -> None:
    nearest, vectors = _filled(count)
    nearest.settle()
    among = list(range(100, 100 + count, 7))
    query = -vectors[0]
    ids, cosines = nearest.search(quantize(query[np.newaxis]), count, selector(among))
    found = dict(zip(ids[0].tolist(), cosines[0].tolist(), strict=True))
    found.pop(-1, None)
    assert found.keys() == set(among)
    assert [found[key] for key in among] == pytest.approx(
        [float(vectors[key - 100] @ query) for key in among], abs=0.08 / DIMENSION**0.5
    )


# Quantization.


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _cosines_of_codes(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    codes = quantize(vectors)
    return quantized_cosines(codes @ codes.T, vectors.shape[1])


@given(dimension=st.sampled_from([16, 33, 384, 1_000]), seed=st.integers(0, 9))
def test_cosines_of_codes_are_nearly_those_of_the_vectors(dimension: int, seed: int) -> None:
    vectors = _unit(np.random.default_rng(seed).normal(size=(30, dimension)))
    # A code is off by at most half a step, and these errors add up at random.
    allowed = 0.08 / np.sqrt(dimension)
    assert np.abs(_cosines_of_codes(vectors) - vectors @ vectors.T).max() < allowed


@pytest.mark.parametrize("dimension", [64, 384])
def test_vectors_with_one_large_dimension_lose_no_more(dimension: int) -> None:
    """Some models have one such dimension, the same for all texts."""
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(30, dimension))
    vectors[:, 7] = 20 * np.sqrt(dimension)
    unit = _unit(np.concatenate([vectors, np.eye(dimension)[:20]]))
    assert np.abs(_cosines_of_codes(unit) - unit @ unit.T).max() < 0.08 / np.sqrt(dimension)


def test_codes_are_whole_numbers_that_fit_a_byte() -> None:
    codes = quantize(_unit(np.random.default_rng(0).normal(size=(50, 384))))
    assert (codes == codes.astype(np.int8)).all()
    assert np.abs(codes).max() <= 127


def test_codes_are_the_same_in_every_release() -> None:
    """Snapshots hold them. Another rotation would not fit them."""
    vector = np.zeros((1, 8), np.float32)
    vector[0, 0], vector[0, 3] = 0.6, 0.8
    assert quantize(vector)[0].tolist() == [-5.0, 16.0, 46.0, 34.0, -5.0, -12.0, 19.0, 32.0]
