"""Codes through the embedding queue: every passage gets them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.embedding.embedder import embed_with_codes
from indexer.index.index import Index
from indexer.ingest.embedding_queue import job_kind
from indexer.ingest.pipeline import update
from indexer.text.passages import with_titles
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.embedding_jobs import Job
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.ingest.queue_world import (
    DOCUMENTS,
    Spoiler,
    World,
    content,
    drive,
    nothing_is_left,
)

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
    return {(with_titles(one.title, one.heading, one.text),) for one in found}


def test_missing_codes_are_made_here(coded: World) -> None:
    """Only a text without tokens really has none."""
    seen = coded.worker("a", CodedEmbedder(64))

    def hand_in() -> None:
        for job in coded.jobs.take(seen.kind, "bare", 16):
            coded.jobs.finish([(job, CodedEmbedder(64).embed_passages([job.text])[0].tobytes())])

    drive(coded.update(DOCUMENTS[:20]), hand_in)
    assert len(coded.embedder.texts) == len(_wholes(coded.index))
    assert _codes(coded.index).keys() == _wholes(coded.index)


@pytest.fixture
def world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    made = World(tmp_path, postgres_url)
    yield made
    made.close()


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
    pages = [replace(one, id=one.id.replace("file", "page"), kind=Kind.PAGE) for one in LONG]
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
