"""Lines of passages in the index database: what a citation's link names behind its #.

Only passages of documents whose lines can be named have a row in `passage_lines`.
"""

from collections.abc import Iterator, Sequence

from indexer.text.line_ranges import line_ranges
from indexer.text.passages import HEADING_SEPARATOR, Passage
from knowledge.values.documents import Document


def fragments(document: Document, passages: Sequence[Passage]) -> Iterator[str]:
    """What names the lines of each passage behind a #; nothing where that can't be told."""
    lines = document.lines
    if lines is None or not lines.form:
        yield from ("" for _ in passages)
        return
    if not lines.first:
        headings = dict(reversed(lines.headings))
        for passage in passages:
            line = headings.get(passage.heading.rpartition(HEADING_SEPARATOR)[2])
            yield _named(lines.form, line, line) if line is not None else ""
        return
    for found in line_ranges(document.text, passages):
        if found is None:
            yield ""
            continue
        first, last = (number + lines.first - 1 for number in found)
        yield _named(lines.form, first, last)


def _named(form: str, first: int, last: int) -> str:
    """Lines as a link names them; of a single one, its number alone."""
    if first == last:
        form = form.partition("{first}")[0] + "{first}"
    return form.replace("{first}", str(first)).replace("{last}", str(last))
