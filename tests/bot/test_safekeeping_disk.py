"""A disk that is full, files that can't be written or were cut off: as before, or as after."""

import os
import resource
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import reviewing
from bot.config import Settings
from bot.conversation import Answer, Ask
from bot.core import COMMUNITY, INDEX, Core, run_to_end
from knowledge import safekeeping
from knowledge.database import StoreError
from knowledge.deciding import Ruling
from knowledge.exporting import export
from knowledge.importing import import_folder
from knowledge.model import Decision, State, Submission
from knowledge.portable import FolderError
from knowledge.safekeeping import BackupError
from knowledge.store import Store
from tests.fakes import WordEmbedder

GUILD = 10
TEXT = Submission("Meetup", "The quokka meetup takes place in Lisbon on Fridays.")


def in_a_process(work: Callable[[], None]) -> str:
    """Run something in a process of its own; returns the error that it ended with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is told to the parent
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


def fill_the_disk(file_bytes: int = 100) -> None:
    """Let no file of this process be written beyond so many bytes: what a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))


@pytest.fixture
def proposed(settings: Settings) -> Path:
    """A data folder with a pending note; its database."""
    path = settings.data.folder / COMMUNITY
    with Store(path) as store:
        store.contributing.propose(GUILD, (1, "Mira"), 5, TEXT)
    return path


def approve(settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        reviewing.decide(core, GUILD, 1, (2, "Ada"), Ruling(Decision.APPROVE))


def state(path: Path) -> State:
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.log.first_broken_entry() is None
        return store.notes.of_revision(1).revision.state


def test_a_decision_on_a_full_disk_is_not_made_and_said_so(
    settings: Settings, proposed: Path
) -> None:
    def work() -> None:
        with Core(settings, WordEmbedder()) as core:
            fill_the_disk()
            reviewing.decide(core, GUILD, 1, (2, "Ada"), Ruling(Decision.APPROVE))

    assert "Nothing was changed. Check free space and permissions." in in_a_process(work)
    assert state(proposed) is State.PENDING
    approve(settings)
    assert state(proposed) is State.APPROVED


@pytest.mark.parametrize("what", ["backup", "export", "import", "restore"])
def test_safekeeping_on_a_full_disk_changes_nothing(
    settings: Settings, proposed: Path, tmp_path: Path, what: str
) -> None:
    backup, folder, new = tmp_path / "one.db", tmp_path / "export", tmp_path / "new.db"
    safekeeping.back_up(proposed, backup)
    with Store(proposed) as store:
        export(store.database, folder)
    before = backup.read_bytes()

    def work() -> None:
        if what in ("backup", "restore"):
            fill_the_disk()
            if what == "backup":
                safekeeping.back_up(proposed, backup)
            safekeeping.restore(backup, proposed, datetime.now(UTC))
        with Store(proposed if what == "export" else new) as store:
            # The manifest still fits where it is the export's turn.
            fill_the_disk(500 if what == "export" else 100)
            if what == "export":
                export(store.database, folder)
            import_folder(store, folder)

    said = in_a_process(work)
    assert said.split(":")[0] in ("BackupError", "FolderError", "StoreError"), said
    assert "\n" not in said
    assert backup.read_bytes() == before
    assert state(proposed) is State.PENDING
    if what == "export":
        with Store(new) as store, pytest.raises(FolderError, match="not complete"):
            import_folder(store, folder)
    if what == "import":
        with Store(new) as store:
            assert store.notes.pending(GUILD) == []


def test_an_index_that_was_cut_off_or_torn_is_built_again(
    settings: Settings, proposed: Path
) -> None:
    approve(settings)
    folder = settings.data.folder / INDEX
    with Core(settings, WordEmbedder()) as core:
        core.index.save_snapshots()
    for path in folder.glob("*.snapshot"):
        os.truncate(path, path.stat().st_size // 2)
    os.truncate(folder / "index.db", 5_000)
    with Core(settings, WordEmbedder()) as core:
        run_to_end(core.update_quickly())
        [reply] = core.ask([Ask("where does the quokka meetup take place", 1, GUILD)])
        assert isinstance(reply.outcome, Answer)
    assert state(proposed) is State.APPROVED


def test_a_file_that_nobody_may_write_is_explained(settings: Settings, proposed: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write every file")
    proposed.chmod(0o400)
    with pytest.raises(StoreError, match="permissions"):
        approve(settings)
    proposed.chmod(0o600)
    assert state(proposed) is State.PENDING


def test_a_backup_into_a_folder_that_is_not_one_is_explained(
    proposed: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError, match="Check free space and permissions"):
        safekeeping.back_up(proposed, tmp_path / "file" / "one.db")
