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


def test_unshowable_signs_of_json_are_replaced() -> None:
    reading = parse_bytes(
        rb'[{"question": "N\u0000?", "answer": "a\u0001b \ud800"}]', name="f.json"
    )
    assert "a\ufffdb \ufffd" in reading.text
    assert "\x00" not in reading.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"question": "Why?",\n', r"not valid JSON: .* line 2 column 1"),
        (f'[{{"question": 1{"0" * 5_000}, "answer": "x"}}]', r"^has a number of more than 4,300"),
        ("[" * 300 + "]" * 300, "nested more than 200 levels"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 200 levels"),
        # Looking at them took half a minute, in which no other file was read.
        ("[" + "{}," * MAX_VALUES + "{}]", r"^has more than 250,000 values\. Split it\.$"),
    ],
    ids=["torn", "long number", "deep", "deeper", "many values"],
)
def test_json_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(text.encode(), name="faq.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n", "a table without rows"),
        ("a,b\n" + "1,2\n" * (MAX_ROWS + 1), "more than 50,000 rows"),
        ("a," * MAX_COLUMNS + "b\n" + "1," * MAX_COLUMNS + "2\n", "more than 200 columns"),
        (f"a,b\n1,{'x' * 131_073}\n", "a cell of more than 131,072"),
        ('a,b\nWhy?,"' + "So.\n" * 40_000, "131,072 characters: a quotation mark in it may"),
    ],
    ids=["empty", "rows", "columns", "cell", "open cell"],
)
def test_a_table_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
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


def test_json_text_without_pairs_is_text() -> None:
    assert _json({"version": "1"}, "notes.md") == '{"version": "1"}'


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["faq.csv", "faq.txt"])
def test_table_of_questions_becomes_sections(delimiter: str, name: str) -> None:
    rows = [["Question", "Answer"], ["Why?", '"So, that; it ""works""."'], ["How?", "Well."]]
    text = "\n".join(delimiter.join(row) for row in rows)
    reading = parse_bytes(text.encode(), name=name)
    assert reading.text == '## Why?\n\nSo, that; it "works".\n\n## How?\n\nWell.'


def test_a_link_beside_an_answer_is_kept_with_it() -> None:
    pair = {"question": "Why?", "answer": "Because.", "url": "https://a.org/why"}
    assert _json([pair]) == "## Why?\n\nBecause.\n\n<https://a.org/why>"


def test_list_is_called_by_its_title_or_file() -> None:
    pairs = [{"question": "Why?", "answer": "Because."}]
    content = json.dumps({"title": "House rules", "faq": pairs}).encode()
    assert parse_bytes(content, name="x.json").title == "House rules"
    named = parse_bytes(json.dumps(pairs).encode(), name="house_faq.txt")
    assert (named.title, named.text) == ("House faq", "## Why?\n\nBecause.")


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


def test_table_with_titles_is_no_questions() -> None:
    text = "title,description\nTea,Hot.\n"
    assert parse_bytes(text.encode(), name="menu.csv").text.startswith("- **title**: Tea")
