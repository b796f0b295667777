"""Storable text: every database accepts it, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.text import counted, storable
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


def test_one_is_one_and_all_else_is_several() -> None:
    said = [counted(count, "file") for count in (0, 1, 2, 1_200)]
    assert said == ["0 files", "1 file", "2 files", "1,200 files"]
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
