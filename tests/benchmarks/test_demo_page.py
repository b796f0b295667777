"""The example of a public page: the project's own decisions and articles."""

from pathlib import Path

import pytest

from benchmarks.demo_page import DOCS, build, decisions


def test_every_decision_becomes_a_note_without_relative_links() -> None:
    notes = list(decisions())

    assert len(notes) == (DOCS / "decisions.md").read_text("utf-8").count("\n- **") > 0
    assert all("](" not in note.text.replace("](https://", "") for note in notes)


@pytest.mark.slow
def test_example_page_has_decisions_and_articles(tmp_path: Path) -> None:
    build(tmp_path / "demo")

    pages = "".join(page.read_text() for page in (tmp_path / "demo").rglob("index.html"))
    assert next(decisions()).title in pages
    assert "What is open-source AI?" in pages
