"""A log of one chain, as earlier releases wrote it, becomes a chain for each guild."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.store.audit import log_chain
from knowledge.store.row_guilds import NO_GUILD
from knowledge.store.store import Store
from tests.knowledge.logs import in_one_chain

COLUMNS = ("id", "at", "guild_id", "actor", "event", "subject", "detail", "digest")


def lines(path: Path, columns: tuple[str, ...] = COLUMNS) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(Database(connection).query(f"select {', '.join(columns)} from log order by id"))  # noqa: S608


def change(path: Path, statement: str, values: Sequence[object] = ()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("drop trigger if exists log_is_never_changed")
        connection.execute("drop trigger if exists log_is_never_cut")
        connection.execute(statement, values)


def first_broken(path: Path) -> int | None:
    """The first line that does not follow from the one before it in the one chain."""
    previous = ""
    for line in lines(path):
        *fields, digest = line.values()
        if digest != backups.log_digest(previous, fields):
            return int(line["id"])
        previous = digest
    return None


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=20))
def test_each_guild_gets_a_chain_and_every_line_stays(guilds: list[int | None]) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "community.db"
        in_one_chain(path, guilds)
        before = lines(path)
        with Store(path) as store:
            assert store.audit_log.breaks() == []
            numbers: dict[int | None, list[int]] = {}
            for entry in store.audit_log.entries():
                numbers.setdefault(entry.guild_id, []).append(entry.number)
            store.audit_log.append(1, None, "returned", "guild")
            assert store.audit_log.breaks() == []
        *kept, ended, _ = lines(path)
    assert [{**line, "digest": ""} for line in kept] == [{**line, "digest": ""} for line in before]
    assert all(each == [*range(1, len(each) + 1)] for each in numbers.values())
    assert (ended["event"], ended["guild_id"], ended["at"]) == ("rechained", None, before[-1]["at"])
    told = json.loads(ended["detail"])
    assert told == {"digest": before[-1]["digest"], "line": before[-1]["id"]}


def test_the_same_log_becomes_the_same_lines(tmp_path: Path) -> None:
    paths = tmp_path / "one.db", tmp_path / "two.db"
    for path in paths:
        in_one_chain(path, [1, 2, None, 1])
        Store(path).close()
    one, two = (lines(path, (*COLUMNS, "number")) for path in paths)
    assert one == two


def test_an_empty_log_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    in_one_chain(path, [])
    with Store(path) as store:
        assert store.audit_log.entries() == []
        store.audit_log.append(1, None, "left", "guild")
        assert [(each.id, each.number) for each in store.audit_log.entries()] == [(1, 1)]
        assert store.audit_log.breaks() == []


def _cut(path: Path) -> None:
    change(path, "delete from log where id = 4")


def _rewritten(path: Path) -> None:
    change(path, "update log set event = 'approved' where id = 4")


def _swapped(path: Path) -> None:
    change(path, "update log set id = -id where id in (4, 5)")
    change(path, "update log set id = 9 + id where id in (-4, -5)")


def _told_to_fit(path: Path) -> None:
    """Write the digest that the line will have in its guild's chain."""
    change(path, "update log set event = 'approved' where id = 4")
    ends: dict[int | None, log_chain.Head] = {}
    for line in lines(path):
        end = ends.get(line["guild_id"], log_chain.Head())
        digest = log_chain.digest(end.digest, {**line, "number": end.number + 1})
        ends[line["guild_id"]] = log_chain.Head(end.number + 1, digest)
        if line["id"] == 4:
            change(path, "update log set digest = ? where id = 4", [digest])


@pytest.mark.parametrize("tamper", [_cut, _rewritten, _swapped, _told_to_fit])
def test_what_was_broken_stays_broken_at_its_line(
    tmp_path: Path, tamper: Callable[[Path], None]
) -> None:
    path = tmp_path / "community.db"
    in_one_chain(path, [1, 2, None, 1, 2, 1, 2])
    tamper(path)
    broken = first_broken(path)
    assert broken is not None
    with Store(path) as store:
        assert broken in [each.id for each in store.audit_log.breaks()]
        before = store.audit_log.breaks()
        # What is written from then on follows, and mends nothing.
        store.audit_log.append(1, None, "returned", "guild")
        assert store.audit_log.breaks() == before


def test_a_log_that_was_written_anew_since_does_not_end_the_one_chain(tmp_path: Path) -> None:
    """Somebody who makes every chain fit has changed what the migration began with."""
    path = tmp_path / "community.db"
    in_one_chain(path, [1, 2, 1])
    Store(path).close()
    change(path, "update log set event = 'approved' where id = 2")
    line = lines(path, (*COLUMNS, "number"))[1]
    forged = log_chain.digest("", line)
    change(path, "update log set digest = ? where id = 2", [forged])
    change(path, "update log_heads set digest = ? where guild_id = 2", [forged])
    with Store(path) as store:
        [found] = store.audit_log.breaks()
    assert (found.guild_id, found.id) == (NO_GUILD, 4)


def test_lines_go_on_after_ids_that_were_given_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    in_one_chain(path, [1])
    change(path, "update sqlite_sequence set seq = 50 where name = 'log'")
    Store(path).close()
    assert [line["id"] for line in lines(path)] == [1, 51]
