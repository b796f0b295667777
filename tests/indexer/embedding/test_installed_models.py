"""Installed models: complete packages, checked when they are opened, and derived again the same."""

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from indexer.embedding.embedder import DEFAULT_MODEL, ModelError, open_embedder, open_installed
from indexer.embedding.installed_models import (
    PACKAGES,
    InstalledModel,
    installed_models,
    models_in_order,
)
from indexer.embedding.onnx_model import GRAPH, MANIFEST, TOKENIZER, RuntimeModel, source_digest
from indexer.embedding.text_tokens import PIECES
from indexer.evaluation.judged_sets import COMMITTED
from indexer.retrieval.evidence import shipped_calibrations
from models.derivation import FILE_BYTES, derive
from models.ship import MODELS, source
from tests.indexer.embedding.families import TEXTS

# Other processors add floats in another order, so now and then an activation is rounded otherwise.
LEAST_COSINE = 0.999


@pytest.fixture(params=models_in_order(), ids=lambda model: model.name)
def installed(request: pytest.FixtureRequest) -> InstalledModel:
    found: InstalledModel = request.param
    return found


def test_development_has_every_package_of_the_project() -> None:
    assert {model.name for model in models_in_order()} == {*PACKAGES}
    assert {path.parent.name for path in MODELS.glob("*/pyproject.toml")} == {*PACKAGES}
    assert PACKAGES[0] == DEFAULT_MODEL
    extras = tomllib.loads((MODELS.parent / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for name in PACKAGES:
        [package] = extras[name]
        assert package.startswith(f"commonplace-model-{name}>=")


def test_a_package_is_complete(installed: InstalledModel) -> None:
    """Code hosts take no larger files."""
    assert RuntimeModel.open(installed.folder).digest == installed.digest
    assert all(path.stat().st_size <= FILE_BYTES for path in installed.folder.iterdir())
    assert installed.ndcg.keys() <= COMMITTED.keys()
    project = tomllib.loads((MODELS / installed.name / "pyproject.toml").read_text())["project"]
    assert project["license"] == installed.licence
    assert (MODELS / installed.name / "LICENSE").is_file()


def test_a_calibration_is_fitted_for_its_model() -> None:
    for model, calibration in zip(models_in_order(), shipped_calibrations(), strict=True):
        assert calibration.model is not None
        assert calibration.model.name in (model.name, *model.names)


def test_every_name_of_an_installed_model_opens_it(installed: InstalledModel) -> None:
    for name in (installed.name, *installed.names):
        assert installed_models()[name] is installed
    assert open_embedder(installed.name).model.startswith(f"{installed.digest[:16]} onnx")


@pytest.mark.parametrize("spoilt", ["weights", "source"])
def test_changed_package_is_refused(spoilt: str, installed: InstalledModel, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(installed.folder, tmp_path / "copy"))
    if spoilt == "weights":
        with (copy / GRAPH).open("ab") as file:
            file.write(b"\0")
    else:
        manifest = json.loads((copy / MANIFEST).read_text())
        (copy / MANIFEST).write_text(json.dumps(manifest | {"digest": "0" * 64}))
    with pytest.raises(ModelError, match=r"can't be opened: .* Install its package, commonplace-"):
        open_installed(replace(installed, folder=copy))


@pytest.mark.slow
def test_the_source_has_the_listed_digest(installed: InstalledModel, tmp_path: Path) -> None:
    assert source_digest(source(installed, tmp_path)) == installed.digest


@pytest.mark.slow
def test_model_derived_anew_is_the_same(installed: InstalledModel, tmp_path: Path) -> None:
    """The bytes of the graph may differ: they name the releases of the libraries that wrote it."""
    derive(source(installed, tmp_path), tmp_path / "anew")
    expected, found = _weights(installed.folder), _weights(tmp_path / "anew")
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, found[name], err_msg=name)
    for name in {TOKENIZER, PIECES} & {path.name for path in installed.folder.iterdir()}:
        assert (installed.folder / name).read_bytes() == (tmp_path / "anew" / name).read_bytes()
    old, new = RuntimeModel.open(installed.folder), RuntimeModel.open(tmp_path / "anew")
    cosines = np.sum(old.embed_passages(TEXTS) * new.embed_passages(TEXTS), axis=1)
    assert cosines.min() >= LEAST_COSINE


def _weights(folder: Path) -> dict[str, object]:
    graph = onnx.load(folder / GRAPH).graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
