"""Pages of the log, read without other lines."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.store.audit.audit_log import AuditLog, LogFilter
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store
from tests.stores import in_a_file

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


def steps(store: Store, log: AuditLog, wanted: LogFilter, **place: int) -> int:
    """SQLite virtual machine steps for a page, in tens."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    assert isinstance(store.database, SqliteDatabase)
    connection = store.database._db.conn
    connection.set_progress_handler(count, 10)
    log.page(GUILD, wanted, 15, **place)
    connection.set_progress_handler(None, 10)
    return counted


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(LogFilter(), id="all"),
        pytest.param(LogFilter(event="approved"), id="an event"),
        pytest.param(LogFilter(event="rejected"), id="a rare event"),
        pytest.param(LogFilter(member_id=11), id="a member"),
        pytest.param(LogFilter(member_id=13), id="a rare member"),
        pytest.param(LogFilter(member_id=99), id="nobody"),
        pytest.param(LogFilter(BEGINNING + timedelta(minutes=3)), id="since long ago"),
        pytest.param(LogFilter(BEGINNING + timedelta(days=900)), id="since later"),
        pytest.param(LogFilter(BEGINNING + timedelta(minutes=3), 11, "proposed"), id="all three"),
        pytest.param(
            LogFilter(BEGINNING + timedelta(days=900), 13, "rejected"), id="none of three"
        ),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"before": 150}, {"after": 20}])
@in_a_file
def test_a_page_takes_no_more_steps_of_a_long_log(
    store: Store, wanted: LogFilter, beside: dict[str, int]
) -> None:
    fill(store, 200)
    short = steps(store, store.audit_log, wanted, **beside)
    fill(store, 20_000)

    assert steps(store, store.audit_log, wanted, **beside) <= short + 5


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
def test_a_page_is_what_stands_beside_a_line_of_what_is_wanted(
    tmp_path_factory: pytest.TempPathFactory, wanted: LogFilter, line: int, limit: int
) -> None:
    with Store(tmp_path_factory.mktemp("log") / "community.db") as store:
        fill(store, 60)
        members = store.audit_log.members()
        right = [
            entry
            for entry in store.audit_log.entries(GUILD)
            if (wanted.since is None or entry.at >= wanted.since)
            and wanted.member_id in (None, members[entry.actor or 0])
            and wanted.event in (None, entry.event)
        ]

        older = store.audit_log.page(GUILD, wanted, limit, before=line)
        newer = store.audit_log.page(GUILD, wanted, limit, after=line)
        newest = store.audit_log.page(GUILD, wanted, limit)

    assert older == [entry for entry in reversed(right) if entry.id < line][:limit]
    assert newer == [entry for entry in right if entry.id > line][:limit]
    assert newest == right[::-1][:limit]
