import codecs
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.formats.text import with_headings, with_label_headings
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes


def test_invalid_utf_8_is_refused_with_the_place() -> None:
    with pytest.raises(UnreadableError, match=r"not valid UTF-8: byte 2 is 0xfc\. Save it"):
        parse_bytes("Grüße".encode("latin-1"), name="latin.txt")


def test_torn_utf_16_is_refused() -> None:
    with pytest.raises(UnreadableError, match="not valid UTF-16"):
        parse_bytes(codecs.BOM_UTF16_LE + b"a", name="x")


@pytest.mark.parametrize("text", ["{\n}\nBraces on top.", "+++\na\n+++\nb"])
def test_what_only_resembles_front_matter_is_text(text: str) -> None:
    assert parse_bytes(text.encode(), name="x").text == text


def test_lines_of_many_dashes_are_rules_and_no_front_matter() -> None:
    content = b"-----------------------\n![Door](d.png)\n\n-----------------------\nCome in."
    assert parse_bytes(content, name="x").text == "\n![Door](d.png)\n\n\nCome in."


@pytest.mark.parametrize(
    "content",
    [
        "Grüße".encode(),
        codecs.BOM_UTF8 + "Grüße".encode(),
        codecs.BOM_UTF16_LE + "Grüße".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Grüße".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "Grüße".encode("utf-32-le"),
        codecs.BOM_UTF32_BE + "Grüße".encode("utf-32-be"),
    ],
    ids=["utf-8", "utf-8 with a mark", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_each_encoding_with_a_mark_is_recognised(content: bytes) -> None:
    assert parse_bytes(content, name="x").text == "Grüße"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_kind_of_line_end_is_one(end: str) -> None:
    assert parse_bytes(f"one{end}two{end}{end}three".encode(), name="x").text == "one\ntwo\n\nthree"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe" + hashlib.sha512(b"rubbish").digest(),
        b"\xff\xfe" + bytes(range(0x21, 0x7F)) * 2,
        b"\xfe\xff\xe0\x00\x4e\x00",
        b"\xff\xfe\x01\x00A\x00",
    ],
    ids=["random", "ASCII taken in pairs", "private use", "a control character"],
)
def test_rubbish_behind_a_mark_is_no_writing(content: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"is not valid UTF-16|goes on as no writing does"):
        parse_bytes(content, name="bad.md")


@pytest.mark.parametrize(
    "text",
    [
        "检索增强生成是一种技术,它先检索再生成。" * 5,
        "これは検索の仕組みについての短い説明です。" * 5,
        "검색 증강 생성은 먼저 찾고 나서 씁니다. " * 5,
        "Поиск, потом ответ. " * 5,
        "البحث المعزز بالتوليد. " * 5,
        "एक छोटा वाक्य। " * 8,
        "ไทยเขียนโดยไม่มีช่องว่างระหว่างคำ " * 5,
        "Smile \U0001f600 and \U0001f44d\U0001f3fd. ",
    ],
)
def test_writing_of_every_script_is_read_from_utf_16(text: str) -> None:
    assert parse_bytes(text.encode("utf-16"), name="x.md").text.strip() == text.strip()


def test_front_matter_is_found_behind_a_mark() -> None:
    content = codecs.BOM_UTF8 + b"---\r\ntitle: Hello\r\n---\r\nText."
    reading = parse_bytes(content, name="x")
    assert (reading.title, reading.text) == ("Hello", "Text.")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("---\ntitle: From the matter\n---\n# From the heading\n", "From the matter"),
        ("Intro.\n\n# From the heading\n", "From the heading"),
        ("```\n# a comment\n```\n\n# Real\n", "Real"),
        ("```sh\n# only a comment\n```\n", "Release notes"),
        ("> # only quoted\n", "Release notes"),
        ("## Above everything\nText.\n### A part\nMore.", "Above everything"),
        ("Intro.\n## A part\nText.", "Release notes"),
        ("## A part\nText.\n## Another part\nMore.", "Release notes"),
        ("---\ntitle: ''\n---\nText.", "Release notes"),
        ("# Overview\nText.", "Release notes"),
        ("# One\nText.\n\n# Another\nText.", "Release notes"),
        (f"{'A paragraph of its own. ' * 20}\n\n# Further down\nText.", "Release notes"),
        ("# Restore {#put-back}\nText.", "Restore"),
        ("---\ntitle: 2024\n---\nText.", "2024"),
    ],
)
def test_title_is_the_matters_headings_or_files(content: str, title: str) -> None:
    assert parse_bytes(content.encode(), name="release_notes").title == title


def test_plain_text_has_no_front_matter() -> None:
    text = "---\ntitle: A\n---\nText."
    assert parse_bytes(text.encode(), name="log.txt").text == text


ARTICLE = """\
Introduction
Some words to begin with.
1. Where it began
It began here.
- one
- two
2. Where it went
| a | b |
|---|---|
| 1 | 2 |
3. The end?
It went on.
"""


def test_numbered_sections_become_headings() -> None:
    headings = [line for line in with_headings(ARTICLE).split("\n") if line.startswith("## ")]
    assert headings == [
        "## Introduction",
        "## 1. Where it began",
        "## 2. Where it went",
        "## 3. The end?",
    ]


def test_a_table_between_numbered_sections_is_left_as_it_is() -> None:
    assert "| a | b |\n|---|---|\n| 1 | 2 |\n" in with_headings(ARTICLE)


@pytest.mark.parametrize(
    "text",
    [
        "To do:\n1. Buy milk\n2. Buy bread\n3. Go home\n",
        "Steps\n\n1. Open it\n\n2. Close it\n",
        "1. Only one section\nwith text.\n",
        "3. Not from one\ntext\n4. Nor this\ntext\n",
        "1. A sentence that ends.\ntext\n2. Another one.\ntext\n",
        "Nothing numbered at all.\n",
    ],
)
def test_a_numbered_list_stays_a_list(text: str) -> None:
    assert with_headings(text) == text


def test_a_long_first_line_is_no_heading() -> None:
    text = ARTICLE.replace("Introduction", "This is a whole sentence that merely opens the text.")
    assert not with_headings(text).lstrip().startswith("## This")


@given(st.lists(st.sampled_from(["1. One", "2. Two", "3. Three", "text", "", "- a"]), max_size=12))
def test_headings_add_marks_and_blank_lines_and_nothing_else(lines: list[str]) -> None:
    text = "\n".join(lines)
    bare = [line.removeprefix("## ") for line in with_headings(text).split("\n") if line]
    assert bare == [line for line in lines if line]


LABELLED = (
    "Rules.\n\n**Audio**\nNo echo.\n\n__Video:__\n\nNo flicker.\n\n**Text**\n\n"
    + "No shouting. " * 300
)


def test_bold_lines_are_headings_without_others() -> None:
    assert re.findall("(?m)^## .*", with_label_headings(LABELLED)) == [
        "## Audio",
        "## Video",
        "## Text",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"# Rules\n\n{LABELLED}",
        f"{LABELLED}\n\nEnd\n---\n",
        LABELLED.replace("**Text**", "**Text.**"),
        f"```\n{LABELLED}\n```",
        LABELLED[:300],
    ],
)
def test_lines_in_bold_stay_if_there_are_few_or_headings(text: str) -> None:
    assert with_label_headings(text) == text
