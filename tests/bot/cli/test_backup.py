"""`backup`, `restore`, `export`, `import`, beside a running bot, too."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.config.settings import Settings
from bot.storage.data_folder import COMMUNITY
from knowledge.backup.backups import back_up
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import SHARED
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.bot.cli.typed_commands import TypedCommands
from tests.bot.launcher import run_bot
from tests.bot.wire.server import WireServer

GUILD = 10
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(typed_commands: TypedCommands) -> Run:
    """Runs a command: its exit code, and what it says on standard output and standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = typed_commands.run(*arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def backups(folder: Path) -> int:
    return len(list(folder.glob("*.db")))


@pytest.mark.slow
async def test_a_backup_is_restored_only_without_a_bot(
    server: WireServer, settings: Settings, run: Run
) -> None:
    folder = settings.data.folder
    with Store(folder / COMMUNITY) as store:
        store.contributions.propose(GUILD, Member(1, "Mira"), 5, Submission("Hours", "Forty."))
    async with run_bot(server, settings):
        code, out, err = await asyncio.to_thread(run, "backup", "--data", folder, "--json")
        assert code == 0, err
        backup = Path(json.loads(out)["backup"])
        assert backup.parent == folder / "backups"
        code, out, err = await asyncio.to_thread(run, "restore", backup, "--data", folder)
        assert (code, out) == (UNUSABLE, "")
        assert "Another bot is running on the data folder" in err
    with Store(folder / COMMUNITY) as store:
        store.contributions.propose(GUILD, Member(1, "Mira"), 5, Submission("Hours", "Fifty."))
    code, out, err = await asyncio.to_thread(run, "restore", backup, "--data", folder)
    assert code == 0, err
    with Store(folder / COMMUNITY) as store:
        assert [note.id for note in store.notes.pending(GUILD)] == [1]


def test_old_backups_and_files_are_replaced(settings: Settings, tmp_path: Path, run: Run) -> None:
    data = ("--data", settings.data.folder)
    for _ in range(3):
        code, _, err = run("backup", *data, "--to", tmp_path, "--keep", "2")
        assert code == 0, err
    assert backups(tmp_path) == 2
    for _ in range(2):
        run("backup", *data, "--to", tmp_path / "one.db")
    assert backups(tmp_path) == 3


@pytest.mark.parametrize("file", ["handbook.md", "data/community.db"])
def test_backup_replaces_no_other_file(
    settings: Settings, tmp_path: Path, file: str, run: Run
) -> None:
    with Store(settings.data.folder / COMMUNITY):
        pass
    (tmp_path / "handbook.md").write_text("The club meets on Mondays.")
    target = tmp_path / file if file.endswith(".md") else settings.data.folder / COMMUNITY
    before = target.stat().st_ino, target.read_bytes()
    code, out, err = run("backup", "--data", settings.data.folder, "--to", target)
    assert (code, out) == (UNUSABLE, "")
    assert f"{target} is no backup, so it isn't replaced." in err
    assert (target.stat().st_ino, target.read_bytes()) == before


def test_a_folder_is_no_backup_to_restore(settings: Settings, tmp_path: Path, run: Run) -> None:
    code, _, err = run("restore", tmp_path, "--data", settings.data.folder)
    assert code == UNUSABLE
    assert f"{tmp_path} is no file" in err


def test_an_unmounted_disk_gets_no_folder(settings: Settings, tmp_path: Path, run: Run) -> None:
    with Store(settings.data.folder / COMMUNITY):
        pass
    for named in ("backups/one.db", "backups/more/"):
        code, out, err = run(
            "backup", "--data", settings.data.folder, "--to", f"{tmp_path}/usb/{named}"
        )
        assert (code, out) == (UNUSABLE, "")
        assert str(tmp_path / "usb") in err
    assert not (tmp_path / "usb").exists()


@pytest.mark.parametrize(
    "command", [("restore",), ("import",), ("export",), ("backup", "--to")], ids=" ".join
)
def test_a_path_that_may_not_be_looked_at_ends_with_a_sentence(
    settings: Settings, tmp_path: Path, command: tuple[str, ...], run: Run
) -> None:
    """A service's user may look into few folders, root into all; nobody at a name this long."""
    with Store(settings.data.folder / COMMUNITY):
        pass
    code, out, err = run(*command, tmp_path / ("x" * 300), "--data", settings.data.folder)
    assert (code, out) == (UNUSABLE, "")
    assert "can't be reached" in err
    assert "Traceback" not in err


def test_take_shows_and_takes_a_backups_sources(
    settings: Settings, tmp_path: Path, run: Run
) -> None:
    backup, new = tmp_path / "backup.db", tmp_path / "new"
    with Store(settings.data.folder / COMMUNITY) as store:
        store.add_source("/srv/handbook", SHARED)
    back_up(settings.data.folder / COMMUNITY, backup)
    code, out, err = run("restore", backup, "--data", new)
    assert code == 0, err
    assert "Not taken: 1 source unknown here: /srv/handbook" in out
    assert "run it again with --take sources" in out
    code, out, err = run("restore", backup, "--data", new, "--take", "sources", "--json")
    assert (code, json.loads(out)["unknown"]) == (
        0,
        {"sources": ["/srv/handbook (for every server)"]},
    ), err
    with Store(new / COMMUNITY) as store:
        assert store.sources() == [("/srv/handbook", SHARED)]


def test_an_export_answers_where_imported(settings: Settings, tmp_path: Path, run: Run) -> None:
    folder, new, export = settings.data.folder, tmp_path / "new", tmp_path / "export"
    text = "The quokka meetup takes place in Lisbon."
    with Store(folder / COMMUNITY) as store:
        note = store.contributions.propose(
            GUILD, Member(1, "Mira"), 5, Submission("Meetup", text)
        ).note
        store.decisions.decide(GUILD, note.revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE))
    code, out, err = run("export", export, "--data", folder, "--json")
    assert (code, json.loads(out)["files"] > 3) == (0, True), err
    code, out, err = run("import", export, "--data", new, "--json")
    assert (code, json.loads(out)["rows"]["notes"]) == (0, 1), err
    code, out, err = run("import", export, "--data", new)
    assert (code, out) == (0, "There was nothing new to import.\n"), err
    code, out, err = run("import", tmp_path, "--data", new)
    assert (code, out, err.count("\n")) == (UNUSABLE, "", 1)
    with sqlite3.connect(new / "index" / "index.db") as index:
        [(found,)] = index.execute("select count(*) from passages where text like '%quokka%'")
    index.close()
    assert found == 1
