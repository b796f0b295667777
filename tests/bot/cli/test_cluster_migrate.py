"""`migrate` from the command line: who is in its way, what it says, what the old place says."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.cli.console import UNUSABLE
from bot.storage.data_folder import (
    COMMUNITY,
    data_folder,
    hold_bot_lock,
    open_database,
    open_store,
)
from knowledge.backup.move import MoveError
from knowledge.store.migrations import StoreMovedError
from knowledge.store.store import Store, StoreError
from tests.knowledge.full_store import lived


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder in which something was contributed."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    with Store(made / COMMUNITY) as store:
        lived(store)
    return made


def run(*arguments: str | Path) -> str:
    """What a command prints; what it refuses with is raised."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def with_database(tmp_path: Path, url: str) -> Path:
    config = tmp_path / "config.toml"
    config.write_text(f'[data]\ndatabase = "{url}"\n')
    return config


def test_moving_there_and_back_says_what_to_set(
    folder: Path, tmp_path: Path, postgres_url: str
) -> None:
    before = run("export", tmp_path / "before", "--data", folder)
    tried = run("cluster", "migrate", "--to", postgres_url, "--check", "--data", folder)
    assert "The migration would work" in tried
    told = run("cluster", "migrate", "--to", postgres_url, "--data", folder)
    assert f"Set `data.database` to {postgres_url}" in told
    assert "can no longer be" in told
    with pytest.raises(StoreMovedError, match="name it as `data"):
        run("stats", "--data", folder)
    with pytest.raises(StoreError, match="it was moved to"):
        run("backup", "--data", folder)
    with pytest.raises(StoreMovedError, match="was moved to"):
        run("cluster", "migrate", "--to", postgres_url, "--data", folder)

    config = with_database(tmp_path, postgres_url)
    there = ("--config", config, "--data", folder)
    assert run("export", tmp_path / "before", *there) == before
    back = json.loads(run("cluster", "migrate", "--to", folder, "--json", *there))
    assert back["rows"]["notes"] > 0
    assert Path(back["backup"]).is_dir()
    with pytest.raises(StoreMovedError, match="take `data"):
        run("stats", *there)
    open_store(folder).close()
    assert len([*folder.glob("community.replaced-*.db")]) == 1


def test_into_another_folder_its_tombstones_go_along(folder: Path, tmp_path: Path) -> None:
    with open_store(folder) as store:
        store.personal_data.forget(1, withdraw=False)
        kept = store.tombstones.in_database()
    run("cluster", "migrate", "--to", tmp_path / "other", "--data", folder)
    with open_store(tmp_path / "other") as store:
        assert store.tombstones.in_file() >= kept
        assert store.tombstones.in_database() == kept


def test_beside_a_bot_nothing_is_moved(folder: Path, tmp_path: Path, postgres_url: str) -> None:
    with hold_bot_lock(folder), pytest.raises(Exception, match="Another bot is running"):
        run("cluster", "migrate", "--to", postgres_url, "--data", folder)
    other = data_folder(tmp_path / "other")
    with hold_bot_lock(other), pytest.raises(Exception, match="Another bot is running"):
        run("cluster", "migrate", "--to", other, "--data", folder)
    open_store(folder).close()


@pytest.mark.parametrize(
    "typed",
    [
        "postgres:/h/d",
        "postgesql://h/d",
        "sqlite:///d",
        "data2",
        "postgresql:h",
        "./no/such/parent",
    ],
)
def test_a_slip_in_the_place_moves_nothing_and_makes_nothing(
    typed: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = CliRunner().invoke(app, ["cluster", "migrate", "--to", typed, "--data", str(folder)])
    assert done.exit_code == UNUSABLE, done.output
    assert list(Path.cwd().iterdir()) == []
    open_database(folder).close()


def test_a_place_that_cannot_be_one_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for to in ("postgresql://a:secret@h/d", str(tmp_path / "file")):
        done = CliRunner().invoke(app, ["cluster", "migrate", "--to", to, "--data", str(folder)])
        assert done.exit_code == 2
        assert "secret" not in done.output
    with pytest.raises(MoveError, match="already"):
        run("cluster", "migrate", "--to", folder, "--data", folder)
    open_database(folder).close()
