"""Models that come with the program: complete, of the listed source, and derived again the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from indexer.embedding import shipped_models as listing
from indexer.embedding.embedder import DEFAULT_MODEL, ModelError, open_embedder
from indexer.embedding.onnx_model import GRAPH, MANIFEST, TOKENIZER, RuntimeModel, source_digest
from indexer.embedding.shipped_models import ShippedModel, derived_folder, shipped_models
from indexer.embedding.weight_files import FILE_BYTES
from indexer.ingest.shipping import derive_shipped
from tests.indexer.embedding.families import MINILM, TEXTS

ROOT = Path(__file__).parents[3]
LISTED = list(dict.fromkeys(shipped_models().values()))
# Other processors add floats in another order, so now and then an activation is rounded otherwise.
LEAST_COSINE = 0.999


@pytest.fixture(params=LISTED, ids=lambda one: one.name)
def shipped(request: pytest.FixtureRequest) -> ShippedModel:
    found: ShippedModel = request.param
    return found


def test_the_default_and_no_unlisted_model_are_shipped() -> None:
    """Code hosts take no larger files."""
    assert DEFAULT_MODEL in shipped_models()
    assert {one.folder for one in LISTED} == set(listing.FOLDER.iterdir())
    assert all(path.stat().st_size <= FILE_BYTES for path in listing.FOLDER.glob("*/*"))


def test_a_shipped_folder_is_complete(shipped: ShippedModel) -> None:
    assert RuntimeModel.open(shipped.folder).digest == shipped.digest
    assert (ROOT / "LICENSES" / f"{shipped.licence}.txt").is_file()
    assert shipped.licence in (shipped.folder / "README.md").read_text()


@pytest.mark.slow
def test_the_package_holds_the_listed_source(shipped: ShippedModel) -> None:
    assert source_digest(shipped.source()) == shipped.digest


def test_every_name_of_a_shipped_model_opens_without_deriving(
    shipped: ShippedModel, tmp_path: Path
) -> None:
    for name in shipped.names:
        assert shipped_models()[name] is shipped
    opened = open_embedder(shipped.name, tmp_path)
    assert opened.model.startswith(f"{shipped.digest[:16]} onnx")
    assert not derived_folder(shipped.digest, tmp_path).is_relative_to(tmp_path)
    assert list(tmp_path.glob("*-*")) == []


@pytest.mark.parametrize("spoilt", ["weights", "source"])
def test_other_files_in_the_place_of_a_shipped_model_are_refused(
    spoilt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shipped_models()[DEFAULT_MODEL].folder
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    monkeypatch.setattr(listing, "FOLDER", tmp_path)
    if spoilt == "weights":
        with (copy / GRAPH).open("ab") as file:
            file.write(b"\0")
    else:
        manifest = json.loads((copy / MANIFEST).read_text())
        (copy / MANIFEST).write_text(json.dumps(manifest | {"digest": "0" * 64}))
    with pytest.raises(ModelError, match="comes with Commonplace, can't be opened"):
        open_embedder(DEFAULT_MODEL, tmp_path)


def test_a_copy_of_the_source_opens_as_the_shipped_model(tmp_path: Path) -> None:
    opened = open_embedder(str(MINILM), tmp_path)
    assert opened.model == open_embedder(DEFAULT_MODEL, tmp_path).model
    assert list(tmp_path.glob("*-*")) == []


@pytest.mark.slow
def test_a_shipped_model_derived_anew_has_the_same_weights_and_outputs(
    shipped: ShippedModel, tmp_path: Path
) -> None:
    """The bytes of the graph may differ: they name the releases of the libraries that wrote it."""
    derive_shipped(shipped, tmp_path / "anew")
    expected, found = _weights(shipped.folder), _weights(tmp_path / "anew")
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, found[name], err_msg=name)
    same = [(folder / TOKENIZER).read_bytes() for folder in (shipped.folder, tmp_path / "anew")]
    assert same[0] == same[1]
    old, new = RuntimeModel.open(shipped.folder), RuntimeModel.open(tmp_path / "anew")
    cosines = np.sum(old.embed_passages(TEXTS) * new.embed_passages(TEXTS), axis=1)
    assert cosines.min() >= LEAST_COSINE


def _weights(folder: Path) -> dict[str, object]:
    graph = onnx.load(folder / GRAPH).graph
    return {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
