"""The pointer to the serving model: atomic, and followed at opening."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.serving_model import (
    BEGUN_ANEW,
    Pointer,
    Served,
    chosen_model,
    delete_leftover_indexes,
    index_name,
    is_building,
    is_serving,
    open_serving,
    read_pointer,
    switch_to,
    write_pointer,
)
from bot.storage.data_folder import MODEL_LOCK, POINTER, DataFolderError, open_index, try_lock
from bot.storage.derived_data import INDEX
from indexer.embedding.embedder import ModelError
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.index.database import StaleIndexError
from tests.fakes import SaltedEmbedder, WordEmbedder, salted_models
from tests.processes import ROOT_CAN_BE_REFUSED, give_up_privileges, in_a_process

MODEL = ModelRecord("owner/model", "/a/folder", "0123abcd", "d1", "d1 onnx", ("de", "en"))
POINTED = Pointer("first", Served(MODEL, "index.1234"), Served(ModelRecord("first"), INDEX))
_texts = st.text(st.characters(codec="utf-8"), max_size=20)
_records = st.builds(
    ModelRecord, _texts, _texts, _texts, _texts, _texts, st.lists(_texts, max_size=3).map(tuple)
)
_served = st.builds(Served, _records, st.from_regex(r"index(\.[0-9a-f]{8})?", fullmatch=True))


@given(st.builds(Pointer, _texts, _served, st.none() | _served))
def test_a_pointer_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, pointer: Pointer
) -> None:
    folder = tmp_path_factory.mktemp("data")
    write_pointer(folder, pointer)
    assert read_pointer(folder) == pointer
    assert [path.name for path in folder.iterdir()] == [POINTER]


def test_a_choice_holds_until_settings_change(tmp_path: Path) -> None:
    assert read_pointer(tmp_path) is None
    assert chosen_model(tmp_path, "first") == ModelRecord("first")
    write_pointer(tmp_path, POINTED)
    assert chosen_model(tmp_path, "first") == MODEL
    assert chosen_model(tmp_path, "other") == ModelRecord("other")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2}',
        '{"format": 1, "configured": "a", "serving": {}, "previous": null}',
    ],
)
def test_one_that_can_not_be_read_is_explained(tmp_path: Path, text: str) -> None:
    (tmp_path / POINTER).write_text(text)
    with pytest.raises(DataFolderError, match=r"model\.json.*can't be read.*Delete it"):
        read_pointer(tmp_path)


@pytest.mark.parametrize("index", ["../elsewhere", "models", "/elsewhere", "index/../../x", ""])
def test_paths_outside_the_data_folder_are_refused(tmp_path: Path, index: str) -> None:
    write_pointer(tmp_path, replace(POINTED, serving=Served(MODEL, index)))
    with pytest.raises(DataFolderError, match="is no index"):
        read_pointer(tmp_path)


def test_the_first_of_two_writers_wins(tmp_path: Path) -> None:
    write_pointer(tmp_path, POINTED, only_first=True)
    write_pointer(tmp_path, replace(POINTED, configured="second"), only_first=True)
    assert read_pointer(tmp_path) == POINTED


@ROOT_CAN_BE_REFUSED
def test_an_unwritable_place_changes_nothing(tmp_path: Path) -> None:
    write_pointer(tmp_path, POINTED)
    tmp_path.chmod(0o500)

    def write() -> None:
        give_up_privileges()
        write_pointer(tmp_path, replace(POINTED, configured="second"))

    try:
        assert "DataFolderError: The choice of the model can't be saved" in in_a_process(write)
        assert read_pointer(tmp_path) == POINTED
    finally:
        tmp_path.chmod(0o700)


def test_the_serving_model_is_next_times_former(tmp_path: Path) -> None:
    first, second, third = (
        Served(ModelRecord(name), f"index.{name}") for name in ("one", "two", "three")
    )
    for served in (first, second, second, third):
        switch_to(tmp_path, "configured", served)
    assert read_pointer(tmp_path) == Pointer("configured", third, second)
    assert is_serving(tmp_path, third)
    assert not is_serving(tmp_path, second)


def test_unused_indexes_are_deleted(tmp_path: Path) -> None:
    for name in (INDEX, "index.1234", "index.left", "backups"):
        (tmp_path / name).mkdir()
    write_pointer(tmp_path, POINTED)
    delete_leftover_indexes(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        "backups",
        INDEX,
        "index.1234",
    ]


def test_a_builders_lock_shows_a_build(tmp_path: Path) -> None:
    assert not is_building(tmp_path)
    with try_lock(tmp_path, MODEL_LOCK):
        assert is_building(tmp_path)


def test_what_is_opened_first_is_written_down(tmp_path: Path) -> None:
    with open_serving(tmp_path, "first", salted_models).index:
        pass
    pointer = read_pointer(tmp_path)
    assert pointer == Pointer("first", Served(ModelRecord("first", vectors="first salted"), INDEX))


def test_one_model_may_have_two_names(tmp_path: Path) -> None:
    def same(record: ModelRecord) -> RecordedModel:
        embedder = WordEmbedder(64)
        return RecordedModel(embedder, replace(record, vectors=embedder.model))

    with open_serving(tmp_path, "first", same).index:
        pass
    opened = open_serving(tmp_path, "renamed", same, rebuild=True)
    opened.index.close()
    assert opened.served.index == INDEX
    assert chosen_model(tmp_path, "renamed").vectors == "words"


def test_a_gone_models_index_has_a_remedy(tmp_path: Path) -> None:
    with open_serving(tmp_path, "first", salted_models).index:
        pass

    def only_second(record: ModelRecord) -> RecordedModel:
        if record.name != "second":
            raise ModelError("It is gone.")
        return salted_models(record)

    with pytest.raises(ModelError, match=r"'first', which can't be opened.*index for 'second'"):
        open_serving(tmp_path, "second", only_second)


def test_a_new_index_replaces_an_orphan(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its name is no folder, no package and no download."""
    with open_serving(tmp_path, "gone", salted_models).index:
        pass
    opened = open_serving(tmp_path, "second", salted_models, rebuild=True)
    opened.index.close()
    assert opened.served.index == index_name(SaltedEmbedder("second", 518))
    assert read_pointer(tmp_path) == Pointer("second", opened.served)
    assert not (tmp_path / INDEX).exists()
    assert caplog.messages == [BEGUN_ANEW % ("gone", "second")]


def test_reading_commands_open_the_serving_index(tmp_path: Path) -> None:
    with open_serving(tmp_path, "first", salted_models).index:
        pass
    before = read_pointer(tmp_path)
    opened = open_serving(tmp_path, "second", salted_models)
    opened.index.close()
    assert opened.embedder.model == "first salted"
    assert read_pointer(tmp_path) == before


def test_orphaned_vectors_are_made_anew(tmp_path: Path) -> None:
    """An earlier release derived models, and recorded the vectors of the derived form."""
    record = ModelRecord("owner/model", vectors="0123 onnx-int8-2")
    with open_index(tmp_path, SaltedEmbedder("derived", 64)):
        pass
    write_pointer(tmp_path, Pointer("owner/model", Served(record)))

    def only_now(wanted: ModelRecord) -> RecordedModel:
        if wanted.vectors:
            raise ModelError("It makes other vectors.")
        return salted_models(wanted)

    with pytest.raises(StaleIndexError, match="Run `commonplace index`"):
        open_serving(tmp_path, "owner/model", only_now)
    opened = open_serving(tmp_path, "owner/model", only_now, rebuild=True)
    opened.index.close()
    assert opened.served.model.vectors == "owner/model salted"
    assert opened.served.index != INDEX


def test_a_former_model_continues_its_index(tmp_path: Path) -> None:
    first, second = (str(tmp_path / name) for name in ("first", "second"))
    for name in (first, second):
        Path(name).mkdir()
        open_serving(tmp_path, name, salted_models, rebuild=True).index.close()
    again = open_serving(tmp_path, first, salted_models, rebuild=True)
    again.index.close()
    assert again.served.index == INDEX
