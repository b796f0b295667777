"""Tables of Markdown as Discord can show them, which has none. Pure.

A narrow one of plain words stands in a code fence, which keeps its columns. Any other is a list
with a row in each item: in a fence its links could not be pressed, its marks would be seen, and on
a phone its rows would be broken into each other.
"""

import re
from collections.abc import Sequence
from typing import Final

from indexer.text.sentences import ROW

# So many signs stand in a line of code on a phone, inside of a container.
FENCED_CHARACTERS: Final = 28

# Stands for rows that are not shown.
LEFT_OUT: Final = "| … |"
_DELIMITERS: Final = re.compile(r"[\s|:-]+\Z")
_MARKS: Final = re.compile(r"[*`_~\[<]|https?:")
# A bar that is no end of a cell stands behind a backslash or in code.
_CELL: Final = re.compile(r"(?:[^|\\`]|\\.|`[^`]*`|[`\\])+")
_BETWEEN: Final = " · "


def is_row(line: str) -> bool:
    return line.lstrip().startswith(ROW) and line.rstrip().endswith(ROW)


def head_lines(rows: Sequence[str]) -> int:
    """How many of a table's lines are above its first row of values: none if it has no head."""
    is_headed = len(rows) > 1 and "-" in rows[1] and _DELIMITERS.match(rows[1]) is not None
    return 2 if is_headed else 0


def shown_table(rows: Sequence[str]) -> list[str]:
    """The lines that are shown for the lines of one table."""
    if not any(len(row) > FENCED_CHARACTERS or _MARKS.search(row) for row in rows):
        return ["```", *rows, "```"]
    above = head_lines(rows)
    head = shown_row(rows[0]).replace("**", "") if above else ""
    items = ((row[: len(row) - len(row.lstrip())], shown_row(row)) for row in rows[above:])
    return [
        *([f"**{head}**"] if head else []),
        *(f"{lead}- {said}" for lead, said in items if said),
    ]


def shown_row(row: str) -> str:
    """What is shown for a line of a table: nothing for the one below its head."""
    if _DELIMITERS.match(row) is not None:
        return ""
    cells = (cell.strip().replace("\\|", ROW) for cell in _CELL.findall(row))
    return _BETWEEN.join(filter(None, cells))
