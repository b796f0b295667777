"""Names of places in documents: what gives way where they are too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.markdown import size
from bot.text.place_names import heading_name, place_name
from tests.bot.values import TEXTS

LONG = "Prepare the files of the game › Copy the whole folder over to the machine"


@pytest.mark.parametrize(
    ("heading", "most", "shown"),
    [
        ("Settings › Colours", 100, "Settings › Colours"),
        ("Settings › Colours › Dark", 18, "Colours › Dark"),
        ("Settings › Colours › Dark", 8, "Dark"),
        ("Settings › Colours", 4, "Col…"),
        ("Go to the troubleshooting page. › Q: No sound?", 100, "Q: No sound?"),
        ("[Here](./a.md) › Colours", 100, "Colours"),
        ("How do I install it? › On Linux", 100, "How do I install it? › On Linux"),
        ("", 100, ""),
    ],
)
def test_headings_above_the_last_give_way(heading: str, most: int, shown: str) -> None:
    assert heading_name(heading, most) == shown


@pytest.mark.parametrize(
    ("title", "heading", "most", "shown"),
    [
        ("Hosting", LONG, 100, f"Hosting › {LONG}"),
        ("Hosting", LONG, 60, "Hosting › Copy the whole folder over to the machine"),
        ("Hosting on a machine of your own", LONG, 68, f"Hosting on a machine of… › {LONG[32:]}"),
        ("Hosting", LONG, 30, "Hosting › Copy the whole fold…"),
        ("Hosting", "", 100, "Hosting"),
        ("", "Ropes", 100, "Ropes"),
        ("`mod.json`", r"[The **flags**](./a.md) \_IN\_", 100, "mod.json › The flags _IN_"),
        (
            "*attrs* by _example_",
            "2 * 3 * 4, snake_case_x",
            100,
            "attrs by example › 2 * 3 * 4, snake_case_x",
        ),
    ],
)
def test_the_last_heading_stays_longest(title: str, heading: str, most: int, shown: str) -> None:
    assert place_name(title, heading, most) == shown


@given(TEXTS, TEXTS, st.integers(min_value=40, max_value=100))
def test_no_name_is_longer_than_it_may_be(title: str, heading: str, most: int) -> None:
    assert size(place_name(title, heading, most)) <= most
