"""Drafts and their files: a round trip keeps everything; broken files are no drafts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.notes.drafts import as_file, draft_of_extension, from_file
from knowledge.store.database import now
from knowledge.values.drafts import Draft
from knowledge.values.notes import Note, Revision, SourceMessage, State
from knowledge.values.submissions import Submission

line = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(
    title=line,
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    tags=line,
    link=line,
    note=st.none() | st.integers(1, 2**63),
    source=st.none() | st.integers(1, 2**63),
    question=st.none() | st.integers(1, 2**63),
    added=st.booleans(),
    without=st.booleans(),
    read=st.booleans(),
)
def test_a_draft_survives_its_file_to_the_letter(
    title: str,
    text: str,
    tags: str,
    link: str,
    note: int | None,
    source: int | None,
    question: int | None,
    added: bool,
    without: bool,
    read: bool,
) -> None:
    draft = Draft(
        title,
        text,
        tags,
        link,
        note_id=note,
        guild_id=note and 5,
        source=SourceMessage(7, source) if source else None,
        question_id=question,
        adds_pictures=added,
        without_pictures=without,
        pictures_read=read,
    )

    assert from_file(as_file(draft).encode()) == draft


@pytest.mark.parametrize("text", ["---\n{}\n---\n", "\r\n---\r\n", "", "\n\n", "---"])
def test_a_text_like_front_matter_stays_the_text(text: str) -> None:
    assert from_file(as_file(Draft("Title", text)).encode()) == Draft("Title", text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"---\n",
        b"\xff\xfe",
        b"---\n{\n---\n\nText.",
        b"---\n{}\n---\n\nText.",
        b"---\n1\n---\n\n",
    ],
    ids=["empty", "cut off", "no UTF-8", "no JSON", "no fields", "no object"],
)
def test_an_empty_or_broken_file_is_no_draft(content: bytes) -> None:
    assert from_file(content) is None


def test_a_files_title_replaces_no_typed_one() -> None:
    assert Draft().with_file_text("x " * 100, "Text.").title == ("x " * 50).strip()
    assert Draft("Typed").with_file_text("From the file", "Text.").title == "Typed"


def test_an_extension_follows_the_notes_text() -> None:
    submission = Submission("Meetup", "In Lisbon.", ("lisbon",), "")
    revision = Revision(3, 1, 1, submission, State.APPROVED, now())
    note = Note(1, 5, 9, "Mia", 4, revision)

    draft = draft_of_extension(
        note, Draft("Other", "On Fridays.", "lisbon, meetup", "https://a.example")
    )

    assert (draft.title, draft.text) == ("Meetup", "In Lisbon.\n\nOn Fridays.")
    assert (draft.tags, draft.link) == ("lisbon meetup", "https://a.example")
    assert (draft.note_id, draft.guild_id) == (1, 5)
