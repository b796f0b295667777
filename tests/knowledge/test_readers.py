import codecs
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.formats.text import MAX_MATTER_CHARACTERS, with_headings
from knowledge.files.parsed_file import MAX_BYTES, UnreadableError
from knowledge.files.reader import parse_bytes, parse_file

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 100


# What can't be read.


def test_a_picture_named_md_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(PNG)
    with pytest.raises(UnreadableError, match="is not text: byte 6 is 0x1a"):
        parse_file(path)


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\n", codecs.BOM_UTF8, "\u2003\n".encode()], ids=repr
)
def test_a_file_without_a_word_is_empty(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="is empty"):
        parse_bytes(content, name="x")


def test_a_file_of_60_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    with path.open("wb") as file:
        # A hole: it takes no room on the disk, and its bytes would be refused as binary if read.
        file.truncate(60_000_000)
    with pytest.raises(UnreadableError, match=r"has 60\.0 MB; 50 MB is the most\. Split it"):
        parse_file(path)


def test_content_that_is_too_large_is_refused_wherever_it_comes_from() -> None:
    with pytest.raises(UnreadableError, match="10 MB is the most"):
        parse_bytes(b"x" * (MAX_BYTES + 1), name="x")


def test_invalid_utf_8_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(UnreadableError, match=r"not valid UTF-8: byte 2 is 0xfc\. Save it"):
        parse_file(path)


def test_torn_utf_16_is_refused() -> None:
    with pytest.raises(UnreadableError, match="not valid UTF-16"):
        parse_bytes(codecs.BOM_UTF16_LE + b"a", name="x")


def test_front_matter_that_is_not_yaml_is_refused_with_its_line() -> None:
    content = b"---\ntitle: fine\nsummary: [1, 2\n  : : x]: y\n---\nText."
    with pytest.raises(UnreadableError, match="front matter that is not YAML in line 4"):
        parse_bytes(content, name="x")


def test_front_matter_with_an_impossible_date_is_refused() -> None:
    with pytest.raises(UnreadableError, match="impossible value: month must be in"):
        parse_bytes(b"---\nverified: 2026-13-01\n---\nText.", name="x")


@pytest.mark.parametrize(
    "value", ["!!bool x", "!!int ''", "!!float ''", "!!timestamp x", "0x" + "f" * 5_000]
)
@pytest.mark.parametrize("key", ["title: {}", "tags: [{}]"])
def test_front_matter_with_a_value_that_is_not_what_it_says_is_refused(
    key: str, value: str
) -> None:
    with pytest.raises(UnreadableError, match="front matter with an impossible value"):
        parse_bytes(f"---\n{key.format(value)}\n---\nText.".encode(), name="a.md")


def test_halves_of_signs_become_the_sign_for_what_cant_be_shown() -> None:
    pairs = rb'[{"question": "Why \ud83d\ude00 \ud83d?", "answer": "\ude00 so."}]'
    assert parse_bytes(pairs, name="a.json").text == "## Why 😀 \ufffd?\n\n\ufffd so."


@pytest.mark.parametrize("block", ["just words", "- a\n- b", "42"])
def test_front_matter_that_is_no_list_of_keys_is_refused(block: str) -> None:
    with pytest.raises(UnreadableError, match="front matter that is not a list"):
        parse_bytes(f"---\n{block}\n---\nText.".encode(), name="x")


def test_front_matter_with_nothing_after_it_is_refused() -> None:
    with pytest.raises(UnreadableError, match="front matter and nothing after it"):
        parse_bytes(b"---\ntitle: A\n---\n\n  \n", name="x")


def test_front_matter_that_grows_when_it_is_written_out_is_refused() -> None:
    """Nine levels of nine aliases each stand for 400 million words."""
    levels = [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(9)]
    matter = "\n".join(["a0: &a0 [lol]", *levels, "tags: *a9"])
    with pytest.raises(UnreadableError, match="front matter with aliases"):
        parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x")


def test_front_matter_as_long_as_a_book_is_refused_before_it_is_parsed() -> None:
    matter = "a: " + "x" * MAX_MATTER_CHARACTERS
    with pytest.raises(UnreadableError, match="50,000 is the most"):
        parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x")


def test_front_matter_nested_without_end_is_refused() -> None:
    # The parser would get to the end, and say that something is missing there, in a minute.
    with pytest.raises(UnreadableError, match="front matter that is nested too deeply"):
        parse_bytes(f"---\na: {'[' * 40_000}\n---\nText.".encode(), name="x")


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="can't be read: No such file"):
        parse_file(tmp_path / "missing.md")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="can't be read"):
        parse_file(tmp_path)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_either_read_or_refused(content: bytes, markdown: bool) -> None:
    try:
        reading = parse_bytes(content, name="x.md" if markdown else "x.txt")
    except UnreadableError:
        return
    assert reading.text.strip()
    assert reading.title.strip()


@pytest.mark.parametrize("text", ["---\nA rule on top.", "{\n}\nBraces on top.", "+++\na\n+++\nb"])
def test_what_only_resembles_front_matter_is_text(text: str) -> None:
    assert parse_bytes(text.encode(), name="x").text == text


def test_an_empty_front_matter_says_nothing() -> None:
    reading = parse_bytes(b"---\n---\nText.", name="x")
    assert (reading.text, dict(reading.metadata)) == ("Text.", {})


# Encodings and line ends.


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


def test_front_matter_is_found_behind_a_mark_and_windows_line_ends() -> None:
    content = codecs.BOM_UTF8 + b"---\r\ntitle: Hello\r\n---\r\nText."
    reading = parse_bytes(content, name="x")
    assert (reading.title, reading.text) == ("Hello", "Text.")


# Titles and front matter.


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("---\ntitle: From the matter\n---\n# From the heading\n", "From the matter"),
        ("Intro.\n\n# From the heading\n", "From the heading"),
        ("```\n# a comment\n```\n\n# Real\n", "Real"),
        ("```sh\n# only a comment\n```\n", "release notes"),
        ("## Second level\nText.", "release notes"),
        ("---\ntitle: ''\n---\nText.", "release notes"),
        ("---\ntitle: 2024\n---\nText.", "2024"),
    ],
)
def test_the_title_is_the_matters_or_the_first_headings_or_the_files(
    content: str, title: str
) -> None:
    assert parse_bytes(content.encode(), name="release_notes").title == title


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
        ("sources:\n  - name: A\n    url: https://s.org/", "https://s.org/"),
        ("sources: [plain]", ""),
    ],
)
def test_the_link_is_a_web_address_or_nothing(matter: str, link: str) -> None:
    assert parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x").link == link


def test_plain_text_has_no_front_matter(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("---\ntitle: A\n---\nText.")
    assert parse_file(path).text == "---\ntitle: A\n---\nText."


# Numbered sections of plain text.

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
