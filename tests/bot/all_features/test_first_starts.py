"""Processes that start at the same moment on an empty database share one set-up."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from knowledge.store import migrations
from knowledge.store.postgres.leases import Leases
from knowledge.store.postgres.work_queue import WorkQueue
from knowledge.values.documents import Kind
from knowledge.values.notes import Member
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.postgres import Cluster

PROCESSES = 4
DATABASES = 3
SHARDS = 4
GUILD = 10


@pytest.fixture
def settings_of(postgres: Cluster, tmp_path: Path) -> Callable[[int], list[Settings]]:
    """The settings of processes of one machine on an empty database and an empty folder."""

    def made(number: int) -> list[Settings]:
        data = DataSettings(folder=tmp_path / str(number), database=postgres.empty())
        return [Settings(data=data)] * PROCESSES

    return made


def test_simultaneous_starts_on_empty_database_work(
    settings_of: Callable[[int], list[Settings]],
) -> None:
    with ThreadPoolExecutor(PROCESSES) as threads:
        for number in range(DATABASES):
            settings, together = settings_of(number), threading.Barrier(PROCESSES)
            begun = [threads.submit(_first_started, each, together) for each in settings]
            found = [each.result() for each in begun]
            documents = found[0][1]
            assert documents > 0
            made = (migrations.names(), documents)
            assert [(one, other) for one, other, _ in found] == [made] * PROCESSES
            held = [shard for _, _, shards in found for shard in shards]
            assert sorted(held) == [*range(SHARDS)]


def _first_started(
    settings: Settings, together: threading.Barrier
) -> tuple[list[str], int, list[int]]:
    """Start a process; returns its migrations, documents and shards."""
    try:
        together.wait()
        with Core(settings, WordEmbedder(64)) as core:
            together.wait()
            run_to_end(index_updates.update_notes_and_articles(core))
            together.wait()
            core.store.contributions.propose(GUILD, Member(1, "Mira"), 5, Submission("A", "Text."))
            together.wait()
            WorkQueue(settings.data.database).close()
            together.wait()
            leases = Leases(settings.data.database, name=f"commonplace {threading.get_ident()}")
            leases.join(SHARDS)
            together.wait()
            for _ in range(SHARDS):
                standing = leases.step()
            together.wait()
            leases.close()
            documents = len(core.index.tables.document_digests(Kind))
            return core.store.database.migrations(), documents, [*standing.shards]
    except BaseException:
        together.abort()
        raise
