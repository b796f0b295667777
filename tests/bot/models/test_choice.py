"""Which model a name means, and the way back."""

from pathlib import Path

import pytest

from bot.models.choice import (
    ModelChoiceError,
    check_disk_space,
    find_local_model,
    find_or_download,
    go_back,
    hold_model_lock,
)
from bot.models.serving_model import (
    Pointer,
    Served,
    read_pointer,
    retained_indexes,
    switch_to,
    write_pointer,
)
from bot.storage.derived_data import index_names
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.hub import HubError
from indexer.embedding.model_records import ModelRecord
from knowledge.values.documents import Kind
from tests.bot.models.choosing import (
    FIRST,
    MEETUP,
    OTHER,
    WHERE,
    choose,
    opened,
    publish,
    quoted,
    retire,
)


def _show(done: int, total: int) -> None:
    del done, total


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("english", DEFAULT_MODEL),
        ("sentence-transformers/all-MiniLM-L6-v2", DEFAULT_MODEL),
        ("all-MiniLM-L6-v2", DEFAULT_MODEL),
    ],
)
def test_an_installed_model_has_each_of_its_names(name: str, model: str) -> None:
    assert find_local_model(name) == ModelRecord(model)


def test_a_folder_is_named_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "modules.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "mine")
    assert find_local_model("mine") == ModelRecord(path, path)


def test_a_folder_without_a_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelChoiceError, match="neither modules"):
        find_local_model(str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "",
        "/no/such/folder",
        "~/none",
        "./none/at/all",
        "a" * 300,
        "~nobody-of-this-name/model",
        "/nul\0",
    ],
)
def test_an_impossible_name_is_explained_offline(name: str) -> None:
    with pytest.raises(ModelChoiceError, match="There is no model"):
        find_or_download(name, _show)


def test_where_downloading_is_switched_off_that_is_said() -> None:
    with pytest.raises(HubError, match=r"switched off.*HF_HUB_OFFLINE=0"):
        find_or_download("nobody/no-such-model", _show)


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with (
        hold_model_lock(tmp_path),
        pytest.raises(ModelChoiceError, match="index is being built"),
        hold_model_lock(tmp_path),
    ):
        pass


def test_an_index_without_room_is_not_begun(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as core:
        check_disk_space(core.folder, core.served, 1.0)
        with pytest.raises(ModelChoiceError, match=r"needs about .* MB left. Make room"):
            check_disk_space(core.folder, core.served, 1e12)


def test_the_first_model_has_no_way_back(tmp_path: Path) -> None:
    with pytest.raises(ModelChoiceError, match="nothing to go back to"):
        go_back(tmp_path, FIRST)
    switch_to(tmp_path, FIRST, Served(ModelRecord(FIRST)))
    with pytest.raises(ModelChoiceError, match="nothing to go back to"):
        go_back(tmp_path, FIRST)


def test_going_back_twice_is_going_forth_again(tmp_path: Path, database: str) -> None:
    folder = tmp_path / "data"
    with opened(folder, database=database):
        pass
    choose(folder, database=database)
    chosen = read_pointer(folder)
    assert chosen is not None
    back = go_back(folder, FIRST, database)
    assert back == Pointer(FIRST, chosen.previous or chosen.serving, chosen.serving)
    assert back.serving.model.name == FIRST
    assert go_back(folder, FIRST, database) == chosen


def test_each_model_answers_from_its_own_index_and_from_nothing_that_is_gone(
    tmp_path: Path, database: str
) -> None:
    folder = tmp_path / "data"
    with opened(folder, database=database) as core:
        meetup = publish(core, *MEETUP)
        assert quoted(core, WHERE)
    choose(folder, database=database)
    with opened(folder, database=database) as core:
        assert core.embedder.model == f"{OTHER} salted"
        assert quoted(core, WHERE) == [MEETUP[1]]
        retire(core, meetup)
    go_back(folder, FIRST, database)
    with opened(folder, database=database) as core:
        assert core.embedder.model == f"{FIRST} salted"
        assert core.index.tables.document_digests(Kind) == {}
        assert quoted(core, WHERE) == []
    assert index_names(folder, database) == sorted(retained_indexes(folder))
    assert bool(list(folder.glob("index*"))) is not bool(database)


def test_going_back_holds_until_settings_change(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with opened(folder):
        pass
    choose(folder)
    go_back(folder, "another")
    with opened(folder, "another") as core:
        assert core.served.model.name == FIRST


def test_a_missing_index_is_no_way_back(tmp_path: Path) -> None:
    write_pointer(
        tmp_path, Pointer(FIRST, Served(ModelRecord(OTHER), "index.2"), Served(ModelRecord(FIRST)))
    )
    with pytest.raises(ModelChoiceError, match=f"commonplace model use {FIRST}"):
        go_back(tmp_path, FIRST)
