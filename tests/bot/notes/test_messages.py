"""Revisions of a note as messages: changes word by word, and a long text as a file."""

from dataclasses import replace

from bot.notes import messages
from bot.text.markdown import MESSAGE_CHARACTERS, size
from knowledge.values.notes import State
from tests.bot import values


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
