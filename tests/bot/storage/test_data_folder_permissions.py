"""File permissions: only the owner reads the data, copied files included."""

import logging
import os
import sys
from pathlib import Path

import pytest

from bot import __main__
from bot.storage.data_folder import COMMUNITY, data_folder, paths_open_to_others
from knowledge.store.store import Store

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")

MADE = (
    "community.m001_tables.db",
    "channels.db",
    "web.db",
    "tombstones.jsonl",
    "model.json",
    "reranker.json",
    "bot.lock",
    "index/index.db",
    "index.next/shared.faiss",
    "backups/community-1.db",
)


def _wide(folder: Path) -> None:
    """A data folder copied under the usual umask."""
    Store(folder / COMMUNITY).close()
    for name in MADE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("words")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}


@posix
def test_what_was_left_open_is_closed_when_it_is_opened_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    _wide(folder)
    with caplog.at_level(logging.WARNING):
        data_folder(folder)
        data_folder(folder)
    assert _modes(folder) == {0o600, 0o700}
    [said] = [record.getMessage() for record in caplog.records]
    number = len([folder, *folder.rglob("*")])
    assert said.startswith(f"Other users of this machine could read {number} files and folders")


@posix
def test_other_files_and_links_are_left_alone(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (elsewhere / "community-1.db").write_text("words")
    (elsewhere / "community-1.db").chmod(0o644)
    data_folder(folder)
    (folder / "photo.jpg").write_text("words")
    (folder / "photo.jpg").chmod(0o644)
    (folder / "backups").symlink_to(elsewhere)
    (folder / "community.old.db").symlink_to(elsewhere / "community-1.db")
    data_folder(folder)
    assert (folder / "photo.jpg").stat().st_mode & 0o777 == 0o644
    assert _modes(elsewhere) == {0o755, 0o644}
    assert paths_open_to_others(folder) == []


@posix
def test_what_commands_write_is_their_owners_alone_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, copy, export = tmp_path / "data", tmp_path / "copy.db", tmp_path / "export"
    before = os.umask(0o022)
    try:
        data_folder(folder)
        Store(folder / COMMUNITY).close()
        for arguments in (("backup", "--to", copy), ("export", export)):
            given = ["commonplace", *map(str, arguments), "--data", str(folder)]
            monkeypatch.setattr(sys, "argv", given)
            with pytest.raises(SystemExit) as ended:
                __main__.main()
            assert ended.value.code == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert _modes(export) <= {0o600, 0o700}
