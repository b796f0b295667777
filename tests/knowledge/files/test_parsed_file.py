"""A parsed file: what its front matter says, in types."""

from datetime import date

import pytest

from knowledge.files.reader import parse_bytes


def test_halves_of_signs_become_the_sign_for_what_cant_be_shown() -> None:
    pairs = rb'[{"question": "Why \ud83d\ude00 \ud83d?", "answer": "\ude00 so."}]'
    assert parse_bytes(pairs, name="a.json").text == "## Why 😀 \ufffd?\n\n\ufffd so."


@pytest.mark.parametrize(
    ("matter", "tags"),
    [
        ("tags: [a, b]", ("a", "b")),
        ("tags: a, b c", ("a", "b", "c")),
        ("tags: [2024, true]", ("2024", "True")),
        ("tags: {a: b}", ()),
        ("tags:", ()),
    ],
)
def test_tags_are_read_however_they_are_written(matter: str, tags: tuple[str, ...]) -> None:
    assert parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x").tags == tags


@pytest.mark.parametrize(
    ("matter", "day"),
    [
        ("verified: 2026-11-24", date(2026, 11, 24)),
        ("verified: 2026-11-24 10:00:00", date(2026, 11, 24)),
        ("verified: last week", None),
    ],
)
def test_the_day_of_checking_is_a_date_or_none(matter: str, day: date | None) -> None:
    assert parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x").verified == day


@pytest.mark.parametrize(
    ("matter", "link"),
    [
        ("link: https://a.org/", "https://a.org/"),
        ("url: http://a.org/", "http://a.org/"),
        ("link: javascript:alert(1)", ""),
        ("sources:\n  - name: Somebody else's\n    url: https://s.org/", ""),
    ],
)
def test_the_link_is_a_web_address_or_nothing(matter: str, link: str) -> None:
    assert parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x").link == link
