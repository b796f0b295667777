from hypothesis import given
from hypothesis import strategies as st

from indexer.index.passage_lines import line_ranges
from indexer.text.passages import passages
from knowledge.values.documents import SHARED, Document, Kind


def _cut(text: str, most: int = 60) -> list[tuple[str, tuple[int, int] | None]]:
    document = Document("file:a", SHARED, Kind.FILE, "A", text)
    cut = passages(document, lambda words: len(words.split()), most)
    return [(one.text, found) for one, found in zip(cut, line_ranges(text, cut), strict=True)]


def test_a_passage_begins_at_its_heading() -> None:
    text = "# A\n\nOne.\n\n## B\n\nTwo.\nThree.\n\nSetext\n------\nFour."
    assert _cut(text) == [
        ("One.", (1, 3)),
        ("Two.\nThree.", (5, 8)),
        ("Four.", (10, 12)),
    ]


def test_equal_passages_are_told_apart_by_their_order() -> None:
    assert [found for _, found in _cut("## A\nSame.\n## B\nSame.")] == [(1, 2), (3, 4)]


def test_code_that_a_cut_goes_through_has_its_own_lines() -> None:
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
def test_every_passage_is_on_the_lines_that_are_named(lines: list[str]) -> None:
    text = "\n".join(lines)
    for passage, place in _cut(text, most=24):
        if place is not None:
            first, last = place
            assert 1 <= first <= last <= max(len(lines), 1)
            inner = [line for line in passage.split("\n") if line.strip() and "`" not in line]
            named = "\n".join(lines[first - 1 : last])
            assert all(line in named for line in inner)
