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


@pytest.mark.parametrize(
    ("title", "text", "tags", "sentence"),
    [
        ("", "Text", "", "title is empty"),
        ("  \n\t ", "Text", "", "title is empty"),
        ("\u2003", "Text", "", "title is empty"),
        ("t" * (TITLE_CHARACTERS + 1), "Text", "", "101 characters; the limit is 100"),
        ("Title", "", "", "text is empty"),
        ("Title", " \n ", "", "text is empty"),
        ("Title", "***", "", "text is empty"),
        ("Title", "—…!", "", "text is empty"),
        ("Title", "t" * (TEXT_CHARACTERS + 1), "", "30,001 characters; the limit is 30,000"),
        ("Title", "Text", "good a!b", "a!b"),
        ("Title", "Text", f"good {'t' * (TAG_CHARACTERS + 1)}", "t" * TAG_CHARACTERS),
        ("Title", "Text", "good @everyone", "@everyone"),
        ("Title", "Text", "a b c d e f", "6 tags; the limit is 5"),
        ("Title", "q", "", "too short for a note"),
        ("Title", "test", "", "too short for a note"),
        ("Title", "***ok***", "", "too short for a note"),
        ("Title", "？？好", "", "too short for a note"),
    ],
)
def test_unusable_title_or_tag_is_refused(title: str, text: str, tags: str, sentence: str) -> None:
    with pytest.raises(InvalidNoteError, match=sentence):
        checked_submission(title, text, tags)


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
    with pytest.raises(InvalidNoteError, match="source link isn't a web address"):
        checked_submission("Title", "Text", link=link)


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
def test_text_is_kept_but_for_outer_blanks(text: str) -> None:
    kept = checked_submission("Title", f" \n{text} two words\n\n").text
    assert kept == storable(f"{text} two words").strip()


@given(st.text(max_size=150))
def test_a_title_that_is_taken_is_one_line(title: str) -> None:
    try:
        taken = checked_submission(title, "Some text").title
    except InvalidNoteError:
        return
    assert len(taken.splitlines()) == 1


@pytest.mark.parametrize("text", ["16 shards", "play.example.org", "每周五在里斯本", "Wendelstein"])
def test_a_short_text_that_says_something_is_taken(text: str) -> None:
    assert checked_submission("Title", text).text == text


@pytest.mark.parametrize(
    "link", ["example.org", "www.example.org/a?b#c", "docs.example.org:8080/x", "münchen.de/wiki"]
)
def test_a_link_without_its_scheme_is_completed(link: str) -> None:
    assert checked_submission("Title", "Some text", link=link).link == f"https://{link}"


def test_other_wordings_are_one_a_line() -> None:
    typed = "  how  do I join\n\nHow do i JOIN\r\nsign up\njoining"
    assert checked_submission("Joining", "Some text", wordings=typed).wordings == (
        "how do I join",
        "sign up",
    )


@pytest.mark.parametrize("typed", ["?!", "x" * (WORDING_CHARACTERS + 1), "a\nb\nc\nd\ne\nf"])
def test_a_bad_or_sixth_way_to_ask_is_refused(typed: str) -> None:
    with pytest.raises(InvalidNoteError, match="way"):
        checked_submission("Title", "Some text", wordings=typed)
