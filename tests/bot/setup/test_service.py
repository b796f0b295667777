"""Lists in one field: known items, unknown words and tags."""

import pytest

from bot.setup.service import parse_items, parse_tags

NAMES = {"source:1": "guide", "source:2": "https://a.org/?x,y", "notes": "The notes", "3": "guide"}


@pytest.mark.parametrize(
    ("typed", "known", "unknown"),
    [
        ("guide", ["source:1"], []),
        ("3, NOTES ,, guide", ["3", "notes", "source:1"], []),
        ("https://a.org/?x,y", ["source:2"], []),
        ("notes, moon,  the sun", ["notes"], ["moon", "the sun"]),
        (" , ", [], []),
    ],
)
def test_names_keys_and_unknowns_are_parsed(
    typed: str, known: list[str], unknown: list[str]
) -> None:
    assert parse_items(typed, NAMES) == (known, unknown)


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("#Rust", ["rust"]),
        ("rust go #new", ["rust", "go", "new"]),
        ("open source, c++", ["open source", "c++"]),
        ("open SOURCE", ["open source"]),
    ],
)
def test_tags_are_separated_by_commas_or_spaces(typed: str, tags: list[str]) -> None:
    assert sorted(parse_tags(typed, ("rust", "open source"))) == sorted(tags)
