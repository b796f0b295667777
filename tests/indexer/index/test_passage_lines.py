"""Citations that name lines: kept beside passages, and moved with their documents."""

from dataclasses import replace

import pytest

from indexer.index.passage_lines import fragments
from indexer.ingest.pipeline import SLICE_LINKS, UpdateReport, update
from indexer.text.passages import Passage
from knowledge.values.documents import SHARED, Document, Kind, Lines
from tests.fakes import WordEmbedder
from tests.indexer.small_index import Home, opened

TEXT = "# Ferries\n\nAll of them.\n\n## Lisbon\n\nAt nine.\n"
DOCUMENT = Document(
    "git:https://a.org/r:a.md",
    SHARED,
    Kind.PAGE,
    "Ferries",
    TEXT,
    link="https://a.org/r/blob/1111/a.md",
    lines=Lines(5, "L{first}-L{last}"),
)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


def test_each_passage_is_cited_at_its_own_lines(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [DOCUMENT])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [f"{DOCUMENT.link}#L5-L7", f"{DOCUMENT.link}#L9-L11"]
        assert index.tables.link(DOCUMENT.id) == DOCUMENT.link
        *_, _ = update(index, embedder, [replace(DOCUMENT, lines=None)])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [DOCUMENT.link] * 2


def test_each_passage_is_cited_at_the_anchor_of_its_heading(
    home: Home, embedder: WordEmbedder
) -> None:
    """The second of two equal headings, too; the text above all headings is the page's."""
    link = "https://docs.example.org/ferries/"
    text = f"{TEXT}\n## Porto {{#north}}\n\nAt ten.\n\n## Lisbon\n\nAt night.\n"
    document = replace(DOCUMENT, text=text, link=link, lines=None, anchors="mkdocs")
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [document])
        found = index.tables.document_passages(document.id)
    anchors = [one.link.removeprefix(link) for one in found]
    assert anchors == ["", "#lisbon", "#north", "#lisbon_1"]
    assert [one.heading for one in found] == ["", "Lisbon", "Porto", "Lisbon"]


def test_a_passage_whose_text_is_found_elsewhere_is_cited_at_its_own_heading() -> None:
    """A passage that isn't in the text as it stands tells no place."""
    text = "## One\n\nSame.\n\n## Two\n\nText.\n\n## One\n\nSame."
    document = replace(DOCUMENT, text=text, lines=None, anchors="mkdocs")
    passages = [
        Passage(document.id, 1, document.title, "Two", "Cut otherwise."),
        Passage(document.id, 2, document.title, "One", "Same."),
    ]
    assert list(fragments(document, passages)) == ["two", "one_1"]


def test_a_document_at_another_commit_is_cited_there_and_nothing_else_is_done(
    home: Home, embedder: WordEmbedder
) -> None:
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [DOCUMENT])
        before = [one.id for one in index.tables.document_passages(DOCUMENT.id)]
        generation = index.tables.generation()
        report = UpdateReport()
        moved = replace(DOCUMENT, link="https://a.org/r/blob/2222/a.md")
        *_, _ = update(index, embedder, [moved], report=report)
        found = index.tables.document_passages(DOCUMENT.id)
        assert [one.id for one in found] == before
        assert [one.link for one in found] == [f"{moved.link}#L5-L7", f"{moved.link}#L9-L11"]
        # What was answered before is answered anew, with the link as it is now.
        assert index.tables.generation() == generation + 1
        assert (report.changed, report.unchanged, report.embedded) == ([], 1, 0)
        *_, _ = update(index, embedder, [moved])
        assert index.tables.generation() == generation + 1


def test_a_document_that_says_something_else_at_another_commit_is_read(
    home: Home, embedder: WordEmbedder
) -> None:
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [DOCUMENT])
        report = UpdateReport()
        link = "https://a.org/r/blob/2222/a.md"
        moved = replace(DOCUMENT, link=link, text=TEXT.replace("nine", "ten"))
        *_, _ = update(index, embedder, [moved], report=report)
        assert report.changed == [DOCUMENT.id]
        assert "ten" in index.tables.document_passages(DOCUMENT.id)[-1].text


def test_a_text_that_was_made_of_another_is_cited_at_its_headings(
    home: Home, embedder: WordEmbedder
) -> None:
    lines = Lines(0, "L{first}-L{last}", (("Ferries", 3), ("Lisbon", 12), ("Lisbon", 40)))
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [replace(DOCUMENT, lines=lines)])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [DOCUMENT.link, f"{DOCUMENT.link}#L12"]


def test_a_single_line_is_named_alone(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index:
        *_, _ = update(index, embedder, [replace(DOCUMENT, text="One line of text.")])
        [found] = index.tables.document_passages(DOCUMENT.id)
        assert found.link == f"{DOCUMENT.link}#L5"


def test_many_documents_at_another_commit_are_moved_a_few_a_step(
    home: Home, embedder: WordEmbedder
) -> None:
    count = SLICE_LINKS * 2 + 1
    with opened(home, embedder) as index:
        many = [replace(DOCUMENT, id=f"git:{number}", text="One.") for number in range(count)]
        *_, _ = update(index, embedder, many)
        moved = [replace(one, link="https://a.org/r/blob/2222/a.md") for one in many]
        steps = update(index, embedder, moved)
        next(steps)
        links = [index.tables.link(one.id) for one in many]
        assert links.count(DOCUMENT.link) == count - SLICE_LINKS
        *_, last = steps
        assert {index.tables.link(one.id) for one in many} == {moved[0].link}
        assert last.report.unchanged == count
