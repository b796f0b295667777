"""Shared choices of two machines: two data folders, one database."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.core import Core
from bot.core.live_switch import LiveSwitch
from bot.core.worker import Worker
from bot.models.calibrations import CALIBRATION, chosen_calibration, save_calibration
from bot.models.choice import go_back
from bot.models.serving_model import read_pointer, retained_indexes
from bot.models.serving_reranker import FILE as RERANKER
from bot.models.serving_reranker import choose_reranker, chosen_reranker
from bot.models.shared_choices import SharedChoices, sharing
from bot.storage.data_folder import POINTER, DataFolderError
from indexer.embedding.embedder import ModelError
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.retrieval.evidence import FittedFor, default_calibration
from knowledge.store.store import Store
from tests.bot.models.choosing import (
    FIRST,
    MEETUP,
    OTHER,
    WHERE,
    choose,
    opened,
    publish,
    quoted,
    settings_for,
)
from tests.fakes import salted_models
from tests.stores import Place, take_tombstones


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two data folders."""
    found = tmp_path / "first", tmp_path / "second"
    for folder in found:
        folder.mkdir()
    return found


@pytest.fixture
def published(folders: tuple[Path, Path], postgres_url: str) -> tuple[Path, Path]:
    """The data folders of two machines; a note was published on the first."""
    with opened(folders[0], database=postgres_url) as core:
        publish(core, *MEETUP)
    take_tombstones(*folders)
    return folders


@pytest.fixture
def stores(community_url: str, folders: tuple[Path, Path]) -> Iterator[tuple[Store, Store]]:
    first, second = (Place(folder, community_url).store() for folder in folders)
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def shared(
    stores: tuple[Store, Store], folders: tuple[Path, Path]
) -> tuple[SharedChoices, SharedChoices]:
    one, other = (
        SharedChoices(store, folder) for store, folder in zip(stores, folders, strict=True)
    )
    return one, other


def test_what_is_chosen_on_one_machine_is_chosen_on_the_other(
    folders: tuple[Path, Path], shared: tuple[SharedChoices, SharedChoices]
) -> None:
    own, model = default_calibration(), ModelRecord("ours", digest="1" * 64)
    for one in shared:
        one.compare()
    choose_reranker(folders[0], "", "the sorter")
    save_calibration(folders[0], replace(own, strong=0.9, model=FittedFor("ours", "1" * 16)))
    for one in shared:
        one.compare()
    assert chosen_reranker(folders[1], "") == "the sorter"
    assert (folders[1] / CALIBRATION).read_text() == (folders[0] / CALIBRATION).read_text()
    assert chosen_calibration(folders[1], model).calibration.strong in (0.9, own.strong)

    choose_reranker(folders[1], "", "another")
    for one in reversed(shared):
        one.compare()
    assert chosen_reranker(folders[0], "") == "another"


def test_where_both_have_chosen_the_database_s_counts(
    folders: tuple[Path, Path], shared: tuple[SharedChoices, SharedChoices]
) -> None:
    choose_reranker(folders[0], "", "first")
    shared[0].compare()
    choose_reranker(folders[1], "", "second")

    shared[1].compare()
    shared[0].compare()

    assert {chosen_reranker(folder, "") for folder in folders} == {"first"}


def test_what_is_damaged_or_missing_on_a_machine_is_taken_from_the_database(
    folders: tuple[Path, Path], shared: tuple[SharedChoices, SharedChoices]
) -> None:
    choose_reranker(folders[0], "", "the sorter")
    for one in shared:
        one.compare()
    (folders[0] / RERANKER).write_text('{"configured"')
    (folders[1] / RERANKER).unlink()

    for one in shared:
        one.compare()

    assert {chosen_reranker(folder, "") for folder in folders} == {"the sorter"}


@pytest.mark.parametrize("name", ["../outside.json", "community.db", "model.json.x", ""])
def test_a_row_that_is_no_choice_is_written_nowhere(
    stores: tuple[Store, Store],
    folders: tuple[Path, Path],
    shared: tuple[SharedChoices, SharedChoices],
    name: str,
) -> None:
    stores[0].remember(f"machines: choice of {name}", "{}")

    shared[0].compare()

    assert [*folders[0].iterdir()] == []
    assert not (folders[0].parent / "outside.json").exists()


def test_a_file_that_can_t_be_read_is_told(
    folders: tuple[Path, Path], shared: tuple[SharedChoices, SharedChoices]
) -> None:
    (folders[0] / POINTER).mkdir()

    with pytest.raises(DataFolderError, match="can't be read"):
        shared[0].compare()


def test_without_a_database_nothing_is_shared(tmp_path: Path) -> None:
    with sharing(tmp_path, ""):
        choose_reranker(tmp_path, "", "alone")
    assert [path.name for path in tmp_path.iterdir()] == [RERANKER]


# Models.


async def test_a_model_that_is_chosen_on_one_machine_answers_on_every_other(
    published: tuple[Path, Path], postgres_url: str
) -> None:
    first, second = published
    worker = Worker(lambda: opened(second, database=postgres_url), Core.close)
    switch = LiveSwitch(worker, second, shared=True)
    assert not await switch.follow_pointer()

    with sharing(first, postgres_url):
        choose(first, database=postgres_url)

    assert await switch.follow_pointer()
    assert await worker.call(lambda core: core.embedder.model) == f"{OTHER} salted"
    assert await worker.call(lambda core: quoted(core, WHERE)) != []
    await worker.stop()
    assert retained_indexes(second) == retained_indexes(first)


def test_a_machine_that_is_new_serves_what_was_chosen_from_its_index(
    published: tuple[Path, Path], postgres_url: str
) -> None:
    first, second = published
    with sharing(first, postgres_url):
        choose(first, database=postgres_url)

    with opened(second, database=postgres_url) as core:
        assert core.embedder.model == f"{OTHER} salted"
        assert quoted(core, WHERE) != []

    with sharing(second, postgres_url):
        go_back(second, FIRST, postgres_url)
    with opened(first, database=postgres_url) as core:
        assert core.embedder.model == f"{FIRST} salted"


def test_a_machine_without_the_chosen_model_says_so_and_embeds_nothing(
    published: tuple[Path, Path], postgres_url: str
) -> None:
    first, second = published
    with sharing(first, postgres_url):
        choose(first, database=postgres_url)
    before = read_pointer(first)

    def lacking(record: ModelRecord) -> RecordedModel:
        if record.name == OTHER:
            raise ModelError("The model is not on this machine.")
        return salted_models(record)

    with (
        pytest.raises(ModelError, match="not on this machine"),
        closing(Core(settings_for(second, database=postgres_url), opener=lacking)),
    ):
        raise AssertionError("it was opened")

    with opened(first, database=postgres_url) as core:
        assert quoted(core, WHERE) != []
    assert read_pointer(first) == before
    assert json.loads((second / POINTER).read_text()) == json.loads((first / POINTER).read_text())
