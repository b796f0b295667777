"""Markdown tables for Discord, which doesn't render them. Pure.

A table that fits a phone becomes a code block with aligned columns. A wider table becomes a list
with an item for each row. A table with links also becomes a list, because links don't work in code
blocks. If the table has more than two columns, the items name them: "Oak · height: 20 m". Omitted
rows are a line "…".
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from indexer.text.sentences import ROW

# Columns of letters in a line of code on a phone, inside a container.
FENCED_CHARACTERS: Final = 28

# Stands for omitted rows.
LEFT_OUT: Final = "| … |"
# In a table with more columns, each value needs the name of its column.
_READABLE_COLUMNS: Final = 2
_DELIMITERS: Final = re.compile(r"[\s|:-]+\Z")
# Links and pictures work in prose only, and three backticks would end the block.
_PROSE: Final = re.compile(r"\]\(|https?:|```")
# A bar and the cell behind it; bars inside it are escaped or in code.
_CELL: Final = re.compile(r"\|((?:[^|\\`]|\\.|`[^`]*`|[`\\])*)")
# Code, an escaped sign, or a mark of emphasis.
_MARKED: Final = re.compile(
    r"`(?P<code>[^`]*)`|\\(?P<sign>[^\w\s])|(?<![\w\\])(?:[*_]{1,3}|~~)(?=\S)"
    r"|(?<=\S)(?:[*_]{1,3}|~~)(?!\w)"
)
_BETWEEN: Final = " · "
_GAP: Final = "  "
# Combining marks, and invisible signs.
_NARROW: Final = frozenset({"Mn", "Me", "Cf"})


def is_row(line: str) -> bool:
    return line.lstrip().startswith(ROW) and line.rstrip().endswith(ROW)


def head_lines(rows: Sequence[str]) -> int:
    """Return how many lines of a table precede its first row of values."""
    is_headed = len(rows) > 1 and "-" in rows[1] and _DELIMITERS.match(rows[1]) is not None
    return 2 if is_headed else 0


def shown_table(rows: Sequence[str]) -> list[str]:
    """Return the lines of text that replace a table."""
    return _align(rows) or [*_as_list(rows)]


def shown_row(row: str) -> str:
    """Return the text of one row, cells separated; empty for the delimiter row."""
    return "" if _DELIMITERS.match(row) is not None else _BETWEEN.join(filter(None, _cells(row)))


def _cells(row: str) -> list[str]:
    """The cells of a row, empty ones included."""
    cells = [cell.strip().replace("\\|", ROW) for cell in _CELL.findall(row.strip())]
    # Behind the last bar is no cell.
    return cells if cells and cells[-1] else cells[:-1]


# Aligned columns.


def _align(rows: Sequence[str]) -> list[str]:
    """Return a table as a code block with aligned columns; empty if it has links or is too wide."""
    if any(map(_PROSE.search, rows)):
        return []
    above = head_lines(rows)
    head = rows[:1] if above and any(_cells(rows[0])) else []
    table = [[*map(_without_marks, _cells(row))] for row in (*head, *rows[above:])]
    columns = range(max(map(len, table), default=0))
    if not 0 < len(columns) <= FENCED_CHARACTERS:
        return []
    for row in table:
        row += [""] * (len(columns) - len(row))
    widths = [max(_width(row[column]) for row in table) for column in columns]
    if sum(widths) + len(_GAP) * (len(columns) - 1) > FENCED_CHARACTERS:
        return []
    if head:
        table.insert(1, ["-" * width for width in widths])
    return ["```", *(_pad(row, widths) for row in table), "```"]


def _pad(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
    return _GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """The width of a text in a monospaced font, in columns: two for a wide letter."""
    return sum(
        (unicodedata.east_asian_width(sign) in "WF") + (unicodedata.category(sign) not in _NARROW)
        for sign in text
    )


def _without_marks(cell: str) -> str:
    """A cell without Markdown marks, because a code block would show them."""
    return _MARKED.sub(lambda found: found["code"] or found["sign"] or "", cell).strip()


# Rows as items of a list.


def _as_list(rows: Sequence[str]) -> Iterator[str]:
    above = head_lines(rows)
    head = [cell.replace("**", "") for cell in _cells(rows[0])] if above else []
    is_labelled = len(head) > _READABLE_COLUMNS
    if top := _BETWEEN.join(filter(None, head)):
        yield f"**{top}**"
    for row in rows[above:]:
        if row.strip() == LEFT_OUT:
            yield "…"
        elif said := _label_cells(head, _cells(row)) if is_labelled else shown_row(row):
            yield f"{row[: len(row) - len(row.lstrip())]}- {said}"


def _label_cells(head: Sequence[str], cells: Sequence[str]) -> str:
    """Return the cells of a row, with the name of the column before each cell except the first."""
    first, *others = cells or [""]
    said = [
        f"{label}: {cell}" if label else cell
        for label, cell in zip_longest(head[1 : len(cells)], others, fillvalue="")
        if cell
    ]
    if said and first and "*" not in first:
        first = f"**{first}**"
    return _BETWEEN.join(filter(None, (first, *said)))
