"""Lists in one command option: completed, parsed, and combined with earlier choices."""

import pytest

from bot.interactions.autocomplete import CHOICE_CHARACTERS
from bot.setup.channel_service import combine_selection, complete_items, parse_items, parse_tags
from knowledge.values.channel_settings import EVERYTHING, AnsweredFrom

NAMES = {"source:1": "guide", "source:2": "https://a.org/?x,y", "notes": "The notes", "3": "guide"}
OWN = AnsweredFrom(("rust",), ("notes",), first=True)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("", ["source:1", "source:2", "notes", "3"]),
        ("GUI", ["source:1", "3"]),
        ("the  notes,gui", ["notes, source:1", "notes, 3"]),
        ("notes,", ["notes, source:1", "notes, source:2", "notes, 3"]),
        ("nothing", []),
        ("nothing, notes", ["nothing, notes"]),
    ],
)
def test_the_last_item_of_a_list_is_completed(typed: str, keys: list[str]) -> None:
    assert [choice.value for choice in complete_items(typed, NAMES)] == keys


def test_choices_too_long_for_discord_are_not_offered() -> None:
    long = {f"key {number:03}" * 8: "name" for number in range(3)}
    typed = f"{next(iter(long))}, "
    assert complete_items(typed, long) == []
    names = {"short": "n" * 300}
    [choice] = complete_items("", names)
    assert len(choice.name) <= CHOICE_CHARACTERS


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
def test_names_and_keys_are_parsed_and_other_words_returned_as_unknown(
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
    known = {tag: tag for tag in ("rust", "open source")}
    assert sorted(parse_tags(typed, known)) == sorted(tags)


def test_omitted_choices_stay_and_all_selects_everything() -> None:
    assert combine_selection(OWN, OWN, tags=["go"]) == AnsweredFrom(("go",), ("notes",), first=True)
    assert combine_selection(OWN, OWN, sources=[]) == AnsweredFrom(("rust",), (), first=True)
    assert combine_selection(None, OWN, tags=["go"]) == AnsweredFrom(("go",))
    assert combine_selection(None, OWN, first=False) == AnsweredFrom(("rust",), ("notes",))
    assert combine_selection(OWN, OWN, tags=["go", "all"]) == EVERYTHING
    assert combine_selection(OWN, OWN, sources=["all"], first=True) == EVERYTHING
