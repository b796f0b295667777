"""Embedding by other processes: the index is the same as without them, even if they die."""

import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding.embedder import embed_with_codes
from indexer.index.index import Index
from indexer.ingest.embedding_queue import EmbeddingQueue, EmbeddingWorker, SetAsideError, job_kind
from indexer.ingest.files import update_files
from indexer.ingest.pipeline import Progress, UpdateReport, update
from indexer.text.passages import with_titles
from knowledge import corpus
from knowledge.sources.addition import add_paths
from knowledge.store.postgres.work_queue import LEASE_SECONDS, MOST_TRIES, WorkQueue
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.embedding_jobs import Job
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import Found, all_found
from tests.postgres import Cluster

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


ROOT = Path(__file__).parents[3]


class RefusingEmbedder(WordEmbedder):
    """An `Embedder` that can't embed texts with a certain word in them."""

    def __init__(self, word: str) -> None:
        super().__init__(64)
        self._word = word

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any(self._word in text for text in texts):
            raise ValueError(f"I can't read {texts}")
        return super()._embedded(texts)


@pytest.fixture
def world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    made = World(tmp_path, postgres_url)
    yield made
    made.close()


@pytest.fixture
def alone(world: World, tmp_path: Path) -> Iterator[Index]:
    """The index of the same documents that was made without workers."""
    with world.opened(tmp_path / "alone") as index:
        for _ in update(index, WordEmbedder(64), DOCUMENTS):
            pass
        yield index


def test_workers_embed_and_the_index_is_the_same(world: World, alone: Index) -> None:
    workers = [world.worker("a"), world.worker("b")]
    done: dict[str, int] = {"a": 0, "b": 0}

    def turn() -> None:
        for worker in workers:
            done[worker.name] += worker.step()

    report = drive(world.update(), turn)
    assert world.embedder.calls == []
    assert content(world.index) == content(alone)
    assert min(done.values()) > 0
    assert report.embedded == sum(done.values())
    assert len(report.added) == len(DOCUMENTS)
    assert nothing_is_left(world)


def test_without_a_worker_it_embeds_by_itself(world: World, alone: Index) -> None:
    report = drive(world.update(), lambda: pytest.fail("It waits for nobody."))
    assert content(world.index) == content(alone)
    assert report.embedded == len(world.embedder.texts)


def test_the_rest_is_embedded_here_when_the_last_worker_leaves(world: World, alone: Index) -> None:
    worker = world.worker()
    turns = iter([worker.step, worker.step, worker.leave])
    drive(world.update(), lambda: next(turns)())
    assert 0 < len(world.embedder.texts) < len(content(alone)[0])
    assert content(world.index) == content(alone)
    assert nothing_is_left(world)


def test_a_worker_of_another_model_is_not_waited_for(world: World, alone: Index) -> None:
    other = world.worker("other", WordEmbedder(64, model="other"))
    drive(world.update(), lambda: pytest.fail("It waits for nobody."))
    world.worker().leave()
    world.jobs.offer(job_kind(world.embedder), {b"key": "text"})
    assert other.step() == 0
    assert content(world.index) == content(alone)


def test_an_abandoned_update_is_resumed(world: World, alone: Index) -> None:
    worker = world.worker()
    begun = world.update()
    for progress in begun:
        if progress.report.waits and worker.step():
            break
    del begun
    drive(world.update(), worker.step)
    assert content(world.index) == content(alone)
    assert world.embedder.calls == []
    assert nothing_is_left(world)


def test_results_that_are_no_vectors_are_not_stored(world: World, alone: Index) -> None:
    bad = [b"", b"\xff" * 256, np.zeros(64, np.float32).tobytes()]
    spoiler = Spoiler(world, world.worker(), lambda number, _: bad[number % 3])

    drive(world.update(), spoiler.step)
    assert spoiler.count > 0
    assert content(world.index) == content(alone)


def test_texts_that_workers_fail_on_are_embedded_here_and_logged_without_their_words(
    world: World, alone: Index, caplog: pytest.LogCaptureFixture
) -> None:
    worker = world.worker("a", RefusingEmbedder("number17"))
    drive(world.update(), worker.step)
    assert content(world.index) == content(alone)
    assert world.embedder.texts
    assert all("number17" in text for text in world.embedder.texts)
    assert "ValueError" in caplog.text
    assert "number17" not in caplog.text
    assert nothing_is_left(world)


class Dying:
    """Workers killed by texts with a certain word, and one that survives."""

    def __init__(self, world: World, postgres: Cluster, word: str) -> None:
        self._world = world
        self._postgres = postgres
        self._word = word
        self._worker = world.worker("a", WordEmbedder(64))

    def turn(self) -> None:
        moved = f"tries = {MOST_TRIES}, taken_until = now() - interval '1 second'"
        spoiled = f"update work.jobs set {moved} where payload like '%{self._word}%'"  # noqa: S608
        self._postgres.execute(spoiled, self._world.url)
        self._worker.step()


def test_texts_that_kill_workers_are_set_aside(world: World, postgres: Cluster) -> None:
    dying = Dying(world, postgres, "number17.")
    with pytest.raises(SetAsideError, match="took one of their texts died"):
        drive(world.update(), dying.turn)
    assert world.embedder.calls == []
    spoiled = {one.id for one in DOCUMENTS if "number17." in one.text}
    there = world.index.tables.document_digests({Kind.FILE}).keys()
    assert spoiled
    assert not spoiled & there
    assert len(there) > len(DOCUMENTS) / 2
    # Tried again when the queue has forgotten them.
    postgres.execute("delete from work.jobs", world.url)
    worker = world.worker("b")
    drive(world.update(), worker.step)
    assert len(world.index.tables.document_digests({Kind.FILE})) == len(DOCUMENTS)


def test_worker_killing_file_is_read_again(world: World, tmp_path: Path, postgres: Cluster) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    for document in DOCUMENTS:
        (folder / f"{document.title}.md").write_text(document.text, encoding="utf-8")
    dying = Dying(world, postgres, "number17.")

    def follow() -> Iterator[Progress]:
        looks = corpus.scan_files(store, world.index.tables.files())
        return update_files(world.index, world.embedder, looks, UpdateReport(), queue=world.queue)

    def named() -> list[str]:
        records = world.index.tables.files().values()
        return sorted(key for record in records for key in record.documents)

    def there() -> list[str]:
        return sorted(world.index.tables.document_digests({Kind.FILE}))

    with Store(tmp_path / "community.db") as store:
        add_paths(store, [folder])
        with pytest.raises(SetAsideError):
            drive(follow(), dying.turn)
        assert 0 < len(there()) < len(DOCUMENTS)
        assert named() == there()
        postgres.execute("delete from work.jobs", world.url)
        worker = world.worker("b")
        drive(follow(), worker.step)
        assert named() == there()
        assert len(there()) == len(DOCUMENTS)


def test_files_are_indexed_in_order(world: World, tmp_path: Path, alone: Index) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    for document in DOCUMENTS:
        (folder / f"{document.title}.md").write_text(document.text, encoding="utf-8")
    worker = world.worker()
    with Store(tmp_path / "community.db") as store, world.opened(tmp_path / "own") as own:
        add_paths(store, [folder])
        for index, queue in ((own, None), (world.index, world.queue)):
            looks = corpus.scan_files(store, index.tables.files())
            steps = update_files(index, WordEmbedder(64), looks, UpdateReport(), queue=queue)
            report = drive(steps, worker.step)
            assert len(report.added) == len(DOCUMENTS)
        assert content(world.index) == content(own)
        records = [index.tables.files() for index in (own, world.index)]
        named = [[record.documents for record in each.values()] for each in records]
        assert named[0] == named[1]
        assert all(record.digest for record in records[1].values())


# A worker takes a step for each line, and pauses in the middle until the next line.
_WORK = """
    import sys
    from indexer.ingest.embedding_queue import EmbeddingWorker
    from knowledge.store.postgres.work_queue import WorkQueue
    from tests.fakes import WordEmbedder

    class Embedder(WordEmbedder):
        def embed_passages(self, texts):
            print("embedding", flush=True)
            sys.stdin.readline()
            return super().embed_passages(texts)

    worker = EmbeddingWorker(WorkQueue({url!r}), Embedder(64), {name!r})
    for line in sys.stdin:
        print("done", worker.step(), flush=True)
"""


class Killed:
    """A worker in a process of its own, which is killed and begun anew."""

    def __init__(self, url: str, name: str) -> None:
        self._code = textwrap.dedent(_WORK.format(url=url, name=name))
        self._name = name
        self.begin()

    def begin(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", self._code]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe)

    def say(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go on\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def kill(self, postgres: Cluster, url: str) -> None:
        """Kill it, and let its leases lapse."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()
        lapsed = f"taken_until = taken_until - interval '{LEASE_SECONDS + 1} seconds'"
        postgres.execute(f"update work.jobs set {lapsed} where taken_by = '{self._name}'", url)  # noqa: S608


def test_killed_workers_lose_no_vector(world: World, alone: Index, postgres: Cluster) -> None:
    chosen = random.Random(7)  # noqa: S311 - any order will do
    workers = [Killed(world.url, f"w{number}") for number in range(2)]
    kills = 0

    def kill(worker: Killed) -> None:
        nonlocal kills
        kills += 1
        worker.kill(postgres, world.url)
        worker.begin()

    def turn() -> None:
        worker = chosen.choice(workers)
        worker.say()
        if worker.hear() != "embedding":
            return
        if kills < 3 and chosen.random() < 0.4:
            kill(worker)
            return
        worker.say()
        if kills < 4 and chosen.random() < 0.4:
            # Before, in, or after the transaction that hands in its vectors.
            kill(worker)
            return
        assert worker.hear().startswith("done")

    try:
        world.worker()
        report = drive(world.update(), turn)
    finally:
        for worker in workers:
            worker.kill(postgres, world.url)
    assert kills == 4
    assert content(world.index) == content(alone)
    assert report.embedded == len(content(alone)[0])
    assert nothing_is_left(world)


# Codes through the queue: every passage gets them.


# Each has one passage of several windows.
LONG = [
    Document(
        f"file:long{number}",
        SHARED,
        Kind.FILE,
        f"Long {number}",
        " ".join(f"Otters eat crab{part} of sort {number} every day." for part in range(40)),
    )
    for number in range(8)
]


@pytest.fixture
def coded(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    """A world whose embedder has token vectors."""
    made = World(tmp_path, postgres_url, CodedEmbedder(64))
    yield made
    made.close()


def _codes(index: Index) -> dict[bytes, bytes]:
    rows = index.tables.db.rows("select digest, codes from token_codes")
    return {bytes(key): bytes(codes) for key, codes in rows}


def _wholes(index: Index) -> set[bytes]:
    return {bytes(row[0]) for row in index.tables.db.rows("select digest from passages")}


def test_workers_return_codes_with_vectors(coded: World, tmp_path: Path) -> None:
    documents = [*DOCUMENTS, *LONG]
    with coded.opened(tmp_path / "alone") as alone:
        for _ in update(alone, CodedEmbedder(64), documents):
            pass
        expected = content(alone), _codes(alone)
    worker = coded.worker("a", CodedEmbedder(64))
    drive(coded.update(documents), worker.step)
    assert coded.embedder.calls == []
    assert (content(coded.index), _codes(coded.index)) == expected
    assert _codes(coded.index).keys() == _wholes(coded.index)
    assert len(content(coded.index)[0]) > len(_codes(coded.index))
    assert nothing_is_left(coded)


def test_passages_embedded_here_after_the_last_worker_left_have_codes(coded: World) -> None:
    worker = coded.worker("a", CodedEmbedder(64))
    turns = iter([worker.step, worker.step, worker.leave])
    drive(coded.update(), lambda: next(turns)())
    assert coded.embedder.calls
    assert _codes(coded.index).keys() == _wholes(coded.index)


def test_a_worker_without_token_vectors_is_not_waited_for(coded: World) -> None:
    other = coded.worker("other", WordEmbedder(64, model="coded words"))
    assert other.kind != job_kind(coded.embedder)
    drive(coded.update(), lambda: pytest.fail("It waits for nobody."))
    assert other.step() == 0
    assert _codes(coded.index).keys() == _wholes(coded.index)


def test_torn_results_are_not_stored(coded: World, caplog: pytest.LogCaptureFixture) -> None:
    """The vectors are whole. The codes have a byte too few or too many."""

    def torn(number: int, job: Job) -> bytes:
        vectors, codes = embed_with_codes(CodedEmbedder(64), [job.text])
        bad = [codes[0][:-1], codes[0] + b"x", codes[0][:1], b"x" * 17][number % 4]
        result: bytes = vectors[0].tobytes() + bad
        return result

    spoiler = Spoiler(coded, coded.worker("a", CodedEmbedder(64)), torn)
    drive(coded.update(), spoiler.step)
    assert spoiler.count > 4
    assert "vectors of a worker were none" in caplog.text
    expected = CodedEmbedder(64)
    assert expected.tokens is not None
    for key, codes in _codes(coded.index).items():
        [(text,)] = _texts(coded.index, key)
        assert codes == expected.tokens.of_passages([text])[1][0]
    assert _codes(coded.index).keys() == _wholes(coded.index)


def _texts(index: Index, key: bytes) -> set[tuple[str]]:
    """The embedded texts of the passages with a digest."""
    rows = index.tables.db.rows("select id from passages where digest = ?", (key,))
    found = index.tables.passages([row[0] for row in rows]).values()
    return {(with_titles(passage.title, passage.heading, passage.text),) for passage in found}


def test_missing_codes_are_made_here(coded: World) -> None:
    """Only a text without tokens really has none."""
    seen = coded.worker("a", CodedEmbedder(64))

    def hand_in() -> None:
        for job in coded.jobs.take(seen.kind, "bare", 16):
            coded.jobs.finish([(job, CodedEmbedder(64).embed_passages([job.text])[0].tobytes())])

    drive(coded.update(DOCUMENTS[:20]), hand_in)
    assert len(coded.embedder.texts) == len(_wholes(coded.index))
    assert _codes(coded.index).keys() == _wholes(coded.index)


def test_without_token_vectors_longer_results_are_refused(world: World) -> None:

    def longer(_: int, job: Job) -> bytes:
        vector: bytes = WordEmbedder(64).embed_passages([job.text])[0].tobytes()
        return vector + b"codes of something"

    spoiler = Spoiler(world, world.worker(), longer)
    drive(world.update(), spoiler.step)
    assert spoiler.count > 0
    assert len(world.index.tables.document_digests({Kind.FILE})) == len(DOCUMENTS)
    assert _codes(world.index) == {}


def test_two_updates_store_the_codes_of_each_other_s_results(coded: World) -> None:
    """The updates run in turn, as those of pages and of channels do."""
    worker = coded.worker("a", CodedEmbedder(64))
    own = update(coded.index, coded.embedder, DOCUMENTS, kinds={Kind.FILE}, queue=coded.queue)
    pages = [replace(page, id=page.id.replace("file", "page"), kind=Kind.PAGE) for page in LONG]
    other = update(coded.index, coded.embedder, pages, kinds={Kind.PAGE}, queue=coded.queue)
    going = [own, other]
    while going:
        for steps in list(going):
            progress = next(steps, None)
            if progress is None:
                going.remove(steps)
            elif progress.report.waits:
                worker.step()
    assert _codes(coded.index).keys() == _wholes(coded.index)
    assert coded.embedder.calls == []
