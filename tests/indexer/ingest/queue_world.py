"""An index that is updated through the embedding queue, and its outcome."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from indexer.index.index import Index
from indexer.ingest.embedding_queue import EmbeddingQueue, EmbeddingWorker, job_kind
from indexer.ingest.pipeline import Progress, UpdateReport, update
from knowledge.store.postgres.work_queue import WorkQueue
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.embedding_jobs import Job
from tests.fakes import WordEmbedder
from tests.indexer.small_index import Found, all_found

# Texts of several sections; several documents share some of them.
DOCUMENTS = [
    Document(
        f"file:{number}",
        SHARED,
        Kind.FILE,
        f"Document {number}",
        "\n\n".join(
            f"# Part {part}\n\nWord{number % 7} of part {part} and number{number * part % 31}."
            for part in range(number % 5 + 1)
        ),
    )
    for number in range(60)
]


class World:
    """An index that is updated with a queue, and workers in this very thread."""

    def __init__(self, folder: Path, url: str, embedder: WordEmbedder | None = None) -> None:
        self.url = url
        self.embedder = embedder or WordEmbedder(64)
        self.index = self.opened(folder / "index")
        self.jobs = WorkQueue(url)
        self.queue = EmbeddingQueue(self.jobs)
        self._opened = [self.jobs]

    def opened(self, folder: Path) -> Index:
        return Index(folder, model="words", dimension=64, max_tokens=256)

    def close(self) -> None:
        self.index.close()
        for jobs in self._opened:
            jobs.close()

    def worker(self, name: str = "a", embedder: WordEmbedder | None = None) -> EmbeddingWorker:
        self._opened.append(WorkQueue(self.url))
        worker = EmbeddingWorker(self._opened[-1], embedder or WordEmbedder(64), name)
        assert worker.step() == 0
        return worker

    def update(self, documents: Sequence[Document] = DOCUMENTS) -> Iterator[Progress]:
        return update(self.index, self.embedder, documents, queue=self.queue)


class Spoiler:
    """A worker that returns bad results; every other time a sound worker has its turn first.

    `bad` makes a result from the number of bad ones, this one included, and the job. `count` is
    that number.
    """

    def __init__(
        self, world: World, sound: EmbeddingWorker, bad: Callable[[int, Job], bytes]
    ) -> None:
        self.count = 0
        self._jobs = world.jobs
        self._sound = sound
        self._bad = bad

    def step(self) -> None:
        if self.count % 2:
            self._sound.step()
        for job in self._jobs.take(self._sound.kind, "bad", 3):
            self.count += 1
            self._jobs.finish([(job, self._bad(self.count, job))])


def drive(steps: Iterator[Progress], turn: Callable[[], object]) -> UpdateReport:
    """Run an update to its end; while it waits, workers have their turn."""
    report = UpdateReport()
    for progress in steps:
        report = progress.report
        if report.waits:
            assert progress.pause_seconds > 0
            turn()
    assert not report.waits
    return report


def content(index: Index) -> tuple[list[tuple[object, ...]], Found]:
    stored = index.tables.db.rows("select digest, vector from vectors order by digest")
    return stored, all_found(index, WordEmbedder(64), "part 3 word5 number4", [SHARED])


def nothing_is_left(world: World) -> bool:
    state = world.jobs.state()
    kind = job_kind(world.embedder)
    return (state.waiting, state.set_aside) == (0, 0) and not world.jobs.results(kind, 1)
