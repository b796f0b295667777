"""Rows become dataclasses."""

from dataclasses import dataclass

import pytest

from knowledge.store.rows import record


@dataclass(frozen=True)
class Duck:
    id: int
    name: str
    rank: int = 1


def test_a_record_has_the_columns_of_its_fields_and_what_is_given_in_place_of_some() -> None:
    row = {"id": 1, "name": "ada", "feathers": 300}

    assert record(Duck, row, name="Ada") == Duck(1, "Ada")


def test_a_record_of_a_row_that_lacks_a_column_is_an_error() -> None:
    with pytest.raises(TypeError, match="name"):
        record(Duck, {"id": 1})
