"""Revisions of a note as messages: changes word by word, and a long text as a file."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.notes import messages
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.notes import State
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot import values
from tests.bot.spoken import english, said_in


def test_differences_show_marks_as_text() -> None:
    old = values.note("Write ~~this~~ to @everyone in **bold** [here](https://a.example).")
    new = values.note("Write ~~that~~ to @everyone in **bold** [there](https://b.example).")

    content = messages.revision_card([old, new], 1).content

    assert r"\~\~" in content
    assert "](https://" not in content
    assert r"\[" in content


def test_a_long_revision_has_a_file() -> None:
    text = "\n".join(f"Line {number} of a long text." for number in range(150))
    note = values.note(text)

    for revisions in ([note], [values.note("Short."), note]):
        card = messages.revision_card(revisions, len(revisions) - 1)
        assert size(card.content) <= MESSAGE_CHARACTERS
        assert card.content.endswith("> …")
        assert (card.file_name, card.file_text) == ("note-1-revision-1.md", text)


def test_the_state_line_names_live_and_retired() -> None:
    live = values.note("x", State.APPROVED)
    assert messages.state_line(live).endswith("; used for answers")
    pending = replace(values.note("x"), live_revision_id=6)
    assert messages.state_line(pending) == "**Pending**; an earlier text is **live**"
    retired = replace(live, live_revision_id=None, retired_revision_id=7)
    assert messages.state_line(retired).endswith("; **retired**: no longer used for answers")
    rejected = values.note("x", State.REJECTED, "_" * 500)
    assert size(messages.state_line(rejected, room=100)) <= 100


READ = "RuntimeError: CUDA out of memory\nTried to allocate 20 MiB"


def test_known_lines_are_not_offered() -> None:
    text = "Where it says runtimeerror:  CUDA out of memory, restart."
    offered = english(messages.offer_text, text, READ)
    assert "RuntimeError" not in offered
    assert "Tried to allocate 20 MiB" in offered
    assert english(messages.offer_text, f"{text} Tried to allocate 20 mib", READ) == ""


@pytest.mark.parametrize(
    ("text", "read"), [("Text", ""), ("Text", "ok"), ("x" * FORM_CHARACTERS, READ)]
)
def test_short_texts_and_full_notes_get_no_offer(text: str, read: str) -> None:
    assert english(messages.offer_text, text, read) == ""


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=FORM_CHARACTERS),
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"])), max_size=100),
    st.sampled_from(Language),
)
def test_an_offer_fits_message_and_form(text: str, lines: list[str], language: Language) -> None:
    offered = said_in(language, messages.offer_text, text, "\n".join(lines))
    assert size(offered) <= MESSAGE_CHARACTERS
    if offered:
        added = messages.with_text(text, offered)
        assert added.startswith(text.strip())
        assert size(added) <= FORM_CHARACTERS
