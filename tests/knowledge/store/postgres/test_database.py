"""A community database in PostgreSQL: schema, ids, limits."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from knowledge.store import migrations
from knowledge.store.database import row_counts
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Question, RecordedHit
from knowledge.values.submissions import Submission
from tests.knowledge.full_store import AT, MIRA, picture
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, Place, make_tables

LINE = {"at": "2026", "number": 1, "event": "e", "subject": "s", "detail": "{}", "digest": "d"}


@pytest.fixture
def database(community_url: str, tmp_path: Path) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(community_url, tmp_path)
    yield opened
    opened.close()


def test_ids_that_were_given_elsewhere_are_not_given_again(database: PostgresDatabase) -> None:
    assert database.last_ids() == {}
    database.insert("members", {"key": 5, "user_id": 50})
    assert database.last_ids() == {"members": 5}
    database.skip_ids({"members": 3, "notes": 9, "elsewhere": 1})
    assert database.last_ids() == {"members": 5, "notes": 9}
    assert database.insert_id("members", {"user_id": 60}, "key") == 6
    # A deleted row's id isn't given again.
    database.run("delete from members where key = 6")
    assert database.last_ids()["members"] == 6
    database.skip_ids(None, 100)
    assert database.insert_id("members", {"user_id": 70}, "key") == 107


def test_what_it_is_made_of(database: PostgresDatabase) -> None:
    assert database.keys("digests") == ["guild_id", "edition"]
    assert database.keys("recent_questions") == []
    assert database.columns("memory") == ["key", "value"]
    assert "rules" in database.tables("guild_id")
    assert "memory" not in database.tables("guild_id")
    database.insert("memory", {"key": "a", "value": "b"})
    assert row_counts(database) == {"memory": 1}
    assert database.integrity_problem() == ""
    assert "PostgreSQL 1" in database.description()
    assert f"UTF8, {len(migrations.names())} migrations" in database.description()


def test_rows_may_refer_ahead_in_a_transaction(database: PostgresDatabase) -> None:
    check = "insert into gap_checks (note_id, revision_id) values (7, 7)"
    with pytest.raises(psycopg.IntegrityError):
        database.run(check)

    def write_it_alone() -> None:
        with database.writing():
            database.defer_references()
            database.run(check)

    with pytest.raises(psycopg.IntegrityError):
        write_it_alone()
    with database.writing():
        database.defer_references()
        database.run(check)
        database.run("delete from gap_checks")


@pytest.mark.parametrize(
    "statement", ["update log set event = 'x'", "delete from log", "truncate log"]
)
def test_the_log_is_append_only(database: PostgresDatabase, statement: str) -> None:
    database.insert("log", LINE)
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        database.run(statement)


def test_who_lets_nobody_write_is_named(database: PostgresDatabase, tmp_path: Path) -> None:
    other = PostgresDatabase(database.url, tmp_path)
    assert database.holders(0) == []
    for guild_id in (None, 42):
        with other.writing(guild_id):
            [found] = database.holders(0)
            assert found.startswith("commonplace ")
            assert database.holders(3_600) == []
    with other.reading():
        other.rows("select 1 as one")
        assert database.holders(0) == []
    other.close()


def test_rows_are_deleted_with_the_log_and_ids_stay_given(database: PostgresDatabase) -> None:
    database.insert_id("members", {"user_id": 50}, "key")
    database.insert("log", LINE)
    with database.writing():
        database.delete_rows()
    assert row_counts(database) == {}
    assert database.rows("select * from log") == []
    assert database.insert_id("members", {"user_id": 50}, "key") == 2
    database.insert("log", LINE)
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        database.run("delete from log")


def test_ids_that_are_reserved_are_given_to_nobody_else(database: PostgresDatabase) -> None:
    assert database.reserve_ids("questions", 3) == [1, 2, 3]
    assert database.reserve_ids("questions", 2) == [4, 5]
    assert database.last_ids() == {"questions": 5}


# Two guilds are written at once: shared rows stay whole, and neither fails.

ONE, OTHER = 10, 11
SHELF = Submission("Shelf", "The key is on the shelf.")
_WAITING = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
    "and datname = current_database()"
)


@pytest.fixture
def place(postgres: Cluster, tmp_path: Path) -> Iterator[Place]:
    url = postgres.shared("community", make_tables)
    yield Place(tmp_path, url)
    postgres.execute(EMPTY_TABLES, url)


@contextmanager
def _meanwhile(place: Place, act: Callable[[Store], Any]) -> Iterator[Callable[[], Any]]:
    """Let another process act; returns a function that waits for its result."""
    found: list[Any] = []

    def run() -> None:
        try:
            with place.store() as opened:
                found.append(act(opened))
        except Exception as error:  # noqa: BLE001 - it is raised where the other one is awaited
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def ended() -> Any:
        thread.join()
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    try:
        yield ended
    finally:
        thread.join()


def _until_it_waits(postgres: Cluster, place: Place) -> None:
    """Wait until the other process waits for this one."""
    while postgres.execute(_WAITING, place.url) == [(0,)]:
        threading.Event().wait(0.01)


def _proposed(guild_id: int) -> Callable[[Store], Any]:
    return lambda store: (
        store.contributions.propose(guild_id, MIRA, 5, SHELF, pictures=[picture()]).note
    )


@contextmanager
def _meeting(
    postgres: Cluster, place: Place, store: Store, guild_id: int, act: Callable[[Store], Any]
) -> Iterator[list[Any]]:
    """Write for a guild while another process waits with `act`; its result is listed afterwards."""
    found: list[Any] = []
    with ExitStack() as transaction:
        transaction.enter_context(store.database.writing(guild_id))
        yield found
        with _meanwhile(place, act) as ended:
            _until_it_waits(postgres, place)
            transaction.close()
            found.append(ended())


def test_picture_taken_up_elsewhere_stays(postgres: Cluster, place: Place, store: Store) -> None:
    first = _proposed(ONE)(store)
    withdraw = lambda other: other.contributions.withdraw(ONE, first.id, MIRA.id)  # noqa: E731
    with _meeting(postgres, place, store, OTHER, withdraw) as ended:
        second = _proposed(OTHER)(store)
    assert ended[0] is not None
    assert store.pictures.of(second.revision.id) == (picture(),)


def test_picture_going_elsewhere_comes_back(postgres: Cluster, place: Place, store: Store) -> None:
    first = _proposed(ONE)(store)
    with _meeting(postgres, place, store, ONE, _proposed(OTHER)) as ended:
        store.contributions.withdraw(ONE, first.id, MIRA.id)
    assert store.pictures.of(ended[0].revision.id) == (picture(),)


def test_same_new_passage_is_kept_for_two(postgres: Cluster, place: Place, store: Store) -> None:
    hit = RecordedHit("file:a", "T", "H", "Ferries leave at nine.", 0.5, ("meaning",))

    def asked(guild_id: int) -> Callable[[Store], Any]:
        question = Question(0, guild_id, 5, 7, "When?", Evidence.STRONG, AT, 1, [hit])
        return lambda store: store.question_records.record([question])[0]

    with _meeting(postgres, place, store, ONE, asked(OTHER)) as ended:
        first = asked(ONE)(store)
    second = ended[0]
    assert store.question_records.hits(first) == store.question_records.hits(second) == [hit]


def test_same_passages_make_no_guild_wait(place: Place, store: Store) -> None:
    """Each finds new passages in the opposite order, again and again."""

    def ask_all(guild_id: int) -> Callable[[Store], None]:
        def ask(opened: Store) -> None:
            for batch in range(20):
                hits = [
                    RecordedHit(f"file:{each}", "T", "H", f"{batch}", 0.5, ("meaning",))
                    for each in range(20)
                ]
                hits = hits if guild_id == ONE else hits[::-1]
                asked = [
                    Question(0, guild_id, 5, 7, "When?", Evidence.STRONG, AT, 1, some)
                    for some in (hits[:10], hits[10:])
                ]
                opened.question_records.record(asked)

        return ask

    with _meanwhile(place, ask_all(OTHER)) as ended:
        ask_all(ONE)(store)
        ended()
    assert store.totals()["questions"]["strong"] == 80


def test_new_member_acts_in_two_guilds(postgres: Cluster, place: Place, store: Store) -> None:
    with _meeting(postgres, place, store, ONE, _proposed(OTHER)):
        _proposed(ONE)(store)
    [key] = store.audit_log.members()
    assert {entry.actor for entry in store.audit_log.entries()} == {key}


def test_writer_for_all_waits_for_each(postgres: Cluster, place: Place, store: Store) -> None:
    forget = lambda other: other.personal_data.forget(MIRA.id, withdraw=True)  # noqa: E731
    with _meeting(postgres, place, store, ONE, forget):
        _proposed(ONE)(store)
    assert store.pictures.of(1) == ()
    assert store.audit_log.members() == {}


def test_log_followers_miss_nothing(place: Place) -> None:
    """Ten writers have a connection each; half of them write for each guild."""
    done = threading.Event()
    guilds = (ONE, OTHER)

    def write(writer: int) -> None:
        with place.store() as store:
            for number in range(12):
                guild_id = guilds[(writer + number) % 2]
                store.contributions.propose(guild_id, MIRA, 5, SHELF)

    def follow(_: int) -> dict[int, list[int]]:
        seen: dict[int, list[int]] = {guild_id: [] for guild_id in guilds}
        with place.store() as store:
            ended = False
            while not ended:
                ended = done.is_set()
                for guild_id, numbers in seen.items():
                    sql = "select number from log where guild_id = ? and number > ? order by number"
                    rows = store.database.rows(sql, [guild_id, numbers[-1] if numbers else 0])
                    numbers += [row["number"] for row in rows]
        return seen

    with ThreadPoolExecutor(10) as pool:
        followers = [pool.submit(follow, number) for number in range(4)]
        try:
            list(pool.map(write, range(6)))
        finally:
            done.set()
        followed = [follower.result() for follower in followers]
    expected = {guild_id: [*range(1, 37)] for guild_id in guilds}
    assert followed == [expected] * 4
    with place.store() as store:
        assert store.audit_log.contradicted_notes() == []
