"""`--help` of each command: plain types, whole sentences, an example that can be typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bot.__main__ import app
from bot.cli.console import EXAMPLE


def _commands(group: Any, *before: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *before, name)
        elif not command.hidden:
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
    assert [each for each in paragraphs if "\n" in each] == []
    assert all(each.endswith(".") for each in paragraphs)


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
