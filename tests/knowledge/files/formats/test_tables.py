"""Lists of questions with answers, and tables row by row."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.passages import sections
from knowledge.files.formats.tables import MAX_COLUMNS, MAX_ROWS, MAX_VALUES
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes


def _json(value: Any, name: str = "faq.json") -> str:
    return parse_bytes(json.dumps(value).encode(), name=name).text


# What can't be read.


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [1, 2],
        {"version": "1"},
        [{"question": "Why?"}],
        "x",
        {"name": "left-pad", "description": "A package."},
    ],
)
def test_json_without_questions_and_answers_is_refused(value: Any) -> None:
    with pytest.raises(UnreadableError, match="JSON without questions and answers"):
        _json(value)


def test_torn_json_is_refused_with_the_place() -> None:
    with pytest.raises(UnreadableError, match=r"not valid JSON: .* line 2 column 1"):
        parse_bytes(b'[{"question": "Why?",\n', name="faq.json")


def test_a_number_without_end_is_refused_in_words_for_people() -> None:
    with pytest.raises(UnreadableError, match=r"^has a number of more than 4,300 digits"):
        parse_bytes(b'[{"question": 1' + b"0" * 5_000 + b', "answer": "x"}]', name="faq.json")


def test_a_cell_without_end_is_refused_with_what_is_mostly_wrong() -> None:
    content = 'question,answer\nWhy?,"' + "So.\n" * 40_000
    with pytest.raises(UnreadableError, match=r"131,072 characters: a quotation mark in it may"):
        parse_bytes(content.encode(), name="faq.csv")


def test_what_json_names_and_is_no_sign_can_be_stored_and_shown() -> None:
    reading = parse_bytes(
        rb'[{"question": "N\u0000?", "answer": "a\u0001b \ud800"}]', name="f.json"
    )
    assert "a\ufffdb \ufffd" in reading.text
    assert "\x00" not in reading.text


@pytest.mark.parametrize("depth", [300, 100_000])
def test_json_nested_without_end_is_refused(depth: int) -> None:
    with pytest.raises(UnreadableError, match="nested more than 200 levels"):
        parse_bytes(b"[" * depth + b"]" * depth, name="faq.json")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", "a table without rows"),
        ("a,b\n" + "1,2\n" * (MAX_ROWS + 1), "more than 50,000 rows"),
        ("a," * MAX_COLUMNS + "b\n" + "1," * MAX_COLUMNS + "2\n", "more than 200 columns"),
        (f"a,b\n1,{'x' * 131_073}\n", "a cell of more than 131,072"),
    ],
)
def test_a_table_past_its_limits_is_refused_with_the_limit(text: str, sentence: str) -> None:
    with pytest.raises(UnreadableError, match=sentence):
        parse_bytes(text.encode(), name="x.csv")


# Pairs.


@pytest.mark.parametrize(
    "value",
    [
        [{"question": "Why?", "answer": "Because."}],
        [{"Q": "Why?", "A": "Because."}],
        {"faqs": [{"question": "Why?", "answers": ["Because."]}]},
        {"Why?": "Because."},
        {"general": {"Why?": "Because."}},
        [{"prompt": "Why?", "response": "Because."}],
        [{"title": "Why?", "body": "Because."}],
        {"mainEntity": [{"name": "Why?", "acceptedAnswer": {"text": "Because."}}]},
        [{"category": "All", "questions": [{"q": "Why?", "a": "Because."}]}],
    ],
)
def test_pairs_are_found_under_their_usual_keys(value: Any) -> None:
    assert _json(value) == "## Why?\n\nBecause."


def test_a_json_object_a_line_is_a_list() -> None:
    lines = '{"question": "A?", "answer": "a"}\n\n{"question": "B?", "answer": "b"}\n'
    assert parse_bytes(lines.encode(), name="x.jsonl").text == "## A?\n\na\n\n## B?\n\nb"


def test_json_called_txt_is_read_as_the_list_that_it_is() -> None:
    assert _json([{"question": "Why?", "answer": "Because."}], "faq.txt").startswith("## Why?")


def test_json_without_pairs_that_is_called_a_text_is_a_text() -> None:
    assert _json({"version": "1"}, "notes.md") == '{"version": "1"}'


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["faq.csv", "faq.txt"])
def test_a_table_of_questions_becomes_sections_whatever_it_is_called(
    delimiter: str, name: str
) -> None:
    rows = [["Question", "Answer"], ["Why?", '"So, that; it ""works""."'], ["How?", "Well."]]
    text = "\n".join(delimiter.join(row) for row in rows)
    reading = parse_bytes(text.encode(), name=name)
    assert reading.text == '## Why?\n\nSo, that; it "works".\n\n## How?\n\nWell.'


def test_a_link_beside_an_answer_is_kept_with_it() -> None:
    pair = {"question": "Why?", "answer": "Because.", "url": "https://a.org/why"}
    assert _json([pair]) == "## Why?\n\nBecause.\n\n<https://a.org/why>"


def test_the_list_is_called_by_its_own_title_or_its_file() -> None:
    pairs = [{"question": "Why?", "answer": "Because."}]
    content = json.dumps({"title": "House rules", "faq": pairs}).encode()
    assert parse_bytes(content, name="x.json").title == "House rules"
    assert parse_bytes(json.dumps(pairs).encode(), name="house_faq.json").title == "House faq"


@given(
    st.lists(
        st.sampled_from(["# One", "## Two", "Three\n-----", "```\n# no\n```", "words", "- a", ""]),
        min_size=1,
        max_size=8,
    ).filter(any)
)
def test_an_answers_headings_stay_below_its_question(lines: list[str]) -> None:
    answer = "\n\n".join(lines)
    text = _json([{"question": "Why?", "answer": answer}, {"question": "Next?", "answer": "x"}])
    paths = [path for path, _ in sections(text)]
    assert all(path.split(" › ")[0] in ("Why?", "Next?") for path in paths)


# Other tables.


def test_a_row_names_its_columns() -> None:
    text = "name,price,\nTea,3,hot\nWater,,\n"
    items = parse_bytes(text.encode(), name="menu.csv").text
    assert items == "- **name**: Tea; **price**: 3; hot\n- **name**: Water"


def test_a_table_with_a_title_column_is_no_list_of_questions() -> None:
    text = "title,description\nTea,Hot.\n"
    assert parse_bytes(text.encode(), name="menu.csv").text.startswith("- **title**: Tea")


def test_json_of_millions_of_empty_values_is_refused_before_they_are_looked_at() -> None:
    """Ten megabytes of them took half a minute, in which no other file was read."""
    with pytest.raises(UnreadableError, match=r"^has more than 250,000 values\. Split it\.$"):
        parse_bytes(b"[" + b"{}," * MAX_VALUES + b"{}]", name="a.json")
