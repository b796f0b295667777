import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.store.database import Database
from knowledge.store.interactions import KeptInteraction
from knowledge.store.rows import (
    MOST,
    NO_GUILD,
    RowKind,
    columns,
    guild_of,
    insertion,
    only_guild,
    record,
)
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store
from knowledge.values.notes import Member, NoticeEvent
from knowledge.values.questions import Evidence, HelpedQuestion, Question
from knowledge.values.settings import EVERYTHING, AnsweredFrom
from knowledge.values.submissions import Submission


class Colour(StrEnum):
    GREEN = "green"


@dataclass(frozen=True)
class Duck:
    id: int
    name: str
    rank: int = 1
    hatched_at: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    swims: bool = True
    colour: Colour | None = Colour.GREEN
    eggs: tuple[int, ...] = (1, 2)
    weights: Mapping[str, float] | None = None
    eats_from: AnsweredFrom = EVERYTHING


def test_record_needs_all_its_columns() -> None:
    row = {"id": 1, "name": "ada", "feathers": 300}

    assert record(Duck, row, name="Ada") == Duck(1, "Ada")
    with pytest.raises(TypeError, match="name"):
        record(Duck, {"id": 1})


@pytest.mark.parametrize(
    "duck",
    [
        Duck(1, "Ada", weights={"a": 0.5}),
        Duck(2, "Bo", swims=False, colour=None, eggs=(), eats_from=AnsweredFrom(("pond",))),
    ],
)
def test_columns_come_back_as_the_same_record(duck: Duck) -> None:
    written = columns(duck)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute(f"create table ducks ({', '.join(written)})")
        connection.execute(insertion("ducks", written), [*written.values()])
        [row] = connection.execute("select * from ducks").fetchall()
    assert record(Duck, dict(row)) == duck


# Guilds of rows: each kind of row has its guild's; without one it is guild 0's.


GUILD = 42
AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_each_kind_of_row_is_its_guilds(store: Store) -> None:
    note = store.contributions.propose(GUILD, Member(7, "Mira"), 5, Submission("A", "Ferries."))
    [question_id] = store.question_records.record([_question(GUILD)])
    with store.database.writing(GUILD):
        store.notices.add(GUILD, 7, 5, NoticeEvent.APPROVED)
    [notice] = store.notices.queue()
    store.inbox.keep(KeptInteraction(3, GUILD, 7, "token", "en", "form", [], AT))
    helped = HelpedQuestion(9, GUILD, 5, 7, False, AT, AT + timedelta(hours=1))
    store.helped_questions.add(helped)

    found = {
        RowKind.REVISION: note.note.revision.id,
        RowKind.QUESTION: question_id,
        RowKind.NOTICE: notice.id,
        RowKind.INBOX: 3,
        RowKind.HELPED_QUESTION: 9,
    }
    assert found.keys() == set(RowKind)
    assert {guild_of(store.database, kind, key) for kind, key in found.items()} == {GUILD}


def test_missing_rows_and_direct_messages_have_no_guild(store: Store) -> None:
    [question_id] = store.question_records.record([_question(None)])
    for kind in RowKind:
        assert guild_of(store.database, kind, 12345) == NO_GUILD
    assert guild_of(store.database, RowKind.QUESTION, question_id) == NO_GUILD


def test_rows_are_of_one_guild_or_none() -> None:
    assert only_guild([GUILD, GUILD]) == GUILD
    assert only_guild([None, None]) == NO_GUILD
    assert only_guild([GUILD, None]) is None
    assert only_guild([]) is None


def _question(guild_id: int | None) -> Question:
    return Question(0, guild_id, 5, 7, "When does the ferry leave?", Evidence.NONE, AT, 1)


# Lists of values: each value is found once, in as many statements as needed.


_FOUND = "select member_id from quiet_members where member_id > ? and member_id in (?) and ? = 1"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the even members, up to three lists' length."""
    path: Path = tmp_path_factory.mktemp("lists") / "community.db"
    opened = SqliteDatabase(path)
    with opened.writing():
        opened.run_many(
            "insert into quiet_members (member_id) values (?)",
            [(number,) for number in range(0, 3 * MOST, 2)],
        )
    yield opened
    opened.close()


@given(listed=st.lists(st.integers(-5, 4 * MOST), max_size=50), above=st.integers(-10, MOST))
def test_listed_rows_are_found_once(database: Database, listed: list[int], above: int) -> None:
    found = database.rows(_FOUND, [above, listed, 1])
    there = {i for i in listed if i > above and i % 2 == 0 and 0 <= i < 3 * MOST}
    assert sorted(row["member_id"] for row in found) == sorted(there)


def test_list_of_any_length_is_found_whole(database: Database) -> None:
    for length in (1, 2, 3, MOST - 1, MOST, MOST + 1, 2 * MOST + 1):
        listed = [2 * number for number in range(length)]
        found = database.column(_FOUND, [-1, listed, 1])
        assert sorted(found) == [number for number in listed if number < 3 * MOST]
    assert database.rows("this is no statement in (?)", [[]]) == []


def test_so_many_rows_change_as_are_listed_and_there(database: Database) -> None:
    with database.writing():
        changed = database.run(
            "update quiet_members set member_id = member_id where member_id in (?)",
            [[*range(0, 4 * MOST)]],
        )
    assert changed == 3 * MOST // 2


def test_a_statement_of_no_list_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="once"):
        database.rows("select 1", [[1]])
