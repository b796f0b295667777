import json
from pathlib import Path

import pytest

from knowledge.backup.exporter import FolderError, export
from knowledge.store.store import Store
from tests.knowledge.full_store import GUILD, approved, exported, lived, note_file


def test_export_refuses_a_folder_with_other_files(store: Store, folder: Path) -> None:
    folder.mkdir()
    (folder / "diary.txt").write_text("mine")
    with pytest.raises(FolderError, match="holds other files"):
        export(store.database, folder)
    assert [each.name for each in folder.iterdir()] == ["diary.txt"]


def test_export_has_each_table_of_lasting_data(store: Store, folder: Path) -> None:
    lived(store)
    files = exported(store, folder)
    rows = store.database.rows("select name from sqlite_master where type = 'table'")
    left_out = {"notes", "revisions", "inbox", "recent_questions", "log_heads", "handled"}
    left_out |= {"source_cards", "golden_questions", "_sqlite_migrations"}
    tables = {row["name"] for row in rows} - left_out
    # Each of these tables must have rows here.
    assert {f"{table}.jsonl" for table in tables} == {name for name in files if "/" not in name} - {
        "commonplace.json"
    }
    assert b"commands digest" not in files["memory.jsonl"]
    # In the order they were added.
    sources = [json.loads(line)["location"] for line in files["sources.jsonl"].splitlines()]
    assert sources == ["/z", "/a"]


def test_equal_databases_export_equal_bytes(store: Store, folder: Path, tmp_path: Path) -> None:
    lived(store)
    # A torn export before the first one changes nothing.
    folder.mkdir()
    (folder / ".commonplace.json.part").write_text("{")
    assert exported(store, folder) == exported(store, tmp_path / "two")
    assert exported(store, folder) == exported(store, tmp_path / "two")


def test_export_updates_an_earlier_export(store: Store, folder: Path, tmp_path: Path) -> None:
    lived(store)
    exported(store, folder)
    (folder / ".git").mkdir()
    (folder / "README.md").write_text("ours")
    store.purge.guild(GUILD)
    assert exported(store, folder) == exported(store, tmp_path / "new") | {"README.md": b"ours"}


def test_exported_note_is_readable_markdown(store: Store, folder: Path) -> None:
    approved(store, "Forty hours a month.\n\n- for *everybody*")
    exported(store, folder)
    lines = note_file(folder).read_text().splitlines()
    assert lines[:5] == ["---", "title: GPU hours", "tags:", "- gpu", "link: ''"]
    assert lines[-4:] == ["", "Forty hours a month.", "", "- for *everybody*"]
