"""Imports from either kind of database into the other: the same rows, and the same export."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.backup.backups import OptInRows
from knowledge.backup.exporter import FolderError
from knowledge.backup.importer import import_folder
from knowledge.store.store import Store
from knowledge.values.submissions import Submission
from tests.knowledge.full_store import GUILD, MIRA, approved, exported, lived
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, Place, make_tables

pytestmark = pytest.mark.slow


@pytest.fixture(params=["into sqlite", "into postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A store of one kind, and an empty one of the other, each with its own data folder."""
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.shared("community", make_tables)
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    urls = [url, ""] if request.param == "into sqlite" else ["", url]
    places = [Place(folder, each) for folder, each in zip(folders, urls, strict=True)]
    with places[0].store() as source, places[1].store() as target:
        yield source, target
    cluster.execute(EMPTY_TABLES, url)


def test_export_crosses_the_databases(
    both: tuple[Store, Store], folder: Path, tmp_path: Path
) -> None:
    source, target = both
    lived(source)
    before = exported(source, folder)
    import_folder(target, folder, tuple(OptInRows))
    after = exported(target, tmp_path / "again")
    changed = {"log.jsonl", "sqlite_sequence.jsonl"}
    assert {name for name in after if after[name] != before.get(name)} == changed
    assert after["log.jsonl"].startswith(before["log.jsonl"])
    assert import_folder(target, folder).rows == {}
    for table in ("pictures", "hits", "questions"):
        query = f"select * from {table} order by 1, 2"  # noqa: S608
        assert target.database.rows(query) == source.database.rows(query)
    assert target.database.integrity_problem() == ""
    assert target.audit_log.contradicted_notes() == []
    # Later ids are new.
    assert approved(target).id > max(note.id for note in source.notes.every_live())


def test_older_server_database_catches_up(both: tuple[Store, Store], folder: Path) -> None:
    source, target = both
    first = approved(source)
    exported(source, folder)
    import_folder(target, folder)
    second = approved(source, "Another text.")
    exported(source, folder)
    assert import_folder(target, folder).rows["notes"] == 1
    target.decisions.retire(GUILD, second.id, MIRA)
    assert import_folder(target, folder).differing > 0
    assert [note.id for note in target.notes.every_live()] == [first.id]


def test_rows_refused_by_postgresql_change_nothing(both: tuple[Store, Store], folder: Path) -> None:
    source, target = both
    source.contributions.propose(GUILD, MIRA, 5, Submission("Hours", "Forty."))
    exported(source, folder)
    # The same member under another key.
    target.database.insert("members", {"key": 9, "user_id": MIRA.id})
    with pytest.raises(FolderError, match=r"can't be imported: .*Nothing was changed"):
        import_folder(target, folder)
    assert target.notes.pending(GUILD) == []
    assert target.audit_log.entries() == []
