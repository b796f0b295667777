"""Rows become dataclasses."""

from dataclasses import dataclass

import pytest

from knowledge.store.rows import record


@dataclass(frozen=True)
class Duck:
    id: int
    name: str
    rank: int = 1


def test_a_record_has_the_columns_of_its_fields_and_none_may_be_missing() -> None:
    row = {"id": 1, "name": "ada", "feathers": 300}

    assert record(Duck, row, name="Ada") == Duck(1, "Ada")
    with pytest.raises(TypeError, match="name"):
        record(Duck, {"id": 1})
