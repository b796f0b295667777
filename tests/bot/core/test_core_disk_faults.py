"""Full disks, unwritable or truncated files, wrong clocks: changes are whole or absent.

Each runs in its own process. `test_killing` has kill -9, `test_data_folder` two bots.
"""

import os
import resource
import shutil
import signal
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.privacy import service
from bot.review import service as review_service
from bot.storage.data_folder import COMMUNITY
from bot.storage.derived_data import INDEX
from knowledge import corpus
from knowledge.backup import backups
from knowledge.backup.backups import BackupError
from knowledge.backup.exporter import MANIFEST, FolderError, export
from knowledge.backup.importer import import_folder
from knowledge.store import database
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import Kind
from knowledge.values.guilds import every_guild
from knowledge.values.notes import Decision, Member, State
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.processes import ROOT_CAN_BE_REFUSED, give_up_privileges, in_a_process

GUILD = 10
TEXT = Submission(
    "Meetup", "The quokka meetup takes place in Lisbon on Fridays." + " Bring water." * 40
)


def fill_the_disk(file_bytes: int = 100) -> None:
    """Limit the size of written files, as a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))


@pytest.fixture
def proposed(settings: Settings) -> Path:
    """A data folder with a pending note; its database."""
    path = settings.data.folder / COMMUNITY
    with Store(path) as store:
        store.contributions.propose(GUILD, Member(1, "Mira"), 5, TEXT)
    return path


def approve(settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        review_service.decide(core, GUILD, 1, Member(2, "Ada"), Ruling(Decision.APPROVE))


def state(path: Path) -> State:
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.audit_log.contradicted_notes() == []
        return store.notes.of_revision(1).revision.state


def test_a_full_disk_refuses_decisions(settings: Settings, proposed: Path) -> None:
    def work() -> None:
        with Core(settings, WordEmbedder()) as core:
            fill_the_disk()
            review_service.decide(core, GUILD, 1, Member(2, "Ada"), Ruling(Decision.APPROVE))

    assert "Nothing was changed. Check free space and permissions." in in_a_process(work)
    assert state(proposed) is State.PENDING
    approve(settings)
    assert state(proposed) is State.APPROVED


@pytest.mark.parametrize("what", ["backup", "export", "import", "restore"])
def test_safekeeping_on_a_full_disk_changes_nothing(
    settings: Settings, proposed: Path, tmp_path: Path, what: str
) -> None:
    backup, folder, new = tmp_path / "one.db", tmp_path / "export", tmp_path / "new.db"
    backups.back_up(proposed, backup)
    with Store(proposed) as store:
        export(store.database, folder)
    before = backup.read_bytes()

    def work() -> None:
        if what in ("backup", "restore"):
            fill_the_disk()
            if what == "backup":
                backups.back_up(proposed, backup)
            backups.restore(backup, proposed, datetime.now(UTC))
        with Store(proposed if what == "export" else new) as store:
            # The export's manifest still fits, but no note does.
            fits = (folder / MANIFEST).stat().st_size + 10
            fill_the_disk(fits if what == "export" else 100)
            if what == "export":
                export(store.database, folder)
            import_folder(store, folder)

    said = in_a_process(work)
    assert said.split(":")[0] in ("BackupError", "FolderError", "StoreError"), said
    assert "\n" not in said
    assert backup.read_bytes() == before
    assert state(proposed) is State.PENDING
    if what == "export":
        with Store(new) as store, pytest.raises(FolderError, match="not complete"):
            import_folder(store, folder)
    if what == "import":
        with Store(new) as store:
            assert store.notes.pending(GUILD) == []


@pytest.mark.usefixtures("one_article")
def test_the_next_process_rebuilds_a_truncated_index(settings: Settings, proposed: Path) -> None:
    index = settings.data.folder / INDEX

    def build() -> None:
        approve(settings)
        with Core(settings, WordEmbedder()) as core:
            run_to_end(index_updates.update_quickly(core))
            core.index.save_snapshots(least=1)

    def reopen() -> None:
        with Core(settings, WordEmbedder()) as core:
            run_to_end(index_updates.update_quickly(core))
            [reply] = core.answer_pipeline.ask(
                [Ask("who brings water to the quokka meetup", 1, GUILD)]
            )
            assert isinstance(reply.outcome, Answer)
            articles = core.index.tables.document_digests({Kind.ARTICLE})
            assert len(articles) == sum(1 for _ in corpus.articles())

    assert in_a_process(build) == ""
    whole = shutil.copytree(index, settings.data.folder / "whole")
    for torn, share in (
        ("*.vectors.snapshot", 0.5),
        ("*.words.snapshot", 0.99),
        ("index.db", 0.0),
        ("index.db", 0.5),
        ("index.db", 0.99),
        ("*", 0.5),
    ):
        shutil.rmtree(index)
        shutil.copytree(whole, index)
        paths = list(index.glob(torn))
        assert paths
        for path in paths:
            os.truncate(path, int(path.stat().st_size * share))
        assert in_a_process(reopen) == "", (torn, share)
    assert state(proposed) is State.APPROVED


@ROOT_CAN_BE_REFUSED
@pytest.mark.parametrize("what", ["database", "folder"])
def test_unwritable_places_are_explained(settings: Settings, proposed: Path, what: str) -> None:
    def work() -> None:
        give_up_privileges()
        approve(settings)

    path, mode = (proposed, 0o400) if what == "database" else (settings.data.folder, 0o500)
    before = path.stat().st_mode
    path.chmod(mode)
    said = in_a_process(work)
    path.chmod(before)
    # SQLite gives files beside a database the database's mode.
    for beside in proposed.parent.glob(f"{proposed.name}-*"):
        beside.chmod(0o600)
    assert "ermission" in said or "readonly" in said
    assert "\n" not in said
    assert state(proposed) is State.PENDING
    approve(settings)
    assert state(proposed) is State.APPROVED


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_wrong_clock_deletes_nothing(settings: Settings, proposed: Path, jump: timedelta) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromisoformat((datetime.now(tz) + jump).isoformat())

    def work() -> None:
        # Of this process alone.
        sqlite3.register_adapter(Clock, datetime.isoformat)
        vars(database).update(datetime=Clock)
        at = Clock.now(UTC)
        with Core(settings, WordEmbedder()) as core:
            review_service.decide(core, GUILD, 1, Member(2, "Ada"), Ruling(Decision.APPROVE))
            core.store.contributions.revise(
                GUILD, 1, Member(1, "Mira"), replace(TEXT, title="Later")
            )
            assert service.purge_former_guilds(core, [], every_guild, at, timedelta(days=30)) == []

    with Store(proposed) as store:
        store.guilds.leave(GUILD, datetime.now(UTC) - timedelta(days=10))
    assert in_a_process(work) == ""
    with Core(settings, WordEmbedder()) as core:
        review_service.decide(core, GUILD, 2, Member(2, "Ada"), Ruling(Decision.APPROVE))
        assert (
            service.purge_former_guilds(
                core, [], every_guild, datetime.now(UTC), timedelta(days=30)
            )
            == []
        )
        [note] = core.store.notes.every_live()
        assert note.revision.submission.title == "Later"
        assert [each.revision.number for each in core.store.notes.history(GUILD, 1)] == [1, 2]
    assert state(proposed) is State.APPROVED


def test_a_backup_needs_a_folder(proposed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError, match="Check free space and permissions"):
        backups.back_up(proposed, tmp_path / "file" / "one.db")
