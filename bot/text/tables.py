"""Markdown tables for Discord, which has none. Pure.

A narrow table of plain words becomes a code block, which keeps its columns. Any other becomes a
list with an item for each row: in a code block, links would not work, marks would be visible, and
wide rows would wrap on a phone.
"""

import re
from collections.abc import Sequence
from typing import Final

from indexer.text.sentences import ROW

# Characters in a line of code on a phone, inside a container.
FENCED_CHARACTERS: Final = 28

# Stands for omitted rows.
LEFT_OUT: Final = "| … |"
_DELIMITERS: Final = re.compile(r"[\s|:-]+\Z")
_MARKS: Final = re.compile(r"[*`_~\[<]|https?:")
# A cell; bars inside it are escaped or in code.
_CELL: Final = re.compile(r"(?:[^|\\`]|\\.|`[^`]*`|[`\\])+")
_BETWEEN: Final = " · "


def is_row(line: str) -> bool:
    return line.lstrip().startswith(ROW) and line.rstrip().endswith(ROW)


def head_lines(rows: Sequence[str]) -> int:
    """Return how many lines of a table precede its first row of values."""
    is_headed = len(rows) > 1 and "-" in rows[1] and _DELIMITERS.match(rows[1]) is not None
    return 2 if is_headed else 0


def shown_table(rows: Sequence[str]) -> list[str]:
    """Return the lines that show a table."""
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
    """Return what shows one line of a table; nothing for the delimiter row."""
    if _DELIMITERS.match(row) is not None:
        return ""
    cells = (cell.strip().replace("\\|", ROW) for cell in _CELL.findall(row))
    return _BETWEEN.join(filter(None, cells))
