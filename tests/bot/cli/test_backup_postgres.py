"""The commands about what was contributed, where that is in PostgreSQL: real processes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.doctor import examine
from bot.storage.data_folder import COMMUNITY, data_folder, open_store
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Evidence, Question
from knowledge.values.submissions import Submission
from tests.fork_server import ForkServer
from tests.postgres import Cluster

GUILD = 10
TEXT = "The quokka meetup takes place in Lisbon."


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    made = postgres.empty()
    yield made
    postgres.drop(made)


class Commands:
    """Commands on one data folder and one database."""

    def __init__(self, commands: ForkServer, folder: Path, url: str) -> None:
        self._commands = commands
        self.config = folder.parent / f"{folder.name}.toml"
        lines = f"[data]\nfolder = '{folder}'\ndatabase = '{url}'\n"
        self.config.write_text(lines, encoding="utf-8")

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """What a command says: on standard output, or on standard error if it fails."""
        done = self._commands.run(*arguments, "--config", self.config)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout


def contributed(store: Store) -> int:
    text = Submission("Meetup", TEXT)
    note = store.contributions.propose(GUILD, Member(1, "Mira"), 5, text).note
    store.decisions.decide(GUILD, note.revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE))
    return note.id


def test_contributions_are_backed_up_and_restored(
    tmp_path: Path, url: str, commands: ForkServer
) -> None:
    folder = data_folder(tmp_path / "server")
    with open_store(folder, url) as store:
        contributed(store)
    server = Commands(commands, folder, url)
    said = server.run("backup")
    [archive] = (folder / "backups").glob("community-*.zip")
    assert said == f"Backed up to {archive} and verified. `restore` takes this ZIP file.\n"
    with open_store(folder, url) as store:
        contributed(store)
        refused = server.run("restore", archive, code=UNUSABLE)
        assert "1 other connections to the database are open" in refused
    restored = json.loads(server.run("restore", archive, "--json"))
    with open_store(folder, url) as store:
        assert [note.id for note in store.notes.every_live()] == [1]
    # What was replaced is an archive as well, and a file of SQLite can be made of either.
    file = Commands(commands, tmp_path / "file", "")
    file.run("restore", restored["kept"])
    with Store(tmp_path / "file" / COMMUNITY) as store:
        assert [note.id for note in store.notes.every_live()] == [1, 2]


def test_stats_explain_and_doctor_use_the_server(
    tmp_path: Path, url: str, commands: ForkServer
) -> None:
    folder = data_folder(tmp_path / "server")
    with open_store(folder, url) as store:
        contributed(store)
        asked = Question(
            0, GUILD, 5, 7, "Where is the quokka meetup?", Evidence.NONE, datetime.now(UTC), 1
        )
        store.question_records.record([asked])
    server = Commands(commands, folder, url)
    assert "1" in server.run("stats")
    assert "Where is the quokka meetup?" in server.run("dev", "why", "1")
    found = {each.subject: each for each in examine(server.config, None)}
    assert [each for each in found.values() if not each.passed] == []
    assert "PostgreSQL 1" in found["database server"].details
    assert found["locks"].details == "none held for long"
