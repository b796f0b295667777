"""Rows become dataclasses, and dataclasses columns."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from knowledge.store.rows import columns, insertion, record
from knowledge.values.settings import EVERYTHING, AnsweredFrom


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


def test_a_record_has_the_columns_of_its_fields_and_none_may_be_missing() -> None:
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
