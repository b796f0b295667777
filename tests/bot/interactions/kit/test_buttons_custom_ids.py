"""Formats of custom ids: ids of old messages are still read, and written the same."""

import itertools
import re
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.interactions.kit.buttons import (
    ID_CHARACTERS,
    NONCE,
    NUMBER,
    CustomId,
    Part,
    nonce,
)
from bot.setup.settings import SETTINGS
from tests.bot.components import BUTTONS, FORMS
from tests.bot.forged_ids import forgeries

# Every id that the templates of version 1.0.0 have with 123 for each number: messages with them
# stand in servers, and their buttons work for as long as these are read.
POSTED = Path(__file__).with_name("posted_custom_ids.txt").read_text().split()
FORMATS = {kind.__name__: kind.ids for kind in (*BUTTONS, *FORMS)}


class Colour(StrEnum):
    RED = "red"
    DARK_GREEN = "dark_green"


PAINT = CustomId("paint", number=int, colour=Colour, way=("in", "out"), word=Part("[a-z]*", str))


def test_what_a_format_writes_it_reads() -> None:
    values = {"number": 7, "colour": Colour.DARK_GREEN, "way": "out", "word": ""}

    assert PAINT.format(**values) == "paint:7:dark_green:out:"
    assert PAINT.parse("paint:7:dark_green:out:") == values
    read = PAINT.parse("paint:7:red:in:x")
    assert read is not None
    assert read["colour"] is Colour.RED


@pytest.mark.parametrize(
    "values",
    [
        {"number": 7, "colour": "red", "way": "in"},
        {"number": 7, "colour": "red", "way": "in", "word": "", "more": 1},
        {"number": -7, "colour": "red", "way": "in", "word": ""},
        {"number": 7, "colour": "blue", "way": "in", "word": ""},
        {"number": 7, "colour": "red", "way": "in", "word": "a:b"},
    ],
)
def test_unreadable_ids_are_not_written(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="paint"):
        PAINT.format(**values)


@pytest.mark.parametrize(
    "custom_id", ["", "paint", "paint:7:red:in", "paint:7:red:in::", "x paint:7:red:in:"]
)
def test_what_has_another_format_is_not_read(custom_id: str) -> None:
    assert PAINT.parse(custom_id) is None


@pytest.mark.parametrize("custom_id", POSTED)
def test_a_posted_id_is_read_by_one_format(custom_id: str) -> None:
    [ids] = [ids for ids in FORMATS.values() if ids.parse(custom_id) is not None]
    values = ids.parse(custom_id)
    assert values is not None
    assert ids.format(**values) == custom_id


def test_every_format_has_a_posted_id() -> None:
    """A new format adds its ids to the file; ids in the file must stay.

    A setting's ids follow from its declaration. Its controls are in private messages.
    """
    of_settings = {
        example
        for setting in SETTINGS
        for example in (f"setting:{setting}", f"setting_in:123:{setting}")
    }
    examples = [forgeries(ids, "123", "cafecafecafe") for ids in FORMATS.values()]
    assert {*itertools.chain(*examples)} - of_settings == {*POSTED} - of_settings


def test_a_search_for_any_tag_is_read() -> None:
    for custom_id in ("search:0:0:", "search:3:77:straße-1", "search:3:77:" + "x" * 30):
        assert FORMATS["SearchButton"].parse(custom_id) is not None
    assert FORMATS["SearchButton"].parse("search:3:77:" + "x" * 31) is None


def test_no_two_kinds_of_button_share_an_id() -> None:
    for ids, other in itertools.permutations(FORMATS.values(), 2):
        for example in forgeries(ids, "123"):
            assert not other.pattern.match(example), (ids.prefix, other.prefix, example)


def test_every_id_keeps_discords_limit() -> None:
    # Of a note's form, two numbers of three that are Discord's at the most are not 0.
    longest = [
        example.replace("123", "1" + "9" * 18, 3).replace("123", "0")
        for example in [*POSTED, "search:123:123:" + "x" * 30]
    ]
    assert max(map(len, longest)) <= ID_CHARACTERS


NUMBERS = st.from_regex(NUMBER, fullmatch=True)


@given(NUMBERS)
def test_ids_hold_only_numbers_the_database_takes(number: str) -> None:
    assert 0 <= int(number) < 2**63


@given(st.integers(0, 8 * 10**18))
def test_ids_take_every_needed_number(number: int) -> None:
    assert re.fullmatch(NUMBER, str(number))


def test_each_form_has_a_new_number() -> None:
    made = {nonce() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(NONCE.pattern, each) for each in made)


@given(st.text())
def test_any_text_is_a_forms_id_or_none(custom_id: str) -> None:
    for kind in FORMS:
        assert kind.ids.parse(custom_id) is None or custom_id.startswith("form:")
