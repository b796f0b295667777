"""The command line. Where the model does not matter, in this process and without one."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import GROUPS, PANELS, app
from bot.cli.console import UNUSABLE
from bot.cli.doctor import UNHEALTHY
from bot.cli.preview import preview_settings
from bot.config.settings import DataSettings, PageSettings, Settings
from bot.storage.data_folder import data_folder
from tests.bot.cli.typed_commands import TypedCommands
from tests.bot.cli.typed_commands import typed_commands as typed_commands
from tests.fork_server import ENVIRONMENT, ROOT, SECONDS, ForkServer


def _sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on standard error that a failed command ends with."""
    assert done.returncode == UNUSABLE, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    return line


def test_a_preview_reads_no_settings() -> None:
    """Pages of servers that it doesn't know would be deleted there."""
    page = PageSettings(folder="/srv/pages", after=["rsync"], base_url="https://a.org/{server}")
    data = DataSettings(database="postgresql://me@host/db")
    shown = preview_settings(Settings(data=data, page=page), Path("preview-data"))
    assert (shown.data.database, shown.data.folder) == ("", Path("preview-data"))
    assert (shown.page.folder, shown.page.after) == ("preview-data/pages", [])
    assert preview_settings(Settings(), Path("x")).page.folder == ""


# What can't work, in one sentence.


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("run --data .", "set the environment variable DISCORD_TOKEN"),
        ("ask why? --config no.toml", "can't be read"),
        ("cluster worker --data data", "data.database"),
        ("dev eval missing", "A judged set is a folder with corpus.jsonl"),
    ],
)
def test_a_command_that_lacks_something_names_it(
    tmp_path: Path, typed_commands: TypedCommands, command: str, sentence: str
) -> None:
    assert sentence in _sentence(typed_commands.run(*command.split(), cwd=tmp_path))


def test_an_unknown_key_is_named(tmp_path: Path, typed_commands: TypedCommands) -> None:
    (tmp_path / "config.toml").write_text("[answers]\npassage = 3\n")
    line = _sentence(typed_commands.run("ask", "why?", cwd=tmp_path))
    assert "unknown key `answers.passage`. Did you mean `answers.passages`?" in line


def test_a_missing_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[model]\nname = "."\n')
    data_folder(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask", "why?"])
    assert "The model '.' can't be opened" in str(done.exception)


def test_an_unknown_question_is_named(tmp_path: Path, typed_commands: TypedCommands) -> None:
    line = _sentence(
        typed_commands.run("dev", "why", "7", "--data", data_folder(tmp_path / "data"))
    )
    assert "Question 7 is not on record." in line


def test_a_file_as_folder_is_named(tmp_path: Path, typed_commands: TypedCommands) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        line = _sentence(typed_commands.run("index", "--data", folder))
        assert f"{folder} can't be read: Not a directory." in line


def test_doctor_finds_damage(tmp_path: Path, typed_commands: TypedCommands) -> None:
    (tmp_path / "config.toml").write_text('[model]\nname = "."\n')
    (data_folder(tmp_path / "data") / "community.db").write_bytes(b"not a database " * 100)
    done = typed_commands.run("doctor", cwd=tmp_path)
    assert done.returncode == UNHEALTHY
    lines = done.stdout.splitlines()
    assert [line.split(":")[0].split(maxsplit=1) for line in lines] == [
        ["ok", "configuration"],
        ["ok", "libraries of other models"],
        ["wrong", "community database"],
        ["wrong", "model"],
    ]
    assert "not a usable database" in lines[2]


@pytest.mark.parametrize("command", [[], ["--help"], ["ask", "--help"], ["index", "-h"]])
def test_help_is_shown_without_a_model(command: list[str]) -> None:
    result = CliRunner().invoke(app, command)
    assert "Usage:" in result.output
    assert "torch" not in result.output


def test_help_lists_every_command_in_a_group() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=100).output
    places = [shown.index(f"─ {panel} ─") for panel in (*PANELS, "More")]
    assert places == sorted(places)
    assert "─ Commands ─" not in shown
    # With `model` and `source`; `cluster` and `dev` hold all else.
    assert sum(map(len, PANELS.values())) + 2 == 14
    assert all(f"│ {name} " not in shown for group in GROUPS.values() for name in group)


def test_a_command_of_a_group_has_no_other_name(typed_commands: TypedCommands) -> None:
    for name in ("calibrate", *GROUPS["cluster"], *GROUPS["dev"]):
        assert f"No such command '{name}'" in _sentence(typed_commands.run(name, "--help"))


def test_the_version_is_that_of_the_installed_package() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"commonplace {version('commonplace-bot')}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["search", "-k", "0", "x"],
        ["preview", "--port", "70000"],
        ["baclup"],
        ["source", "nonsense"],
        ["ask", "x", "--dat", "y"],
        ["stats", "x"],
        ["restore", "x", "--take", "y"],
        ["dev", "eval", "--plot"],
        ["cluster", "migrate"],
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], typed_commands: TypedCommands) -> None:
    assert re.fullmatch(
        r"commonplace: .+[.?] `commonplace[a-z ]* --help` shows the usage\.",
        _sentence(typed_commands.run(*arguments)),
    )


@pytest.mark.parametrize("arguments", [[], ["source"], ["model"], ["dev"], ["cluster"]])
def test_groups_print_help(arguments: list[str], typed_commands: TypedCommands) -> None:
    done = typed_commands.run(*arguments)
    assert (done.returncode, done.stderr) == (UNUSABLE, "")
    assert "Usage:" in done.stdout


# What works, on one data folder that a first run has filled.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    """The first answer in a fresh folder."""
    data_folder(folder / "data")
    # As in a terminal; every other command is a copy of a process that has imported the program.
    done = subprocess.run(
        [sys.executable, "-m", "bot", "ask", "--json", "What is open-source AI?"],
        # In the default data folder.
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def test_a_fresh_folder_is_answered_from_articles(first: dict[str, Any]) -> None:
    assert first["evidence"] in ("strong", "partial")
    assert first["hits"][0]["document"] == "article:what-is-open-source-ai"
    assert first["hits"][0]["passage"].split("\n")[0] in first["answer"]


def test_the_names_that_programs_read_are_all_there(first: dict[str, Any]) -> None:
    added = {"state", "probability", "quotes", "places", "nearest"}
    assert set(first) == {"question", "evidence", "answer", "hits", "seconds"} | added
    assert first["question"] == "What is open-source AI?"
    for hit in first["hits"]:
        assert set(hit) == {"document", "title", "heading", "passage", "score", "link", "legs"}
        assert set(hit["legs"]) <= {"meaning", "words"}
    for quote in first["quotes"]:
        assert set(quote) == {"document", "title", "heading", "text", "link", "whole"}


def test_stats_count_for_everybody(tmp_path: Path, typed_commands: TypedCommands) -> None:
    typed_commands.run("index", "--data", tmp_path / "data")
    typed_commands.run("ask", "What is open-source AI?", "--data", tmp_path / "data")
    done = typed_commands.run("stats", "--json", "--data", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["documents"]["shared"] >= 16
    assert figures["index"]["age_seconds"] >= 0
    # What is asked at a terminal is not recorded.
    assert figures["questions"]["all"] == 0
    shown = typed_commands.run("stats", "--data", tmp_path / "data").stdout
    assert f"generation {figures['index']['generation']}" in shown


def test_lines_are_answered_one_each(tmp_path: Path, typed_commands: TypedCommands) -> None:
    stdin = "Who started the GNU project?\n\n?!\n" + "x" * 6_000 + "\n"
    typed_commands.run("index", cwd=tmp_path)
    done = typed_commands.run("ask", "-", "--json", cwd=tmp_path, stdin=stdin)
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["evidence"] == "none" for reply in replies] == [False, True, True]
    assert "I need some words" in replies[1]["answer"]
    assert "6,000 characters" in replies[2]["answer"]


@pytest.mark.slow
def test_files_are_imported_reported_and_found(
    first: dict[str, Any], folder: Path, commands: ForkServer
) -> None:
    guides = folder / "guides"
    guides.mkdir()
    (guides / "lab.md").write_text("# The lab\n\nThe printer in the lab is called Gutenberg.\n")
    (guides / "broken.md").write_bytes(b"\x89PNG\x00\x00")
    done = commands.run("index", guides, "--json", "--data", folder / "data")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["added"] == [f"file:{(guides / 'lab.md').resolve()}"]
    assert report["unchanged"] == 16
    [failed] = report["failed"]
    assert failed["source"].endswith("broken.md")
    assert failed["reason"].startswith("is not text")
    found = commands.run("search", "name of the printer", "-k", "1", "--data", folder / "data")
    assert "Gutenberg" in found.stdout


@pytest.mark.slow
def test_an_index_of_another_model_is_refused_with_the_remedy(
    first: dict[str, Any], folder: Path, tmp_path: Path, commands: ForkServer
) -> None:
    """The manifest is changed by hand: another real model would have to be fetched."""
    shutil.copytree(folder / "data", tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "index" / "index.db")) as database:
        database.execute("update manifest set value = 'another' where key = 'model'")
        database.commit()
    line = _sentence(commands.run("ask", "What is open-source AI?", "--data", tmp_path / "data"))
    assert "Run `commonplace index`" in line
    rebuilt = commands.run("index", "--data", tmp_path / "data", "--json")
    assert len(json.loads(rebuilt.stdout)["added"]) >= 16
    assert (
        commands.run("ask", "What is open-source AI?", "--data", tmp_path / "data").returncode == 0
    )
