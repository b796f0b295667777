import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.embedding.embedder import DEFAULT_MODEL, ModelError
from indexer.embedding.model_records import ModelRecord, open_record, recorded_folder
from indexer.embedding.onnx_model import source_digest
from tests.indexer.embedding.families import family_embedder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    """The record of a small model in a folder."""
    folder = str(family_embedder("BERT", tmp_path_factory.mktemp("made")))
    return open_record(ModelRecord(folder, folder)).record


@pytest.mark.slow
def test_an_opened_model_is_recorded(made: ModelRecord) -> None:
    assert made.digest == source_digest(Path(made.folder))
    assert made.vectors.startswith(made.digest[:16])
    again = open_record(made)
    assert again.record == made
    assert again.embedder.model == made.vectors


def test_an_installed_model_is_recorded_without_its_folder() -> None:
    found = open_record(ModelRecord(DEFAULT_MODEL)).record
    assert (found.folder, found.languages) == ("", ("en",))
    assert found.vectors == open_record(found).embedder.model


@pytest.mark.slow
def test_other_files_in_the_folder_are_refused(made: ModelRecord, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(made.folder, changed)
    (changed / "config.json").write_text((changed / "config.json").read_text() + " ")
    moved = replace(made, folder=str(changed))
    with pytest.raises(ModelError, match=r"are not the chosen ones.*model use"):
        open_record(moved)


def test_a_folder_that_is_gone_is_explained(tmp_path: Path) -> None:
    folder = str(tmp_path / "gone")
    gone = ModelRecord(folder, folder, digest="0" * 64, vectors="0" * 16)
    with pytest.raises(ModelError, match="gone"):
        open_record(gone)


def test_vectors_of_an_unknown_model_are_explained() -> None:
    with pytest.raises(ModelError, match="'abc onnx-int8-2' is no longer on this machine"):
        open_record(ModelRecord("", vectors="abc onnx-int8-2"))


def test_another_model_of_the_same_name_is_refused() -> None:
    other = ModelRecord(DEFAULT_MODEL, vectors="0123456789abcdef onnx-int8-2")
    with pytest.raises(ModelError, match="makes other vectors"):
        open_record(other)


def test_revision_never_downloaded_has_no_folder() -> None:
    assert recorded_folder(ModelRecord("owner/model", "/no/such", "a" * 40)) is None
