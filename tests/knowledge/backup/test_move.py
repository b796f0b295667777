"""Moves of the community database, there and back, byte for byte, and never in two places."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bot.cli.cluster import FilePlace, PostgresPlace
from knowledge.backup.exporter import export
from knowledge.backup.move import MoveError, Place, Step, move
from knowledge.store.database import row_counts
from knowledge.store.interactions import KeptInteraction
from knowledge.store.migrations import StoreMovedError
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Question
from tests.fork_server import ForkServer
from tests.knowledge.full_store import GUILD, approved, lived
from tests.knowledge.store_processes import KILLED

AT = datetime(2026, 11, 26, 10, tzinfo=UTC)
ASKED = Question(0, GUILD, 5, 7, "Where?", Evidence.NONE, AT, 1)


@dataclass(frozen=True)
class Ends:
    """The source and the target."""

    file: FilePlace
    database: PostgresPlace


@pytest.fixture
def ends(tmp_path: Path, postgres_url: str) -> Ends:
    folder = tmp_path / "data"
    folder.mkdir()
    file = FilePlace(folder)
    with Store(file.open()) as store:
        lived(store)
        form = KeptInteraction(7, GUILD, 1, "token", "en-US", "note", [("text", "typed")], AT)
        store.inbox.keep(form)
        store.remember("commands digest", "of what Discord knows")
        store.handled.once(GUILD, [5], lambda: (0, 1), lambda _: None)
    return Ends(file, PostgresPlace(postgres_url, folder))


def rows(place: Place) -> dict[str, list[str]]:
    """Every row of every table, also those outside exports."""
    with closing(place.open()) as database:
        found = {
            table: sorted(map(repr, database.rows(f"select * from {table}")))  # noqa: S608
            for table in database.tables()
        }
        return {**found, "last ids": [repr(database.last_ids())]}


def exported(place: Place, folder: Path) -> dict[str, bytes]:
    with closing(place.open()) as database:
        export(database, folder)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(place: Place) -> str:
    with pytest.raises(StoreMovedError) as refused:
        place.open()
    return str(refused.value)


def test_move_and_return_keep_each_byte(ends: Ends, tmp_path: Path) -> None:
    before, files = rows(ends.file), exported(ends.file, tmp_path / "before")
    assert all(before[table] for table in ("inbox", "log_heads", "handled", "memory"))
    moved = move(ends.file, ends.database)
    assert moved.files == len(files)
    assert rows(ends.database) == before
    assert exported(ends.database, tmp_path / "there") == files
    move(ends.database, ends.file)
    assert rows(ends.file) == before
    assert exported(ends.file, tmp_path / "back") == files
    # A second move sets the leftovers of the first aside.
    move(ends.file, ends.database)
    assert rows(ends.database) == before


def test_old_place_names_the_new_one(ends: Ends) -> None:
    move(ends.file, ends.database)
    said = refusal(ends.file)
    assert f"{ends.file.name} was moved to the database" in said
    assert "`data.database`" in said
    with Store(ends.database.open()) as store:
        store.remember("it", "goes on")
    move(ends.database, ends.file)
    assert f"was moved to {ends.file.name}" in refusal(ends.database)
    with Store(ends.file.open()) as store:
        assert store.recall("it") == "goes on"


def test_moved_database_reuses_no_id(ends: Ends) -> None:
    with Store(ends.file.open()) as store:
        [asked] = store.question_records.record([ASKED])
        with store.database.writing():
            store.database.run("delete from questions where id = ?", [asked])
    move(ends.file, ends.database)
    with Store(ends.database.open()) as store:
        note = approved(store, "Another text.")
        [again] = store.question_records.record([ASKED])
        assert again == asked + 1
        assert note.live


def test_check_changes_neither_place(ends: Ends) -> None:
    before = rows(ends.file)
    moved = move(ends.file, ends.database, check=True)
    assert sum(moved.rows.values()) > 0
    assert rows(ends.file) == before
    assert not ends.database.is_there()
    with ends.database._open() as database:
        schemas = database.rows("select nspname from pg_namespace where nspname like 'comm%'")
    assert schemas == [{"nspname": "community"}]
    assert not (ends.file.folder / "backups").exists()


def test_move_refuses_a_place_with_data(ends: Ends) -> None:
    with Store(ends.database.open()) as store:
        store.remember("it", "is used")
    before = rows(ends.file), rows(ends.database)
    with pytest.raises(MoveError, match="holds a community database already"):
        move(ends.file, ends.database)
    with pytest.raises(MoveError, match="holds a community database already"):
        move(ends.file, ends.database, check=True)
    assert (rows(ends.file), rows(ends.database)) == before


def test_move_refuses_a_database_in_use(ends: Ends) -> None:
    move(ends.file, ends.database)
    before = rows(ends.database)
    named = f"{ends.database.url}&application_name=commonplace%20elsewhere"
    with psycopg.connect(named), pytest.raises(MoveError, match="in use by other processes"):
        move(ends.database, ends.file)
    assert rows(ends.database) == before
    move(ends.database, ends.file)
    assert rows(ends.file) == before


def test_move_needs_two_places(ends: Ends, tmp_path: Path) -> None:
    with pytest.raises(MoveError, match="already"):
        move(ends.file, ends.file)
    nowhere = FilePlace(tmp_path)
    with pytest.raises(MoveError, match="nothing to move"):
        move(nowhere, ends.database)
    assert not nowhere.is_there()
    move(ends.file, ends.database)
    elsewhere = FilePlace(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    with pytest.raises(StoreMovedError):
        move(ends.file, elsewhere)


def test_unstorable_row_stops_the_move(ends: Ends) -> None:
    with closing(ends.file.open()) as database, database.writing():
        database.run("insert into memory (key, value) values ('odd', ?)", ["a\0b"])
    before = rows(ends.file)
    with pytest.raises(MoveError, match="A row of the table memory"):
        move(ends.file, ends.database)
    assert rows(ends.file) == before
    assert not ends.database.is_there()


def test_differing_copy_stops_the_move(ends: Ends) -> None:
    def meddle(step: Step) -> None:
        if step is Step.COMPARE:
            with closing(ends.database.open(though_marked=True)) as other, other.writing():
                other.run("update notes set contributor = 'somebody'")

    with pytest.raises(MoveError, match="The copy differs"):
        move(ends.file, ends.database, tell=meddle)
    assert usable((ends.file, ends.database)) == [ends.file]


def usable(places: Iterator[Place] | tuple[Place, ...]) -> list[Place]:
    found = []
    for place in places:
        try:
            with closing(place.open()) as database:
                if row_counts(database):
                    found.append(place)
        except StoreMovedError:
            pass
    return found


# Every step of one way, and both ends of the other one.
KILLS = [("there", step.name) for step in Step]
KILLS += [("back", step.name) for step in (Step.LOAD, Step.MARK, Step.FINISH)]


@pytest.mark.parametrize(("way", "step"), KILLS)
def test_killed_move_keeps_one_place(
    ends: Ends, store_processes: ForkServer, way: str, step: str
) -> None:
    before = rows(ends.file)
    if way == "back":
        move(ends.file, ends.database)
    source, target = (ends.file, ends.database) if way == "there" else (ends.database, ends.file)
    arguments = ["move", str(ends.file.folder), ends.database.url, way, step]
    assert store_processes.run(*arguments).returncode == KILLED
    if step == Step.FINISH.name:
        # Both are whole, and neither can be opened until the move is finished.
        assert usable((source, target)) == []
        assert "run it again" in refusal(target)
    else:
        assert usable((source, target)) == [source]
        assert rows(source) == before
    moved = move(source, target)
    assert moved.resumed is (step == Step.FINISH.name)
    assert usable((source, target)) == [target]
    assert rows(target) == before


def test_forgotten_member_leaves_the_moved_file(ends: Ends) -> None:
    move(ends.file, ends.database)
    kept = ends.file.folder / "community.replaced-then.db"
    kept.touch()
    with Store(ends.database.open()) as store:
        store.personal_data.forget(1, withdraw=False)
    assert not ends.file.is_there()
    assert not kept.exists()


def test_file_in_use_is_not_taken_as_moved(ends: Ends) -> None:
    with closing(ends.database.open()) as database:
        database.delete_copies()
    assert ends.file.is_there()
