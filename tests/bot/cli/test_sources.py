"""`index` and `source …` on one data folder; `--watch` in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bot.cli import console, named_sources
from bot.cli.console import UNUSABLE
from bot.cli.sources import TRY, TRY_BOTH, UNREAD, unread_text
from bot.storage.data_folder import hold_bot_lock, open_store
from knowledge.values.settings import GuildSettings
from tests.bot.cli.typed_commands import TypedCommands
from tests.fork_server import ENVIRONMENT, ForkServer
from tests.knowledge.exporting import SOLVED, as_json, export
from tests.processes import interruptible

ROOT = Path(__file__).parents[3]


class Terminal:
    """Commands on one data folder, and a folder of guides to import."""

    def __init__(self, folder: Path, commands: TypedCommands) -> None:
        self.guides = folder / "guides"
        self.guides.mkdir()
        self.data = folder / "data"
        self.environment = {"COMMONPLACE_DATA": str(self.data)}
        self._commands = commands

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self._commands.run(*arguments, environment=self.environment)

    def json(self, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record


@pytest.fixture
def terminal(tmp_path: Path, typed_commands: TypedCommands, one_article: None) -> Terminal:
    del one_article
    return Terminal(tmp_path, typed_commands)


def test_a_dry_run_only_tells(terminal: Terminal) -> None:
    path = terminal.guides / "lab.md"
    path.write_text("The printer is called Gutenberg.")
    plan = terminal.json("index", terminal.guides, "--dry-run")
    assert plan == {
        "new": [str(path)],
        "changed": [],
        "moved": {},
        "gone": [],
        "unchanged": 0,
        "failed": [],
    }
    assert "There is no source yet" in terminal.run("source", "list").stdout
    terminal.run("index", terminal.guides)
    path.rename(terminal.guides / "press.md")
    (terminal.guides / "new.md").write_text("New.")
    lines = terminal.run("index", "--dry-run").stdout.splitlines()
    assert lines == [
        f"new      {terminal.guides / 'new.md'}",
        f"moved    {path} → {terminal.guides / 'press.md'}",
        "To read: 2; to take out: 0; unchanged: 0. Nothing was changed.",
    ]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_an_unreadable_source_is_added_nowhere(terminal: Terminal, flags: list[str]) -> None:
    broken = terminal.guides / "broken.md"
    broken.write_bytes(b"\x00")
    done = terminal.run("source", "add", broken, *flags)
    assert done.returncode == UNREAD
    assert done.stderr.splitlines()[-1].endswith(unread_text([str(broken)], ()))
    assert "There is no source yet" in terminal.run("source", "list").stdout
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    assert terminal.run("source", "add", terminal.guides, *flags).returncode == 0


def test_an_unreadable_old_source_stays_one(terminal: Terminal) -> None:
    guides = terminal.guides
    assert terminal.run("source", "add", guides).returncode == 0
    (guides / "lab.md").write_bytes(b"\x00")
    done = terminal.run("source", "add", guides)
    assert done.returncode == UNREAD
    assert done.stderr.splitlines()[-1].endswith(unread_text([str(guides)], {str(guides)}))
    assert terminal.json("source", "list")["location"] == str(guides)


@pytest.mark.slow
def test_a_running_bot_is_named_only_here(terminal: Terminal) -> None:
    """The folder's lock tells."""
    page = terminal.guides / "lab.md"
    for text, running in (("One.", False), ("Two.", True)):
        page.write_text(text)
        with hold_bot_lock(terminal.data) if running else nullcontext():
            said = terminal.run("index", terminal.guides).stdout
        assert said.splitlines()[-1] == (TRY_BOTH if running else TRY)
    with hold_bot_lock(terminal.data):
        assert terminal.run("source", "remove", terminal.guides).stdout.splitlines()[-1] == TRY


def test_only_the_named_source_is_reported(terminal: Terminal) -> None:
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    (terminal.guides / "broken.md").write_bytes(b"\x00")
    (terminal.guides / "SUMMARY.md").write_text("[Lab](lab.md)")
    done = terminal.run("source", "add", terminal.guides)
    assert done.stdout.startswith("1 added, 0 changed, 0 removed, 0 unchanged, 1 failed.\n")
    assert f"Not read in {terminal.guides}: 1 SUMMARY.md.\n" in done.stdout
    other = terminal.guides.parent / "other.md"
    other.write_bytes(b"\x00")
    done = terminal.run("source", "add", other)
    assert done.stdout.startswith("0 added, ")
    assert "1 failed." in done.stdout
    assert "broken.md" not in done.stderr
    assert "broken.md" not in terminal.run("source", "add", terminal.guides / "lab.md").stderr


def test_an_import_ends_with_the_next_step(terminal: Terminal) -> None:
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    said = terminal.run("index", terminal.guides).stdout.splitlines()
    assert re.fullmatch(r"[0-9]+ passages can be quoted\. This took [0-9.]+ s\.", said[-2])
    assert said[-1] == TRY


@pytest.mark.parametrize("command", [("index",), ("source", "add")], ids=" ".join)
def test_an_empty_folder_is_named(terminal: Terminal, command: tuple[str, ...]) -> None:
    (terminal.guides / "broken.png").write_bytes(b"\x00")
    said = terminal.run(*command, terminal.guides)
    assert said.returncode == 0
    assert f"{terminal.guides} has no file to read yet." in said.stdout.splitlines()
    assert "0 documents from 0 files · nothing to read yet" in terminal.run("source", "list").stdout
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    for path in (terminal.guides, os.path.relpath(terminal.guides)):
        assert "no file to read" not in terminal.run(*command, path).stdout


def test_sources_are_added_listed_synced_and_removed(terminal: Terminal) -> None:
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    (terminal.guides / "broken.md").write_bytes(b"\x00")
    added = terminal.json("source", "add", terminal.guides)
    assert f"file:{terminal.guides / 'lab.md'}" in added["added"]
    listed = terminal.json("source", "list")
    assert (listed["location"], listed["scope"]) == (str(terminal.guides), "shared")
    assert (listed["files"], listed["documents"]) == (2, 1)
    assert [failure["source"] for failure in listed["failed"]] == [
        str(terminal.guides / "broken.md")
    ]
    shown = terminal.run("source", "list").stdout
    assert "1 document from 2 files" in shown
    assert "broken.md is not text" in shown
    assert len(terminal.json("source", "sync")["failed"]) == 1
    removed = terminal.json("source", "remove", terminal.guides)
    assert removed["removed"] == [f"file:{terminal.guides / 'lab.md'}"]
    refused = terminal.run("source", "remove", terminal.guides)
    assert refused.returncode == UNUSABLE
    assert "is not a source. The sources are: none." in refused.stderr


@pytest.mark.slow
def test_documents_without_text_of_their_own_are_counted(terminal: Terminal) -> None:
    (terminal.guides / "lab.md").write_text("# Lab\n\nThe printer is called Gutenberg.")
    terminal.run("source", "add", terminal.guides)
    assert "no text of their own" not in terminal.run("source", "list").stdout
    contents = "".join(f"- [Part {number}](part-{number}.md)\n" for number in range(9))
    (terminal.guides / "index.md").write_text(f"# Guide\n\n{contents}")
    terminal.run("index")
    assert "no text of their own, only links or a title: 1" in terminal.run("source", "list").stdout
    record = terminal.json("source", "list")
    assert (record["documents"], record["without_text"]) == (2, 1)


@pytest.mark.parametrize("command", [("index",), ("source", "add")])
def test_a_very_large_folder_is_read_only_with_consent(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(named_sources, "MOST_FILES", 2)
    monkeypatch.setattr(named_sources, "COUNT_SECONDS", 0.0)
    for name in ("a", "b", "c/d", "c/e"):
        (terminal.guides / name).parent.mkdir(exist_ok=True)
        (terminal.guides / f"{name}.md").write_text("The printer is called Gutenberg.")
    refused = terminal.run(*command, terminal.guides)
    assert (refused.returncode, refused.stdout) == (UNUSABLE, "")
    counting, error = refused.stderr.splitlines()
    assert counting == f"Counting the files in {terminal.guides}: 2 files (0.0 GB) so far."
    assert f"{terminal.guides} has at least 4 files (0.0 GB), so nothing was added." in error
    assert "--yes" in error
    assert "There is no source yet" in terminal.run("source", "list").stdout
    assert len(terminal.json(*command, terminal.guides, "--yes")["added"]) == 5
    # A source that is there already was agreed to.
    assert terminal.run(*command, terminal.guides).returncode == 0


def test_a_folder_is_cited_below_its_base_url(terminal: Terminal) -> None:
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    for arguments, told in (
        ((terminal.guides, "--base-url", "nonsense"), "nonsense is no http or https address: name"),
        (
            ("https://a.org/", "--base-url", "https://b.org"),
            "--base-url is for one file, folder or repository",
        ),
    ):
        refused = terminal.run("source", "add", *arguments)
        assert refused.returncode == UNUSABLE
        assert told in refused.stderr
    assert "There is no source yet" in terminal.run("source", "list").stdout
    terminal.run("source", "add", terminal.guides, "--base-url", "https://a.org/docs/")
    assert "cited at https://a.org/docs" in terminal.run("source", "list").stdout
    found = terminal.json("search", "name of the printer", "-k", "1")
    assert found["link"] == "https://a.org/docs/lab.md"


@pytest.mark.slow
def test_part_of_a_source_can_be_one_servers(terminal: Terminal) -> None:
    chat = terminal.guides / "chat.json"
    chat.write_bytes(as_json(export(SOLVED)))
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    assert terminal.json("source", "add", terminal.guides)["failed"] == []
    assert terminal.json("source", "add", chat, "--guild", "11")["failed"] == []
    done = terminal.run("source", "list", "--json")
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["scope"], each["files"], each["documents"]) for each in listed] == [
        ("shared", 1, 1),
        ("11", 1, 1),
    ]


@pytest.mark.slow
def test_programs_get_progress_and_one_report(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "EVENT_SECONDS", 0.0)
    for n in range(3):
        sections = (f"# {n} {part}\n\nText {part} of guide {n}, in words." for part in range(3))
        (terminal.guides / f"{n}.md").write_text("\n\n".join(sections))
    done = terminal.run("index", terminal.guides, "--json")
    assert len(json.loads(done.stdout)["added"]) == 1 + 3
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events
    for event in events:
        assert event["event"] == "progress"
        assert set(event) >= {
            "done",
            "total",
            "current",
            "embedded",
            "texts_per_second",
            "remaining_seconds",
        }


@pytest.fixture
def watching(terminal: Terminal) -> Iterator["subprocess.Popen[str]"]:
    (terminal.guides / "lab.md").write_text("The printer is called Gutenberg.")
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "index", str(terminal.guides), "--watch", "--json"],
        cwd=ROOT,
        env={**ENVIRONMENT, **terminal.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_watching_takes_in_what_changes_until_it_is_interrupted(
    terminal: Terminal, watching: "subprocess.Popen[str]", commands: ForkServer
) -> None:
    assert watching.stdout is not None
    assert watching.stderr is not None
    lab = f"file:{terminal.guides / 'lab.md'}"
    assert lab in json.loads(watching.stdout.readline())["added"]
    # Where the folder is not watched yet, it is looked at anew a few seconds later.
    (terminal.guides / "scanner.md").write_text("The scanner is called Daguerre.")
    indexed = (event for event in map(json.loads, watching.stderr) if event["event"] == "indexed")
    assert next(indexed)["added"] == [f"file:{terminal.guides / 'scanner.md'}"]
    search = ("search", "name of the scanner", "-k", "1")
    assert "Daguerre" in commands.run(*search, environment=terminal.environment).stdout
    (terminal.guides / "lab.md").unlink()
    assert next(indexed)["removed"] == [f"file:{terminal.guides / 'lab.md'}"]
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 130


def test_tags_of_another_bot_become_pending_notes_once(terminal: Terminal) -> None:
    tags = terminal.guides / "ferry.md"
    tags.write_text("---\naliases: [boat]\n---\nThe ferry leaves at nine.")
    terminal.run("index")
    person = ("--guild", "42", "--member", "7", "--name", "Ada")
    refused = terminal.run("source", "import-tags", terminal.guides, *person)
    assert "The server 42 has no review yet" in refused.stderr
    with open_store(terminal.data) as store:
        store.guilds.save_settings(GuildSettings(42, 1, 2), 7)
    result = {"new": 1, "known": 0, "refused": {}, "unread": {}}
    assert terminal.json("source", "import-tags", terminal.guides, *person) == result
    again = {**result, "new": 0, "known": 1}
    assert terminal.json("source", "import-tags", tags, *person) == again
    with open_store(terminal.data) as store:
        [note] = store.notes.pending(42)
    assert (note.contributor, note.revision.submission.wordings) == ("Ada", ("boat",))


def test_a_missing_file_of_tags_is_one_sentence(terminal: Terminal) -> None:
    terminal.run("index")
    done = terminal.run(
        *("source", "import-tags", "nowhere.csv", "--guild", "1", "--member", "2", "--name", "A")
    )
    assert done.returncode == UNUSABLE
    assert "nowhere.csv can't be read" in done.stderr
