"""Paths as sources of two machines: two data folders, one database."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.process.client import Bot, start_worker
from bot.sources.file_watcher import FileWatcher
from bot.storage.machines import FILE, this_machine
from indexer.ingest.pipeline import UpdateReport
from knowledge.corpus import SourceState
from knowledge.sources.addition import add_paths
from knowledge.sources.kinds.repository import GitRepository
from knowledge.store.store import StoreError
from knowledge.values.documents import SHARED, Kind
from tests.bot.conftest import settings_for
from tests.bot.machines import OpenMachine
from tests.fakes import WordEmbedder

FERRIES = "The ferry to the island leaves at nine from the northern pier."
SLEDGES = "A sledge is lent at the lodge for two hours."


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "ferries.md").write_text(f"# Ferries\n\n{FERRIES}")
    return folder


def add(core: Core, folder: Path) -> UpdateReport:
    add_paths(core.store, [folder])
    assert core.machines is not None
    core.machines.claim([str(folder)])
    return follow(core)


def follow(core: Core) -> UpdateReport:
    return run_to_end(index_updates.update_files(core))


def quotable(core: Core) -> list[str]:
    return [*core.index.tables.document_digests({Kind.FILE})]


def source(core: Core) -> SourceState:
    [state] = core.source_states()
    return state


def rename(folder: Path, name: str) -> None:
    """Call a data folder's machine so."""
    path = folder / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": name}))


def test_a_reopened_data_folder_is_one_machine(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    machine = this_machine(tmp_path)
    assert machine.name
    assert this_machine(tmp_path) == machine
    assert this_machine(tmp_path / "other") != machine


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1}', "no JSON"])
def test_a_file_that_says_no_machine_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(StoreError, match="Delete it"):
        this_machine(tmp_path)


def test_a_machine_that_lacks_the_folder_takes_nothing_out_of_the_index(
    machine: OpenMachine, handbook: Path, tmp_path: Path
) -> None:
    with machine("first") as first:
        assert add(first, handbook).added == [f"file:{handbook / 'ferries.md'}"]
    # An empty folder at the same path, like an unmounted disk.
    (handbook / "ferries.md").rename(tmp_path / "kept.md")
    with machine("second") as second:
        report = run_to_end(index_updates.update(second, retry=True))

        assert (report.removed, report.failed) == ([], [])
        assert quotable(second) == [f"file:{handbook / 'ferries.md'}"]
        assert source(second).machine == this_machine(tmp_path / "first").name
        assert source(second).failures == ()


def test_each_machine_follows_its_own_files(
    machine: OpenMachine, handbook: Path, tmp_path: Path
) -> None:
    other = tmp_path / "leaflets"
    other.mkdir()
    (other / "sledges.md").write_text(SLEDGES)
    with machine("first") as first, machine("second") as second:
        add(first, handbook)
        add(second, other)
        (handbook / "piers.md").write_text("Two piers are open in winter.")
        (other / "sledges.md").unlink()

        assert [report.added for report in (follow(second), follow(first))] == [
            [],
            [f"file:{handbook / 'piers.md'}"],
        ]
        assert sorted(quotable(second)) == sorted(
            f"file:{handbook / name}" for name in ("ferries.md", "piers.md")
        )


def test_a_source_that_is_added_on_another_machine_is_read_there(
    machine: OpenMachine, handbook: Path, tmp_path: Path
) -> None:
    with machine("first") as first, machine("second") as second:
        add(first, handbook)
        rename(tmp_path / "first", "harbour")
        assert second.machines is not None

        assert second.machines.claim([str(handbook)]) == {
            str(handbook): first.machines.machine.name  # type: ignore[union-attr]
        }

        assert (source(second).machine, source(first).machine) == (
            "",
            second.machines.machine.name,
        )


def test_what_no_machine_has_yet_is_the_first_one_s_that_sees_it(
    machine: OpenMachine, handbook: Path
) -> None:
    with machine("first") as first, machine("second") as second:
        # As after `migrate`, which knows no machines.
        add_paths(first.store, [handbook])
        assert len(follow(second).added) == 1

        assert source(first).machine == second.machines.machine.name  # type: ignore[union-attr]
        assert follow(first).removed == []


def test_removed_sources_are_gone_everywhere(machine: OpenMachine, handbook: Path) -> None:
    with machine("first") as first, machine("second") as second:
        add(first, handbook)

        second.remove_source(str(handbook))
        follow(second)

        assert quotable(first) == []


def test_another_machines_repository_waits(machine: OpenMachine, handbook: Path) -> None:
    here = GitRepository.locate_branch(str(handbook))
    nowhere = GitRepository.locate_branch("/nowhere/at/all")
    with machine("first") as first, machine("second") as second:
        for location in (here, nowhere):
            first.store.add_source(location, SHARED)
        assert [*first.web_sources()] == [here]

        assert [*second.web_sources()] == []


def test_without_a_shared_database_there_are_no_machines(settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        assert (core.machines, core.elsewhere()) == (None, {})
    assert not (settings.data.folder / FILE).exists()


@pytest.fixture
async def bots(tmp_path: Path) -> AsyncIterator[list[Bot]]:
    """Two processes on one data folder."""
    settings = settings_for(tmp_path / "data")
    made = [Bot(settings, start_worker(settings, WordEmbedder())) for _ in range(2)]
    yield made
    for bot in made:
        await bot.close()


async def test_one_process_follows_the_files(bots: list[Bot], handbook: Path) -> None:
    first, second = (FileWatcher(bot) for bot in bots)
    assert first.has_lock
    assert not second.has_lock
    await bots[0].worker.call(lambda core: add_paths(core.store, [handbook]))

    await second.catch_up()
    await second.index_changes()
    assert await bots[0].worker.call(quotable) == []

    first.end()
    await second.index_changes()
    assert await bots[0].worker.call(quotable) == [f"file:{handbook / 'ferries.md'}"]
    second.end()
