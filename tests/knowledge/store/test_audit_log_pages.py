"""Pages of the log, read without other lines."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.store.audit_log import LogFilter
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store

GUILD, OTHER = 1, 2
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
                    OTHER if number % 10 == 9 else GUILD,
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
    store.audit_log.page(GUILD, wanted, 15, **place)
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
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
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
    filled: Store, wanted: LogFilter, line: int, limit: int
) -> None:
    log = filled.audit_log
    members = log.members()
    right = [
        entry
        for entry in log.entries(GUILD)
        if (wanted.since is None or entry.at >= wanted.since)
        and wanted.member_id in (None, members[entry.actor or 0])
        and wanted.event in (None, entry.event)
    ]

    older = log.page(GUILD, wanted, limit, before=line)
    newer = log.page(GUILD, wanted, limit, after=line)
    newest = log.page(GUILD, wanted, limit)

    assert older == [entry for entry in reversed(right) if entry.id < line][:limit]
    assert newer == [entry for entry in right if entry.id > line][:limit]
    assert newest == right[::-1][:limit]
