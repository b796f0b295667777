"""Calibrations: a model is judged by its own parameters only."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.models.calibrations import (
    CALIBRATION,
    chosen_calibration,
    fitted_for,
    save_calibration,
)
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models
from indexer.embedding.model_records import ModelRecord
from indexer.retrieval.evidence import (
    FEATURES,
    Calibration,
    CalibrationError,
    default_calibration,
    shipped_calibrations,
    without_tokens,
)

OURS = ModelRecord("/srv/ours", vectors="0123456789abcdef onnx-int8-2")
THEIRS = ModelRecord("owner/theirs", vectors="fedcba9876543210 onnx-int8-2")


def fitted(model: ModelRecord, strong: float = 0.7) -> Calibration:
    """A calibration as `python -m benchmarks.fitting` might fit it."""
    ones = np.ones(len(FEATURES))
    return Calibration(ones, ones, -3.0, strong, "On judged sets.", 0.2, model=fitted_for(model))


def strong(folder: Path, model: ModelRecord) -> float:
    return chosen_calibration(folder, model).calibration.strong


def test_a_models_calibration_judges_its_answers(tmp_path: Path) -> None:
    assert save_calibration(tmp_path, fitted(OURS, 0.8)) == tmp_path / CALIBRATION
    chosen = chosen_calibration(tmp_path, OURS)
    assert chosen.calibration.strong == 0.8
    assert chosen.description() == f"judged by {tmp_path / CALIBRATION}, fitted for this model"
    assert chosen.ignored == ""


def test_a_model_is_the_same_under_any_name(tmp_path: Path) -> None:
    save_calibration(tmp_path, fitted(OURS, 0.8))
    assert strong(tmp_path, replace(OURS, vectors="0123456789abcdef torch")) == 0.8
    assert strong(tmp_path, replace(OURS, name="/mnt/ours")) == 0.8
    # Changed files make another model.
    assert strong(tmp_path, replace(OURS, vectors="0123456789abcdee torch")) != 0.8


def test_another_models_calibration_is_not_applied(tmp_path: Path) -> None:
    save_calibration(tmp_path, fitted(OURS))
    chosen = chosen_calibration(tmp_path, THEIRS)
    assert chosen.calibration.digest == without_tokens().digest
    for said in ("/srv/ours", "owner/theirs", "`python -m benchmarks.fitting`"):
        assert said in chosen.ignored
    assert chosen.description() == (
        f"{chosen.ignored} Until then it is judged by the shipped calibration for other models"
    )


def test_without_anything_fitted_here_nothing_is_ignored(tmp_path: Path) -> None:
    chosen = chosen_calibration(tmp_path, OURS)
    assert chosen.calibration.digest == without_tokens().digest
    assert "`python -m benchmarks.fitting` fits it for the serving model" in chosen.description()
    assert chosen.ignored == ""


@given(
    some.lists(
        some.tuples(some.sampled_from(["a/b", "../c", "d e", "f", "g\nh"]), some.integers(30, 99)),
        max_size=6,
    )
)
def test_the_last_calibration_of_each_model_counts(kept: list[tuple[str, int]]) -> None:
    """Fits for other models in between don't matter, nor their names."""
    with tempfile.TemporaryDirectory() as folder:
        for name, hundredths in kept:
            model = ModelRecord(name, vectors=f"{name} salted")
            save_calibration(Path(folder), fitted(model, hundredths / 100))
        last = dict(kept)
        for name in ("a/b", "../c", "d e", "f", "g\nh"):
            expected = last[name] / 100 if name in last else without_tokens().strong
            assert strong(Path(folder), ModelRecord(name, vectors=f"{name} salted")) == expected


# Shipped calibrations.


def test_the_default_has_its_calibration_under_each_name(tmp_path: Path) -> None:
    for model in (
        ModelRecord(DEFAULT_MODEL),
        ModelRecord("all-MiniLM-L6-v2"),
        ModelRecord("/a/copy", vectors=f"{installed_models()[DEFAULT_MODEL].digest[:16]} torch"),
    ):
        chosen = chosen_calibration(tmp_path, model)
        assert chosen.calibration.digest == default_calibration().digest
        assert chosen.origin == "the shipped calibration of this model"


def test_shipped_parameters_judge_their_model(tmp_path: Path) -> None:
    for shipped in shipped_calibrations():
        assert shipped.model is not None
        named = ModelRecord(shipped.model.name, vectors="0000000000000000 torch")
        copied = ModelRecord("/a/copy", vectors=f"{shipped.model.digest} torch")
        for model in (named, copied):
            assert chosen_calibration(tmp_path, model).calibration.digest == shipped.digest
            save_calibration(tmp_path, fitted(model, 0.95))
            assert strong(tmp_path, model) == 0.95
            (tmp_path / CALIBRATION).unlink()
    assert len({shipped.model for shipped in shipped_calibrations()}) == len(shipped_calibrations())


# Files without a model, and unusable ones.


def test_one_that_tells_no_model_judges_for_all(tmp_path: Path) -> None:
    written = replace(fitted(OURS, 0.8), model=None).to_toml()
    (tmp_path / CALIBRATION).write_text(written, encoding="utf-8")
    assert strong(tmp_path, THEIRS) == 0.8
    assert "does not name its model" in chosen_calibration(tmp_path, THEIRS).description()


@pytest.mark.parametrize("model", ["1", '"x"', "{name = 'x'}"])
def test_an_unusable_file_is_named(tmp_path: Path, model: str) -> None:
    own = fitted(OURS, 0.8)
    written = f"model = {model}\n{replace(own, model=None, provenance='').to_toml()}"
    (tmp_path / CALIBRATION).write_text(written)
    with pytest.raises(CalibrationError, match=r"calibration\.toml can't be used"):
        chosen_calibration(tmp_path, OURS)
    save_calibration(tmp_path, own)
    assert strong(tmp_path, OURS) == 0.8


def test_what_can_not_be_written_changes_nothing(tmp_path: Path) -> None:
    save_calibration(tmp_path, fitted(OURS, 0.8))
    (tmp_path / f"{CALIBRATION}.part").mkdir()
    with pytest.raises(OSError, match=r"calibration\.toml\.part"):
        save_calibration(tmp_path, fitted(THEIRS))
    assert strong(tmp_path, OURS) == 0.8
