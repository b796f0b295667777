"""`commonplace publish`: which server's page is written, and what is said when it can't be."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.cli.console import UNUSABLE
from bot.config.settings import Settings
from bot.storage.data_folder import COMMUNITY, data_folder
from knowledge.store.store import Store
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.bot.cli.typed_commands import TypedCommands
from tests.knowledge.decided_notes import MIRA, decided

GUILD, ELSEWHERE, ADMIN = 10, 11, 9
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(typed_commands: TypedCommands, settings: Settings) -> Run:
    """Publishes: the exit code, and what it says on standard output and standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = typed_commands.run("publish", "--data", settings.data.folder, *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def with_note(settings: Settings, guild_id: int, title: str) -> None:
    """Turn a server's page on, with a note that may be on it."""
    with Store(settings.data.folder / COMMUNITY) as store:
        store.guilds.save_settings(GuildSettings(guild_id, page=True), ADMIN)
        said = Submission(title, "It leaves at nine.", ("ferry",))
        note = store.contributions.propose(guild_id, MIRA, 5, said, for_page=True).note
        decided(store, note)


def test_the_only_servers_page_is_written(settings: Settings, run: Run, tmp_path: Path) -> None:
    with_note(settings, GUILD, "Ferries to Lisbon")
    code, said, _ = run(tmp_path / "www", "--name", "Harbour", "--json")
    assert code == 0
    assert json.loads(said)["notes"] == 1
    first = (tmp_path / "www" / "index.html").read_text()
    assert "Ferries to Lisbon" in first
    assert "Harbour" in first
    code, said, _ = run(tmp_path / "www", "--name", "Harbour", "--json")
    assert json.loads(said)["written"] == 0


def test_of_several_servers_one_is_named(settings: Settings, run: Run, tmp_path: Path) -> None:
    with_note(settings, GUILD, "Ferries to Lisbon")
    with_note(settings, ELSEWHERE, "Trains to Porto")
    code, _, said = run(tmp_path / "www")
    assert code == UNUSABLE
    assert str(ELSEWHERE) in said
    code, *_ = run(tmp_path / "www", "--guild", str(ELSEWHERE))
    assert code == 0
    first = (tmp_path / "www" / "index.html").read_text()
    assert "Trains to Porto" in first
    assert "Ferries" not in first


def test_an_unknown_server_is_refused(settings: Settings, run: Run, tmp_path: Path) -> None:
    with_note(settings, GUILD, "Ferries to Lisbon")
    run(tmp_path / "www")
    code, _, said = run(tmp_path / "www", "--guild", "5")
    assert code == UNUSABLE
    assert f"no server 5 here. Servers with a page: {GUILD}." in said
    assert "Ferries to Lisbon" in (tmp_path / "www" / "index.html").read_text()


def test_the_last_note_needs_permission(settings: Settings, run: Run, tmp_path: Path) -> None:
    with_note(settings, GUILD, "Ferries to Lisbon")
    run(tmp_path / "www")
    with Store(settings.data.folder / COMMUNITY) as store:
        store.guilds.save_settings(GuildSettings(GUILD, page=False), ADMIN)
    code, _, said = run(tmp_path / "www", "--guild", str(GUILD), "--articles")
    assert code == UNUSABLE
    assert "--empty" in said
    assert (tmp_path / "www" / "notes" / "1" / "index.html").is_file()
    code, *_ = run(tmp_path / "www", "--guild", str(GUILD), "--empty")
    assert code == 0
    assert not (tmp_path / "www" / "notes" / "1").exists()


def test_without_a_page_it_says_who_allows_one(run: Run, tmp_path: Path) -> None:
    code, _, said = run(tmp_path / "www")
    assert code == UNUSABLE
    assert "/setup" in said
    assert not (tmp_path / "www").exists()


def test_articles_are_there_when_asked(settings: Settings, run: Run, tmp_path: Path) -> None:
    with_note(settings, GUILD, "Ferries to Lisbon")
    run(tmp_path / "www")
    assert not (tmp_path / "www" / "articles").exists()
    _, said, _ = run(tmp_path / "www", "--articles")
    assert "www: 1 note and 16 articles." in " ".join(said.split())
    assert (tmp_path / "www" / "articles" / "milestones" / "index.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--base-url", "notes.example.org"),
        ("--base-url", "https://notes.example.org/?page=1"),
        ("--invite", "discord"),
        ("--templates", "nowhere"),
    ],
)
def test_unusable_places_are_named(arguments: tuple[str, str], run: Run, tmp_path: Path) -> None:
    code, _, said = run(tmp_path / "www", *arguments)
    assert code == UNUSABLE
    assert arguments[1] in said


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("knowledge.page.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pagefind_bin", None)
    data = str(data_folder(tmp_path / "data"))
    typed = ["commonplace", "publish", str(tmp_path / "www"), "--data", data]
    monkeypatch.setattr(sys, "argv", typed)
    with pytest.raises(SystemExit):
        main()
    assert "the extra `page`" in " ".join(capsys.readouterr().err.split())
