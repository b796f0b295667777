"""Statements of the index database: what is stored, what is gone for good, what a fault leaves."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError
from indexer.index.sqlite_file import SQLiteConnection
from indexer.index.written_documents import CutDocument
from indexer.ingest.pipeline import put
from indexer.text.passages import digest, passages
from knowledge.model.documents import SHARED, Document, Kind
from tests.fakes import WordEmbedder
from tests.indexer.small_index import (
    ONE,
    SCOPES,
    Home,
    build,
    everything,
    new_document,
    opened,
    thirty_documents,
)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


def test_a_full_disk_changes_nothing_and_is_explained(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        before, generation = everything(index, embedder), index.generation
        [[pages]] = index.tables.db.rows("pragma page_count")
        index.tables.db.rows(f"pragma max_page_count = {pages}")
        with pytest.raises(IndexWriteError, match=r"full.*Nothing was changed.*free space"):
            put(index, embedder, new_document("large", "new words " * 5_000))
        assert everything(index, embedder) == before
        assert index.generation == generation
        index.tables.db.rows("pragma max_page_count = 1000000")
        put(index, embedder, new_document("large", "new words " * 5_000))
        assert index.tables.document_passages("file:large")


def test_a_document_whose_vectors_are_not_kept_is_not_half_applied(
    home: Home, embedder: WordEmbedder
) -> None:
    document = new_document("new", "text")
    cut = CutDocument(document, tuple(passages(document, embedder.count_tokens, 256)))
    with opened(home, embedder) as index:
        with pytest.raises(Exception):  # noqa: B017, PT011 - a defect of the caller, of any kind
            index.tables.apply([cut])
        assert index.tables.counts(SCOPES) == {"documents": 0, "passages": 0}
        assert index.generation == 0


def test_what_is_stored_is_what_a_citation_needs(home: Home, embedder: WordEmbedder) -> None:
    document = Document(
        id="note:1",
        scope=ONE,
        kind=Kind.NOTE,
        title="T",
        text="# H\n\nFirst.\n\n# I\n\nSecond.",
        link="https://a.org/",
        tags=("x", "y"),
        contributor="Mira",
        revision=3,
        approved_by="Ada",
    )
    with opened(home, embedder) as index:
        put(index, embedder, document)
        first, second = index.tables.document_passages("note:1")
    assert (first.heading, first.text, second.heading, second.text) == (
        "H",
        "First.",
        "I",
        "Second.",
    )
    assert (first.title, first.link, first.tags) == ("T", "https://a.org/", ("x", "y"))
    assert (first.contributor, first.revision, first.approved_by) == ("Mira", 3, "Ada")
    assert (first.scope, first.kind, first.verified) == (ONE, Kind.NOTE, None)


def test_only_vectors_that_nothing_uses_are_pruned(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index:
        build(index, embedder, [new_document("a", "one"), new_document("b", "two")])
        unused = digest("nobody says this")
        index.tables.store_vectors({unused: embedder.embed_passages(["nobody says this"])[0]})
        index.tables.apply([], ["file:a"])
        assert index.tables.prune_vectors() == 2
        assert index.tables.missing_vectors([unused, digest("b\ntwo")]) == {unused}


def test_the_files_keep_nothing_of_a_text_that_was_taken_out(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        put(index, embedder, new_document("secret", "# Safe\n\nThe xylophone opens it. " * 40))
        assert _holds(tmp_path, b"xylophone")

        index.tables.apply([], ["file:secret"])

        assert not _holds(tmp_path, b"xylophone")


def test_the_file_keeps_nothing_of_a_text_that_was_replaced(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with opened(tmp_path, embedder) as index:
        put(index, embedder, new_document("a", "# Safe\n\nThe xylophone opens it. " * 40))
        put(index, embedder, new_document("a", "The key opens it."))

    assert not _holds(tmp_path, b"xylophone")


def test_what_is_deleted_while_another_process_reads_is_out_of_the_files_after_the_next_deletion(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with opened(tmp_path, embedder) as index:
        build(
            index,
            embedder,
            [new_document("a", "The xylophone opens it."), new_document("b", "two")],
        )
        with closing(sqlite3.connect(tmp_path / "index.db")) as reading:
            reading.execute("begin")
            reading.execute("select count(*) from passages").fetchone()
            index.tables.apply([], ["file:a"])

        index.tables.apply([], ["file:b"])

        assert not _holds(tmp_path, b"xylophone")


def _holds(folder: Path, word: bytes) -> bool:
    """Whether the index's file or what is beside it has a word in any page."""
    return any(word in path.read_bytes() for path in folder.glob("index.db*"))


def test_following_one_note_reads_no_more_of_a_large_file(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    """Counted in instructions of SQLite's machine."""
    steps = []
    for size in (20, 400):
        with opened(tmp_path / str(size), embedder) as index:
            build(index, embedder, [new_document(f"doc{n}", f"alpha{n}") for n in range(size)])
            assert index.generation
            put(index, embedder, new_document("note", "one more"))
            counted: list[None] = []
            assert isinstance(index.tables.db, SQLiteConnection)
            connection = index.tables.db.db.conn
            connection.set_progress_handler(partial(counted.append, None), 10)
            index.generation  # noqa: B018 - reading it replays what changed
            connection.set_progress_handler(None, 0)
            assert len(index.matching("one more", 5, [SHARED])) == 1
            steps.append(len(counted))
    assert 0 < steps[1] < 2 * steps[0]
