"""Submissions: accepted ones, and refused ones with their reasons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.text import storable
from knowledge.values.submissions import (
    LINK_CHARACTERS,
    TAG_CHARACTERS,
    TEXT_CHARACTERS,
    TITLE_CHARACTERS,
    WORDING_CHARACTERS,
    InvalidNoteError,
    Submission,
    checked_submission,
)


@pytest.mark.parametrize("title", ["", "  \n\t ", "\u2003"])
def test_an_empty_title_is_refused(title: str) -> None:
    with pytest.raises(InvalidNoteError, match="title is empty"):
        checked_submission(title, "Text")


def test_a_title_of_too_many_characters_is_refused_with_its_length() -> None:
    with pytest.raises(InvalidNoteError, match="101 characters; 100 is the most"):
        checked_submission("t" * (TITLE_CHARACTERS + 1), "Text")


@pytest.mark.parametrize("text", ["", " \n ", "***", "—…!"])
def test_a_text_without_a_letter_or_digit_is_refused(text: str) -> None:
    with pytest.raises(InvalidNoteError, match="text is empty"):
        checked_submission("Title", text)


def test_a_text_of_too_many_characters_is_refused_and_not_cut() -> None:
    with pytest.raises(InvalidNoteError, match="30,001 characters; 30,000 is the most"):
        checked_submission("Title", "t" * (TEXT_CHARACTERS + 1))


@pytest.mark.parametrize(
    "link",
    [
        "example",
        "javascript:alert(1)",
        "http://",
        "https://a b.org",
        "https://example.org/>",
        "https://example.org/" + "a" * LINK_CHARACTERS,
    ],
)
def test_a_link_that_is_no_web_address_is_refused(link: str) -> None:
    with pytest.raises(InvalidNoteError, match="source link is not an address"):
        checked_submission("Title", "Text", link=link)


@pytest.mark.parametrize("tag", ["a!b", "t" * (TAG_CHARACTERS + 1), "@everyone"])
def test_a_tag_that_can_not_be_used_is_named(tag: str) -> None:
    with pytest.raises(InvalidNoteError, match=tag[:40]):
        checked_submission("Title", "Text", f"good {tag}")


def test_six_tags_are_refused_with_their_number() -> None:
    with pytest.raises(InvalidNoteError, match="6 tags; 5 is the most"):
        checked_submission("Title", "Text", "a b c d e f")


def test_tags_are_folded_and_repeats_dropped_in_the_order_typed() -> None:
    assert checked_submission("T", "Some text", "#Llama, gpu,llama  GPU;".rstrip(";")).tags == (
        "llama",
        "gpu",
    )


def test_the_longest_of_everything_is_taken() -> None:
    title, text = "t" * TITLE_CHARACTERS, "x" * TEXT_CHARACTERS
    link = "https://" + "a" * (LINK_CHARACTERS - len("https://"))
    assert checked_submission(title, text, "a b c d e", link) == Submission(
        title, text, ("a", "b", "c", "d", "e"), link
    )


@given(st.text(max_size=300))
def test_a_text_is_kept_to_the_letter_but_for_the_blanks_around_it(text: str) -> None:
    kept = checked_submission("Title", f" \n{text} two words\n\n").text
    assert kept == storable(f"{text} two words").strip()


@given(st.text(max_size=150))
def test_a_title_that_is_taken_is_one_line(title: str) -> None:
    try:
        taken = checked_submission(title, "Some text").title
    except InvalidNoteError:
        return
    assert len(taken.splitlines()) == 1


@pytest.mark.parametrize("text", ["q", "test", "***ok***", "？？好"])
def test_a_text_that_is_too_little_to_know_is_refused_with_what_is_missing(text: str) -> None:
    with pytest.raises(InvalidNoteError, match="too little for a note"):
        checked_submission("Title", text)


@pytest.mark.parametrize("text", ["16 shards", "play.example.org", "每周五在里斯本", "Wendelstein"])
def test_a_short_text_that_says_something_is_taken(text: str) -> None:
    assert checked_submission("Title", text).text == text


@pytest.mark.parametrize(
    "link", ["example.org", "www.example.org/a?b#c", "docs.example.org:8080/x", "münchen.de/wiki"]
)
def test_a_link_without_its_scheme_is_completed(link: str) -> None:
    assert checked_submission("Title", "Some text", link=link).link == f"https://{link}"


def test_other_ways_to_ask_are_one_a_line_without_repeats_and_the_title() -> None:
    typed = "  how  do I join\n\nHow do i JOIN\r\nsign up\njoining"
    assert checked_submission("Joining", "Some text", wordings=typed).wordings == (
        "how do I join",
        "sign up",
    )


@pytest.mark.parametrize("typed", ["?!", "x" * (WORDING_CHARACTERS + 1), "a\nb\nc\nd\ne\nf"])
def test_a_bad_or_sixth_way_to_ask_is_refused(typed: str) -> None:
    with pytest.raises(InvalidNoteError, match="way"):
        checked_submission("Title", "Some text", wordings=typed)
