"""Embedding workers on PostgreSQL: imports, and texts that can't be embedded."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli.doctor import examine
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.core.worker import Worker
from bot.process.embedding import Embedding
from bot.sources import channel_sync_steps
from indexer.ingest.embedding_queue import EmbeddingWorker, job_kind
from indexer.ingest.pipeline import Progress
from knowledge.discord_archive.archive import ProgressMessage
from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.sources.addition import add_paths
from knowledge.store.postgres.work_queue import WorkQueue
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.bot.sync_driver import NOW, Server, SyncDriver, documents
from tests.fakes import WordEmbedder

DOCUMENTS = 100


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(data=DataSettings(folder=tmp_path / "data", database=postgres_url))


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    folder.mkdir()
    for number in range(DOCUMENTS):
        (folder / f"{number}.md").write_text(f"# About {number}\n\nFigure{number} is here.\n")
    return folder


@pytest.fixture
def attended(postgres_url: str) -> Iterator[Embedding]:
    """A worker that has joined."""
    embedding = Embedding(postgres_url, lambda: WordEmbedder(64))
    thread = threading.Thread(target=embedding.run)
    thread.start()
    jobs = WorkQueue(postgres_url)
    while not jobs.is_attended(job_kind(WordEmbedder(64))):
        threading.Event().wait(0.01)
    jobs.close()
    yield embedding
    embedding.stop()
    thread.join()


async def test_a_bots_import_is_embedded_by_a_worker(
    settings: Settings, handbook: Path, attended: Embedding
) -> None:
    embedder = WordEmbedder(64)
    worker = Worker(lambda: Core(settings, embedder), Core.close)
    await worker.run_slices(index_updates.update_notes_and_articles)
    embedder.calls.clear()
    await worker.call(lambda core: add_paths(core.store, [handbook]))
    last = await worker.run_slices(index_updates.update_files)
    assert last is not None
    assert len(last.report.added) == DOCUMENTS
    assert embedder.calls == []
    found = await worker.call(lambda core: core.search("figure42", None, 1))
    assert found[0].passage.document_id == f"file:{handbook / '42.md'}"
    figures = await worker.call(Core.figures)
    assert figures.work is not None
    assert figures.work.workers == {job_kind(embedder): 1}
    await worker.stop()


def test_an_import_of_the_command_line_is_embedded_by_a_worker(
    settings: Settings, handbook: Path, attended: Embedding
) -> None:
    embedder = WordEmbedder(64)
    with Core(settings, embedder) as core:
        run_to_end(index_updates.update_notes_and_articles(core))
        embedder.calls.clear()
        add_paths(core.store, [handbook])
        report = run_to_end(index_updates.update_files(core))
    assert len(report.added) == DOCUMENTS
    assert embedder.calls == []


def _read(core: Core, channel_id: int) -> SyncDriver:
    """A channel with a few threads, read but not indexed."""
    channel = SyncedChannel(channel_id, channel_id, SyncedContent.THREADS, NOW)
    assert channel_sync_steps.add(core, channel, "snow", 9, NOW, ProgressMessage())
    driver = SyncDriver(core, Server(channel_id))
    for _ in range(3):
        thread, _ = driver.server.begin()
        driver.server.write(thread.id)
    for _ in range(30):
        driver.ask()
        driver.take()
    return driver


def _attended(worker: EmbeddingWorker, update: Iterator[Progress]) -> Iterator[None]:
    """The steps of an update, with a worker's turn after each."""
    for progress in update:
        if progress.report.waits:
            worker.step()
        yield


@pytest.fixture
def own(postgres_url: str) -> Iterator[EmbeddingWorker]:
    """A worker that has joined, in this thread."""
    with closing(WorkQueue(postgres_url)) as jobs:
        worker = EmbeddingWorker(jobs, WordEmbedder(), "a")
        worker.step()
        yield worker


def test_what_was_read_in_channels_is_embedded_by_a_worker(
    settings: Settings, tmp_path: Path, own: EmbeddingWorker
) -> None:
    embedder = WordEmbedder()
    alone = Settings(data=DataSettings(folder=tmp_path / "alone"))
    with Core(settings, embedder) as core, Core(alone, WordEmbedder()) as other:
        for each in (core, other):
            _read(each, 1)
        for _ in _attended(own, index_updates.update_channels(core)):
            pass
        run_to_end(index_updates.update_channels(other))
        assert documents(core, 1) == documents(other, 1) != {}
        assert embedder.calls == []
        assert core.archive.threads.changed() == []


def test_deletion_beats_a_workers_embedding(settings: Settings, own: EmbeddingWorker) -> None:
    with Core(settings, WordEmbedder()) as core:
        for steps in itertools.count():
            driver = _read(core, steps + 1)
            answer = max(max(driver.server.messages.values(), key=max).values(), key=_id_of)
            update = _attended(own, index_updates.update_channels(core))
            taken = sum(1 for _ in itertools.islice(update, steps))

            channel_sync_steps.delete_messages(core, [_id_of(answer)])

            again = _attended(own, index_updates.update_channels(core))
            for _ in itertools.chain([None], update, again):
                quoted = "".join(documents(core, steps + 1).values())
                assert answer.message.text not in quoted
            channel_sync_steps.remove(core, steps + 1, steps + 1, 9)
            if taken < steps:
                assert steps > 3
                return


def _id_of(message: ArchivedMessage) -> int:
    return message.message.id


def test_what_no_worker_could_embed_is_told(
    settings: Settings, tmp_path: Path, postgres_url: str
) -> None:
    jobs = WorkQueue(postgres_url)
    kind = job_kind(WordEmbedder(64))
    jobs.offer(kind, {b"key": "text"})
    with Core(settings, WordEmbedder(64)) as core:
        assert core.problems() == ()
        while taken := jobs.take(kind, "a", 1):
            jobs.fail("a", taken, "MemoryError")
        [told] = core.problems()
    jobs.close()
    assert "1 text could not be embedded" in told
    config = tmp_path / "config.toml"
    config.write_text(f'[data]\ndatabase = "{postgres_url}"\n')
    findings = {}
    for finding in examine(config, settings.data.folder):
        findings[finding.subject] = finding
        if finding.subject == "workers":
            break
    assert not findings["workers"].passed
    assert "MemoryError" in findings["workers"].details


def test_one_process_on_files_has_no_queue(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder(64)) as core:
        assert core.work is None
        assert core.figures().work is None
        assert core.problems() == ()
