"""What every command prints: what others wrote is text on a terminal, and orders nothing."""

import io
from collections.abc import Iterator

import pytest
from rich.table import Table
from rich.text import Text

from bot.cli import console
from bot.cli.console import err, out, run_with_progress
from indexer.ingest.pipeline import Progress, UpdateReport

# To another title of the window, another colour, and away with the line; the same in one byte.
ORDERS = "\x1b]0;mine\x07\x1b[31m\x1b[2K\x9b2K\r\b"


def test_no_order_to_the_terminal_that_is_in_a_text_is_given() -> None:
    table = Table(ORDERS)
    table.add_row(ORDERS)
    with out.capture() as captured:
        for each in (ORDERS, f"[bold]{ORDERS}[/bold]", Text(ORDERS), table):
            out.print(each)
    assert not {*captured.get()} & {*"\x1b\x07\x9b\r\b"}
    assert "]0;mine" in captured.get()


def test_no_text_turns_round_how_the_rest_of_a_line_reads() -> None:
    with out.capture() as captured:
        out.print(Text("exe.\u202efdp.txt \u2066\u2067left\u2069 \u202bright\u202c"))
    assert captured.get().strip() == "exe.\ufffdfdp.txt \ufffd\ufffdleft\ufffd \ufffdright\ufffd"


def test_lines_and_tabs_stay_as_they_are() -> None:
    with out.capture() as captured:
        out.print(Text("one\ttwo\nthree"))
    assert [line.split() for line in captured.get().splitlines()] == [["one", "two"], ["three"]]


def test_a_title_with_brackets_is_shown_while_read(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(console, "err", type(err)(file=terminal, force_terminal=True, width=120))

    def steps() -> Iterator[Progress]:
        yield Progress(0, 2, "In [/etc] \x1b[31m", UpdateReport())
        yield Progress(2, 2, "In [/etc] \x1b[31m", UpdateReport())

    run_with_progress(steps(), "Reading")
    assert "In [/etc] \ufffd[31m" in terminal.getvalue()
