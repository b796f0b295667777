import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.store.audit_log import LogFilter
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store
from knowledge.values.settings import GuildSettings
from tests.fork_server import ForkServer
from tests.knowledge.decided_notes import ADA, GUILD, MIRA, REJECT, decided, proposed
from tests.knowledge.store_processes import started
from tests.stores import REFUSED, Place, in_both


@in_both
@pytest.mark.parametrize("statement", ["update log set event = 'x'", "delete from log"])
def test_the_log_can_only_be_appended_to(place: Place, store: Store, statement: str) -> None:
    proposed(store)
    before = store.audit_log.entries()
    with pytest.raises(REFUSED, match="append-only"):
        place.change(statement)
    assert store.audit_log.entries() == before


def test_the_log_tells_who_did_what(store: Store) -> None:
    note = proposed(store)
    decided(store, note, REJECT)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    members = store.audit_log.members()
    assert [
        (members[entry.actor or 0], entry.event, entry.subject)
        for entry in store.audit_log.entries()
    ] == [
        (MIRA.id, "proposed", f"revision:{note.revision.id}"),
        (ADA.id, "rejected", f"revision:{note.revision.id}"),
        (3, "settings", "guild"),
    ]
    assert "Out of date." not in store.audit_log.entries()[1].detail


@in_both
@pytest.mark.parametrize("guild_id", [GUILD, None])
def test_no_number_is_given_twice_in_a_guild(store: Store, guild_id: int | None) -> None:
    store.audit_log.append(guild_id, None, "left", "guild")
    [row] = store.database.rows("select * from log")
    with pytest.raises(REFUSED, match=r"(?i)unique"):
        store.database.insert("log", {**row, "id": 9})


def test_notes_that_were_changed_behind_the_log_are_named(store: Store) -> None:
    first, second = proposed(store), proposed(store)
    decided(store, first)
    assert store.audit_log.contradicted_notes() == []
    with store.database.writing():
        store.database.run("update notes set live_revision_id = null where id = ?", [first.id])
    assert store.audit_log.contradicted_notes() == [first.id]
    with store.database.writing():
        store.database.run("update revisions set state = 'rejected' where note_id = ?", [second.id])
    assert store.audit_log.contradicted_notes() == [first.id, second.id]


# Pages, read without other lines.


HERE, OTHER = 1, 2
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = (11, 12, 13)
EVENTS = ("proposed", "approved", "rejected")


def fill(store: Store, lines: int) -> None:
    """A line a minute, every tenth of another guild; only the first by the last member."""
    for member_id in MEMBERS:
        store.audit_log.key(member_id)
    keys = {user: key for key, user in store.audit_log.members().items()}
    last = len(store.audit_log.entries())
    with store.database.writing():
        store.database.run_many(
            "insert into log (id, number, at, guild_id, actor, event, subject, detail, digest) "
            "values (?, ?, ?, ?, ?, ?, 'guild', '{}', '')",
            [
                (
                    number + 1,
                    number + 1,
                    (BEGINNING + timedelta(minutes=number)).isoformat(),
                    OTHER if number % 10 == 9 else HERE,
                    keys[MEMBERS[2] if number == 0 else MEMBERS[number % 2]],
                    EVENTS[2] if number == 1 else EVENTS[number % 2],
                )
                for number in range(last, last + lines)
            ],
        )


def steps(store: Store, wanted: LogFilter, **place: int) -> int:
    """SQLite virtual machine steps for a page, in tens."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    assert isinstance(store.database, SqliteDatabase)
    connection = store.database._db.conn
    connection.set_progress_handler(count, 10)
    store.audit_log.page(HERE, wanted, 15, **place)
    connection.set_progress_handler(None, 10)
    return counted


FILTERS = {
    "all": LogFilter(),
    "an event": LogFilter(event="approved"),
    "a rare event": LogFilter(event="rejected"),
    "a member": LogFilter(member_id=11),
    "a rare member": LogFilter(member_id=13),
    "nobody": LogFilter(member_id=99),
    "since long ago": LogFilter(BEGINNING + timedelta(minutes=3)),
    "since later": LogFilter(BEGINNING + timedelta(days=900)),
    "all three": LogFilter(BEGINNING + timedelta(minutes=3), 11, "proposed"),
    "none of three": LogFilter(BEGINNING + timedelta(days=900), 13, "rejected"),
}
PLACES: list[dict[str, int]] = [{}, {"before": 150}, {"after": 20}]


def test_a_page_takes_no_more_steps_of_a_long_log(store: Store) -> None:
    fill(store, 200)
    short = [steps(store, wanted, **place) for wanted in FILTERS.values() for place in PLACES]
    fill(store, 10_000)
    long = [steps(store, wanted, **place) for wanted in FILTERS.values() for place in PLACES]

    cases = [f"{name} {place}" for name in FILTERS for place in PLACES]
    slower = [case for case, a, b in zip(cases, short, long, strict=True) if b > a + 5]
    assert slower == []


@pytest.fixture(scope="module")
def long_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("log") / "community.db") as store:
        fill(store, 60)
        yield store


@given(
    st.builds(
        LogFilter,
        st.none() | st.integers(-5, 70).map(lambda minutes: BEGINNING + timedelta(minutes=minutes)),
        st.none() | st.sampled_from([*MEMBERS, 99]),
        st.none() | st.sampled_from([*EVENTS, "retired"]),
    ),
    st.integers(0, 70),
    st.integers(1, 20),
)
def test_page_is_the_filtered_lines_near_a_line(
    long_store: Store, wanted: LogFilter, line: int, limit: int
) -> None:
    log = long_store.audit_log
    members = log.members()
    right = [
        entry
        for entry in log.entries(HERE)
        if (wanted.since is None or entry.at >= wanted.since)
        and wanted.member_id in (None, members[entry.actor or 0])
        and wanted.event in (None, entry.event)
    ]

    older = log.page(HERE, wanted, limit, before=line)
    newer = log.page(HERE, wanted, limit, after=line)
    newest = log.page(HERE, wanted, limit)

    assert older == [entry for entry in reversed(right) if entry.id < line][:limit]
    assert newer == [entry for entry in right if entry.id > line][:limit]
    assert newest == right[::-1][:limit]


# Several processes append at once, and one is killed meanwhile.


WRITERS = 6
LINES = 12


@pytest.mark.slow
@in_both
def test_appends_leave_no_gaps(place: Place, store: Store, store_processes: ForkServer) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(started(store_processes, "append", place, number, LINES))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.go_on()
        assert [writer.wait() for writer in writers] == [0] * WRITERS
    entries = store.audit_log.entries()
    assert len(entries) == WRITERS * LINES
    for guild_id in (None, 1, 2):
        numbers = [entry.number for entry in entries if entry.guild_id == guild_id]
        assert numbers == [*range(1, len(numbers) + 1)]


@pytest.mark.slow
@in_both
def test_killed_append_has_no_gap(place: Place, store: Store, store_processes: ForkServer) -> None:
    store.audit_log.append(1, None, "left", "guild")
    with started(store_processes, "append and wait", place) as process:
        os.kill(process.process_id, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    # The next writer waits until the database has noticed.
    with store.database.writing(1):
        store.audit_log.append(1, None, "returned", "guild")
    numbers = [(entry.guild_id, entry.number) for entry in store.audit_log.entries()]
    assert numbers == [(1, 1), (1, 2)]
