from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexer.index.passage_lines import fragments, line_ranges
from indexer.ingest.pipeline import SLICE_LINKS, UpdateReport, cut_in_slices, update
from indexer.text.passages import CHUNK_CHARACTERS, Passage, passages
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


def test_each_passage_is_cited_at_its_own_lines(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        *_, _ = update(index, embedder, [DOCUMENT])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [f"{DOCUMENT.link}#L5-L7", f"{DOCUMENT.link}#L9-L11"]
        assert index.tables.link(DOCUMENT.id) == DOCUMENT.link
        *_, _ = update(index, embedder, [replace(DOCUMENT, lines=None)])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [DOCUMENT.link] * 2


def test_passage_is_cited_at_its_headings_anchor(tmp_path: Path, embedder: WordEmbedder) -> None:
    """The second of two equal headings has one, too. Text above all headings has none."""
    link = "https://docs.example.org/ferries/"
    text = f"{TEXT}\n## Porto {{#north}}\n\nAt ten.\n\n## Lisbon\n\nAt night.\n"
    document = replace(DOCUMENT, text=text, link=link, lines=None, anchors="mkdocs")
    with opened(tmp_path, embedder) as index:
        *_, _ = update(index, embedder, [document])
        found = index.tables.document_passages(document.id)
    anchors = [one.link.removeprefix(link) for one in found]
    assert anchors == ["", "#lisbon", "#north", "#lisbon_1"]
    assert [one.heading for one in found] == ["", "Lisbon", "Porto", "Lisbon"]


def test_a_repeated_passage_is_cited_at_its_own_heading() -> None:
    """One passage isn't in the text as it stands."""
    text = "## One\n\nSame.\n\n## Two\n\nText.\n\n## One\n\nSame."
    document = replace(DOCUMENT, text=text, lines=None, anchors="mkdocs")
    cut = [
        Passage(document.id, 1, document.title, "Two", "Cut otherwise."),
        Passage(document.id, 2, document.title, "One", "Same."),
    ]
    assert list(fragments(document, cut)) == ["two", "one_1"]


def test_another_commit_only_gives_new_links(home: Home, embedder: WordEmbedder) -> None:
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
        # Cached answers become stale, because their link changed.
        assert index.tables.generation() == generation + 1
        assert (report.changed, report.unchanged, report.embedded) == ([], 1, 0)
        *_, _ = update(index, embedder, [moved])
        assert index.tables.generation() == generation + 1


def test_converted_text_is_cited_at_heading_lines(tmp_path: Path, embedder: WordEmbedder) -> None:
    lines = Lines(0, "L{first}-L{last}", (("Ferries", 3), ("Lisbon", 12), ("Lisbon", 40)))
    with opened(tmp_path, embedder) as index:
        *_, _ = update(index, embedder, [replace(DOCUMENT, lines=lines)])
        links = [one.link for one in index.tables.document_passages(DOCUMENT.id)]
        assert links == [DOCUMENT.link, f"{DOCUMENT.link}#L12"]


def test_a_single_line_is_named_alone(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        *_, _ = update(index, embedder, [replace(DOCUMENT, text="One line of text.")])
        [found] = index.tables.document_passages(DOCUMENT.id)
        assert found.link == f"{DOCUMENT.link}#L5"


def test_many_links_are_updated_in_slices(tmp_path: Path, embedder: WordEmbedder) -> None:
    count = SLICE_LINKS + 1
    with opened(tmp_path, embedder) as index:
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


# Lines of passages.


def _cut(text: str, most: int = 60) -> list[tuple[str, tuple[int, int] | None]]:
    document = Document("file:a", SHARED, Kind.FILE, "A", text)
    cut = passages(document, lambda words: len(words.split()), most)
    return [(one.text, found) for one, found in zip(cut, line_ranges(text, cut), strict=True)]


def test_a_passage_begins_at_its_heading() -> None:
    text = "# A\n\nOne.\n\n## B\n\nTwo.\nThree.\n\nSetext\n------\nFour."
    assert _cut(text) == [("One.", (1, 3)), ("Two.\nThree.", (5, 8)), ("Four.", (10, 12))]


def test_equal_passages_get_their_lines_in_order() -> None:
    assert [found for _, found in _cut("## A\nSame.\n## B\nSame.")] == [(1, 2), (3, 4)]


def test_parts_of_a_code_block_have_their_own_lines() -> None:
    code = "\n".join(f"line {number} of the code that is long" for number in range(80))
    text = f"## A\n\n```py\n{code}\n```\n\nAfter."
    lines = text.split("\n")
    found = _cut(text)
    assert len(found) > 2
    for passage, place in found:
        assert place is not None
        written = [line for line in passage.split("\n") if line.startswith("line ")]
        assert written == [line for line in lines[place[0] - 1 : place[1]] if "line " in line]


@given(
    st.lists(st.sampled_from(["# A", "## B", "", "text. More.", "- item", "```", "===", "1. x"]))
)
def test_every_passage_is_within_its_lines(lines: list[str]) -> None:
    text = "\n".join(lines)
    for passage, place in _cut(text, most=24):
        if place is not None:
            first, last = place
            assert 1 <= first <= last <= max(len(lines), 1)
            inner = [line for line in passage.split("\n") if line.strip() and "`" not in line]
            named = "\n".join(lines[first - 1 : last])
            assert all(line in named for line in inner)


def test_links_of_a_long_document_are_made_in_steps(embedder: WordEmbedder) -> None:
    """A long document is parsed once more for them: 2.5 MB of `- a` took 8 s."""
    text = "# List\n\n" + "- a\n" * 60_000
    unlinked = Document("doc", SHARED, Kind.FILE, "Timetable", text)
    linked = replace(unlinked, anchors="mkdocs")
    steps = [len(list(cut_in_slices(embedder, document))) for document in (unlinked, linked)]
    assert steps[1] - steps[0] >= len(text) // (4 * CHUNK_CHARACTERS)
