"""Choosing a note or a tag while typing: what is found, in which order, and within which limits."""

import pytest

from bot.interactions.autocomplete import CHOICE_CHARACTERS, CHOICES, Choices
from knowledge.store.notes.note_records import ListedNote
from knowledge.values.notes import State

ME, OTHER = 1, 2


def note(
    number: int,
    title: str,
    *,
    by: int = OTHER,
    live: bool = True,
    state: State = State.APPROVED,
    tags: tuple[str, ...] = (),
) -> ListedNote:
    return ListedNote(number, by, title, state, title if live else None, tags)


def test_titles_with_the_typed_beginning_come_first() -> None:
    choices = Choices([note(1, "The meetup"), note(2, "Meetup in Lisbon"), note(3, "Backups")])

    assert [choice.name for choice in choices.live("MEETUP")] == ["Meetup in Lisbon", "The meetup"]
    assert [choice.value for choice in choices.live("meetup")] == ["2", "1"]


def test_a_number_finds_its_note_and_no_other() -> None:
    choices = Choices([note(12, "Twelve"), note(1, "One")])

    assert [choice.name for choice in choices.live("#12")] == ["Twelve"]


def test_unpublished_notes_are_offered_to_contributors() -> None:
    pending = note(1, "Mine", by=ME, live=False, state=State.PENDING)
    choices = Choices([pending])

    assert choices.live("") == []
    assert [choice.name for choice in choices.own(ME, "")] == ["Mine · pending"]
    assert choices.own(OTHER, "") == []
    assert choices.note_id("mine", OTHER) is None
    assert choices.note_id("mine", ME) == 1


def test_ones_own_live_note_is_offered_once() -> None:
    choices = Choices([note(1, "Mine", by=ME), note(2, "Another")])

    assert [choice.value for choice in choices.visible(ME, "")] == ["1", "2"]


@pytest.mark.parametrize("typed", ["", "note", "x" * 100])
def test_choices_are_within_discords_limits(typed: str) -> None:
    many = [note(i, f"Note {'x' * 90} {i}", by=ME, state=State.PENDING) for i in range(100)]
    choices = Choices(many)

    for found in (choices.live(typed), choices.own(ME, typed), choices.visible(ME, typed)):
        assert len(found) <= CHOICES
        assert all(1 <= len(choice.name) <= CHOICE_CHARACTERS for choice in found)


def test_an_invisible_title_has_a_name() -> None:
    choices = Choices([note(7, "\u200b\u202e")])

    assert [choice.name for choice in choices.live("")] == ["Note 7"]


@pytest.mark.parametrize("typed", ["0", "99999999999999999999999", "-1", "²", "1 or 1=1", "\u0661"])
def test_a_foreign_number_finds_no_note(typed: str) -> None:
    choices = Choices([note(1, "One")])

    assert choices.note_id(typed, ME) in {None, 0}


def test_tags_are_ranked_by_live_notes() -> None:
    choices = Choices(
        [note(1, "a", tags=("rare", "common")), note(2, "b", tags=("common", "also"))]
    )

    assert choices.tags == ["common", "also", "rare"]


def test_a_tag_is_completed_once() -> None:
    choices = Choices([note(1, "a", tags=("python", "packaging", "pypi"))])

    assert [choice.value for choice in choices.tag("Python, #p")] == [
        "python packaging",
        "python pypi",
    ]
    assert [choice.value for choice in choices.tag("")] == ["packaging", "pypi", "python"]


def test_no_completed_tags_are_longer_than_a_choice() -> None:
    choices = Choices([note(1, "a", tags=("python",))])

    assert choices.tag("x" * 99 + " ") == []
