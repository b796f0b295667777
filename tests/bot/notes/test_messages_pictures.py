"""The offer of text read in pictures, and its place in the note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.notes import messages
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.guilds import Language
from knowledge.values.submissions import FORM_CHARACTERS

READ = "RuntimeError: CUDA out of memory\nTried to allocate 20 MiB"


def test_known_lines_are_not_offered() -> None:
    text = "Where it says runtimeerror:  CUDA out of memory, restart."
    offered = messages.offer_text(text, READ, Language.ENGLISH)
    assert "RuntimeError" not in offered
    assert "Tried to allocate 20 MiB" in offered
    assert messages.offer_text(f"{text} Tried to allocate 20 mib", READ, Language.ENGLISH) == ""


@pytest.mark.parametrize(
    ("text", "read"), [("Text", ""), ("Text", "ok"), ("x" * FORM_CHARACTERS, READ)]
)
def test_short_texts_and_full_notes_get_no_offer(text: str, read: str) -> None:
    assert messages.offer_text(text, read, Language.ENGLISH) == ""


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=FORM_CHARACTERS),
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"])), max_size=100),
    st.sampled_from(Language),
)
def test_an_offer_fits_message_and_form(text: str, lines: list[str], language: Language) -> None:
    offered = messages.offer_text(text, "\n".join(lines), language)
    assert size(offered) <= MESSAGE_CHARACTERS
    if offered:
        added = messages.with_text(text, offered)
        assert added.startswith(text.strip())
        assert size(added) <= FORM_CHARACTERS
