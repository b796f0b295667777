"""`ask` and `search` with a server: its notes, also after a restore, and nothing from channels."""

import json
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.programs import MCP_TOKEN_VARIABLE, SERVE_TOKEN_VARIABLE
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.storage.data_folder import COMMUNITY, data_folder
from indexer.ingest.pipeline import index_document
from knowledge.store.store import Store
from knowledge.values.documents import Document, Kind, channel_scope
from knowledge.values.submissions import Submission
from tests.bot.cli.typed_commands import TypedCommands
from tests.fakes import WordEmbedder
from tests.knowledge.decided_notes import MIRA, decided

GUILD, CHANNEL = 10, 77
QUESTION = "When does the ferry to Lisbon leave?"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a live note."""
    folder = data_folder(tmp_path / "data")
    with Store(folder / COMMUNITY) as store:
        said = Submission("The ferry to Lisbon", "The ferry to Lisbon leaves at nine.")
        decided(store, store.contributions.propose(GUILD, MIRA, 5, said).note)
    return folder


def test_the_rehearsal_of_a_restore_finds_the_note(
    data: Path, tmp_path: Path, typed_commands: TypedCommands
) -> None:
    backup = json.loads(typed_commands.run("backup", "--json", "--data", data).stdout)["backup"]
    rehearsal = ("--data", tmp_path / "rehearsal")
    assert typed_commands.run("restore", backup, *rehearsal).returncode == 0
    for command in ("ask", "search"):
        there = typed_commands.run(command, QUESTION, "--guild", str(GUILD), *rehearsal)
        assert "leaves at nine" in there.stdout
        assert "leaves at nine" not in typed_commands.run(command, QUESTION, *rehearsal).stdout


def test_a_server_without_documents_is_refused(data: Path, typed_commands: TypedCommands) -> None:
    for command in ("ask", "search"):
        done = typed_commands.run(command, QUESTION, "--guild", "5", "--data", data)
        assert done.returncode == UNUSABLE
        assert "Server 5 has no notes or sources here. Servers that have: 10." in done.stderr


@pytest.mark.parametrize("words", [["serve", "--port", "0"], ["mcp"], ["mcp", "--http", "0"]])
def test_a_server_without_documents_is_not_served(
    data: Path, typed_commands: TypedCommands, words: list[str]
) -> None:
    tokens = dict.fromkeys((SERVE_TOKEN_VARIABLE, MCP_TOKEN_VARIABLE), "a1B2" * 8)
    arguments = ("--guild", "5", "--data", data)
    done = typed_commands.run("dev", *words, *arguments, environment=tokens)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "Server 5 has no notes or sources here. Servers that have: 10." in done.stderr


def test_channels_are_never_quoted_in_a_terminal(data: Path, typed_commands: TypedCommands) -> None:
    text = "The ferry to Lisbon is sunk."
    message = Document("channel:77:0:1", channel_scope(CHANNEL), Kind.CHANNEL, "Ferry", text)
    settings = Settings(data=DataSettings(folder=data))
    with Core(settings, WordEmbedder(512)) as core:
        index_document(core.index, core.embedder, message)
    for command in ("ask", "search"):
        done = typed_commands.run(command, QUESTION, "--guild", str(GUILD), "--data", data)
        assert "leaves at nine" in done.stdout
        assert "sunk" not in done.stdout
    with Core(settings, WordEmbedder(512)) as core:
        found = core.search(QUESTION, GUILD, 5, [CHANNEL])
    assert text in {hit.passage.text for hit in found}


@pytest.mark.parametrize("number", ["0", "first", str(1 << 63), "9" * 30])
def test_an_unknown_number_is_a_sentence(
    data: Path, typed_commands: TypedCommands, number: str
) -> None:
    done = typed_commands.run("dev", "why", number, "--data", data)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert done.stderr.startswith("commonplace: Invalid value for 'NUMBER'")
