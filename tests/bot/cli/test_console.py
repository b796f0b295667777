"""What every command prints: what others wrote is text on a terminal, and orders nothing."""

import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text
from typer.main import get_command
from typer.testing import CliRunner

from bot.__main__ import app
from bot.cli import console
from bot.cli.console import EXAMPLE, err, out, required_words, run_with_progress
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


def _commands(group: Any, *before: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *before, name)
        else:
            yield (*before, name), command


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize(
    "names", [(), ("source",), ("model",), ("dev",), ("cluster",), *COMMANDS], ids=" ".join
)
def test_help_names_no_type_of_the_programming_language(names: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    assert re.findall(r"<\w+[\[\w]*>|\{\w+\}|…\.\.\.", done.output) == []


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_usage_and_document_have_each_required_option(names: tuple[str, ...]) -> None:
    document = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
    usage = " ".join([*names, required_words(COMMANDS[names])]).rstrip()
    assert f"`{usage}`".replace("|", "\\|") in document
    for param in COMMANDS[names].params:
        if param.required and param.param_type_name == "option":
            assert f"{param.opts[0]} {param.metavar}" in usage


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_each_command_has_an_example_that_it_takes(names: tuple[str, ...]) -> None:
    examples = (COMMANDS[names].epilog or "").removeprefix(EXAMPLE).splitlines()
    assert examples
    for example in examples:
        words = shlex.split(example.strip().partition(" < ")[0])
        words = words[words.index("commonplace") + 1 :]
        assert tuple(words[: len(names)]) == names
        # Raises what a user would be told.
        COMMANDS[names].make_context(" ".join(names), words[len(names) :])


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_only_paragraphs_break_where_the_terminal_ends(names: tuple[str, ...]) -> None:
    paragraphs = COMMANDS[names].help.split("\n\n")
    assert [text for text in paragraphs if "\n" in text] == []
    assert all(text.endswith(".") for text in paragraphs)


@pytest.mark.parametrize(
    "words", [("--data", "{}", "source", "list"), ("source", "list", "--data", "{}")], ids=" ".join
)
def test_the_data_folder_goes_before_or_after(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "data"
    done = CliRunner().invoke(app, [word.format(folder) for word in words])
    assert str(folder) in str(done.exception)


def test_what_stands_behind_the_command_counts_for_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before, after = tmp_path / "file" / "a", tmp_path / "file" / "b"
    done = CliRunner().invoke(app, ["--data", str(before), "stats", "--data", str(after)])
    assert str(after) in str(done.exception)
