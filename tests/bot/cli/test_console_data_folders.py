"""Each command with a data folder that isn't Commonplace's: one sentence, and nothing changes.

The commands are those of the command line itself, each typed as in its example.
"""

import json
import shlex
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bot.cli.console import EXAMPLE, ONLY_ARTICLES, UNUSABLE
from bot.cli.doctor import UNHEALTHY
from tests.bot.cli.test_console import COMMANDS
from tests.bot.cli.typed_commands import TypedCommands

WITH_DATA = [
    names
    for names, command in COMMANDS.items()
    if any("--data" in param.opts for param in command.params)
]
# These may begin a new folder. A worker needs none.
BEGIN = {
    *(("run",), ("preview",), ("index",), ("source", "add"), ("import",), ("restore",)),
    ("cluster", "worker"),
}
READ = [names for names in WITH_DATA if names not in BEGIN]


def _typed(commands: TypedCommands, names: tuple[str, ...], folder: Path, cwd: Path) -> str:
    """The sentence of a command that refuses a data folder."""
    example = COMMANDS[names].epilog.removeprefix(EXAMPLE).splitlines()[0]
    words = shlex.split(example.strip().partition(" < ")[0])
    words = words[words.index("commonplace") + 1 :]
    if "--config" in words:
        (cwd / "config.toml").touch()
        words[words.index("--config") + 1] = "config.toml"
    return _sentence(commands.run(*words, "--data", folder, cwd=cwd))


def _sentence(done: subprocess.CompletedProcess[str]) -> str:
    [line] = (done.stdout + done.stderr).splitlines()
    if line.startswith("wrong configuration: "):
        assert done.returncode == UNHEALTHY
    else:
        assert (done.returncode, done.stdout) == (UNUSABLE, "")
    return line


def _state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Modes, times of change and bytes of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *folder.rglob("*")]
    }


def _ordinary_folder(parent: Path) -> Path:
    """A folder whose files happen to be named as Commonplace's are."""
    folder = parent / "site"
    for name in ("index/index.html", "index.d/a.conf", "backups/community-1.db", "web.db"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("words")
    (folder / "tombstones.jsonl").write_text('{"name": "R.I.P."}\n')
    (folder / "model.json").write_text("{}")
    with closing(sqlite3.connect(folder / "community.db")) as database:
        database.execute("create table notes (id integer primary key)")
    return folder


def _system_folder(parent: Path) -> Path:
    """A folder of files that nobody writes."""
    folder = parent / "system"
    (folder / "1" / "task").mkdir(parents=True)
    (folder / "version").write_text("words")
    return folder


@pytest.mark.parametrize("names", WITH_DATA, ids=" ".join)
def test_a_foreign_folder_is_refused_and_left_untouched(
    names: tuple[str, ...], tmp_path: Path, typed_commands: TypedCommands
) -> None:
    ordinary, system = _ordinary_folder(tmp_path), _system_folder(tmp_path)
    for folder, folder_mode, file_mode in ((ordinary, 0o755, 0o644), (system, 0o555, 0o444)):
        for path in [*folder.rglob("*"), folder]:
            path.chmod(folder_mode if path.is_dir() else file_mode)
        before = _state(folder)
        said = _typed(typed_commands, names, folder, tmp_path)
        assert f"{folder} has other files and no data of Commonplace" in said
        assert _state(folder) == before
    system.chmod(0o755)


@pytest.mark.parametrize("names", READ, ids=" ".join)
def test_reading_leaves_folders_empty(
    names: tuple[str, ...], tmp_path: Path, typed_commands: TypedCommands
) -> None:
    missing, empty = tmp_path / "nosuch", tmp_path / "empty"
    (empty / "lost+found").mkdir(parents=True)
    before = _state(empty)
    said = _typed(typed_commands, names, missing, tmp_path)
    assert f"There is no data folder {missing}." in said
    assert "--data or COMMONPLACE_DATA" in said
    assert f"{empty} is empty" in _typed(typed_commands, names, empty, tmp_path)
    assert _state(empty) == before
    assert not missing.exists()


def test_only_choosing_a_model_begins_the_default_folder(
    tmp_path: Path, typed_commands: TypedCommands
) -> None:
    for words in (["stats"], ["dev", "why", "1"], ["doctor"], ["source", "list"]):
        assert "There is no data folder data." in _sentence(
            typed_commands.run(*words, cwd=tmp_path)
        )
    assert typed_commands.run("model", "list", cwd=tmp_path).returncode == 0
    assert [*tmp_path.iterdir()] == []
    # As in a checkout, whose settings name each default.
    (tmp_path / "config.toml").write_text("[data]\nfolder = 'data'\n")
    assert typed_commands.run("index", cwd=tmp_path).returncode == 0
    assert typed_commands.run("ask", "What is open-source AI?", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["ask", "search"])
def test_articles_stand_in_for_a_missing_default_folder(
    command: str, tmp_path: Path, typed_commands: TypedCommands
) -> None:
    (tmp_path / "config.toml").write_text("[data]\nfolder = 'data'\n")
    done = typed_commands.run(command, "What is open-source AI?", "--json", cwd=tmp_path)
    assert done.stderr == ONLY_ARTICLES.format(folder="data") + "\n"
    assert "article:" in json.dumps([json.loads(line) for line in done.stdout.splitlines()])
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("command", ["ask", "search"])
def test_articles_stand_in_for_no_other_folder(
    command: str, tmp_path: Path, typed_commands: TypedCommands
) -> None:
    missing, run = (
        "There is no data folder",
        partial(typed_commands.run, command, "x", cwd=tmp_path),
    )
    assert missing in _sentence(run("--data", "data"))
    assert missing in _sentence(run(environment={"COMMONPLACE_DATA": "data"}))
    for settings in ("[data]\nfolder = 'other'", "[articles]\nbundled = 'never'"):
        (tmp_path / "config.toml").write_text(settings)
        assert missing in _sentence(run())
    (tmp_path / "config.toml").unlink()
    (tmp_path / "data").mkdir()
    assert "The data folder data is empty." in _sentence(run())
    assert [*tmp_path.rglob("*")] == [tmp_path / "data"]
