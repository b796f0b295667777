"""Weight files beside a graph: the same outputs, and no file above the limit."""

import shutil
from pathlib import Path

import numpy as np

from indexer.embedding.onnx_model import GRAPH, TOKENIZER, open_session
from models.derivation import move_weights

LIMIT = 13_000_000
IDS = {"input_ids": np.array([[101, 2129, 2079, 102]], np.int64)}


def _copied(derived: Path, folder: Path) -> Path:
    for name in (GRAPH, TOKENIZER):
        shutil.copy(derived / name, folder)
    return folder


def test_moved_weights_give_the_same_outputs(derived: Path, tmp_path: Path) -> None:
    folder = _copied(derived, tmp_path)
    move_weights(folder / GRAPH, LIMIT)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes.keys() == {GRAPH, TOKENIZER, "weights-1.bin", "weights-2.bin"}
    assert max(sizes.values()) <= LIMIT
    [expected, found] = [open_session(one).run(None, IDS) for one in (derived, folder)]
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_small_graph_stays_as_it_is(derived: Path, tmp_path: Path) -> None:
    folder = _copied(derived, tmp_path)
    move_weights(folder / GRAPH)
    assert (folder / GRAPH).read_bytes() == (derived / GRAPH).read_bytes()
    assert len(list(folder.iterdir())) == 2
