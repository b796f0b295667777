"""Storable text: databases and Unicode's normalization take it, and nothing else changes."""

import ast
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.text import count_of, normal_form, storable, stream_safe
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.notes import Member
from knowledge.values.submissions import checked_submission

# By default, Hypothesis draws no lone surrogates.
_ANY = st.text(st.characters(codec=None, categories=None))


@given(_ANY)
def test_any_text_can_be_kept(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert storable(kept) == kept


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_writing_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [("Fer\0ries", "Ferries"), ("\0", ""), ("ä\0ö", "äö"), ("a\ud83db", "a\ufffdb")],
)
def test_what_is_no_sign_is_taken_out(text: str, kept: str) -> None:
    assert storable(text) == kept


def test_nothing_of_a_note_or_a_document_has_it() -> None:
    note = checked_submission("A\0 title", "Ferries\0 leave.", "sea\0 port", "https://a.org/\0b")
    assert "\0" not in repr(note.title + note.text + note.link + "".join(note.tags))
    assert (note.title, note.text) == ("A title", "Ferries leave.")
    assert Member(7, "Mi\0ra").name == "Mira"
    document = Document("file:\0a", SHARED, Kind.FILE, "A\0", "b\0c", "l\0", ("t\0",), "M\0", None)
    said = (document.id, document.title, document.text, document.link, document.contributor)
    assert said == ("file:a", "A", "bc", "l", "M")
    assert document.tags == ("t",)


# Marks of two classes in turn, which are sorted; U+FF9E and U+0F73 are marks only when decomposed.
PILES = ("\u0323\u0301", "\u0301\uff9e", "\u0f73\u0301", "\u0301", "\U0001e944\u0323")


@pytest.mark.parametrize("pile", PILES)
@pytest.mark.parametrize("before", ["", "a", "ä" * 9, "Vi\u1ec7t " * 3])
def test_piles_of_marks_are_cut_to_thirty(pile: str, before: str) -> None:
    piled = f"{before}{pile * 40}b {pile * 7} c{pile * 16}"
    cut = (pile * 40)[:30]
    assert storable(piled) == f"{before}{cut}b {pile * 7} c{(pile * 16)[:30]}"
    assert stream_safe(stream_safe(piled)) == stream_safe(piled)


def test_thirty_marks_stay() -> None:
    written = "e" + "\u0323\u0301" * 15 + "e\u0301" * 100
    assert storable(written) == written


@given(st.text(st.sampled_from("a\u0301\u0323\uff9e\u0f73b"), max_size=200))
def test_no_run_of_marks_is_longer_than_thirty_anywhere(text: str) -> None:
    runs = "".join("x" if _begins_with_mark(sign) else " " for sign in stream_safe(text)).split()
    assert max(map(len, runs), default=0) <= 30
    assert normal_form("NFKD", text) == unicodedata.normalize("NFKD", stream_safe(text))


def test_every_mark_of_unicode_is_known() -> None:
    signs = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    marks = [sign for sign in signs if _begins_with_mark(sign)]
    assert len(marks) > 900
    assert [mark for mark in marks if stream_safe(mark * 31) != mark * 30] == []


def _begins_with_mark(sign: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", sign)[0]) > 0


def test_a_million_marks_take_their_normal_form_at_once() -> None:
    begun = time.thread_time()
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        normal_form(form, "a" + "\u0323\u0301" * 500_000)
    # Sorted by insertion, they would take about twenty minutes.
    assert time.thread_time() - begun < 5


def test_only_the_stream_safe_helper_normalizes() -> None:
    root = Path(__file__).parents[2]
    callers = [
        path.relative_to(root).as_posix()
        for package in ("bot", "indexer", "knowledge")
        for path in sorted((root / package).rglob("*.py"))
        if any(_names_of(ast.parse(path.read_text())))
    ]
    assert callers == ["knowledge/text.py"]


def _names_of(tree: ast.Module) -> Iterator[str]:
    """Each way to reach `unicodedata.normalize`: as an attribute, or imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "normalize":
            if isinstance(node.value, ast.Name) and node.value.id == "unicodedata":
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "unicodedata":
            yield from (alias.name for alias in node.names if alias.name == "normalize")


def test_one_is_one_and_all_else_is_several() -> None:
    said = [count_of(count, "file") for count in (0, 1, 2, 1_200)]
    assert said == ["0 files", "1 file", "2 files", "1,200 files"]
    assert [count_of(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
