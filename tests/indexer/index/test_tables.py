"""Statements of the index database: stored rows, erased text, and faults that change nothing."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError
from indexer.index.index import Index
from indexer.index.sqlite_file import SQLiteConnection
from indexer.index.written_documents import CutDocument
from indexer.ingest.pipeline import index_document
from indexer.text.passages import digest, passages
from knowledge.values.documents import SHARED, Document, FileRecord, Kind
from tests.fakes import CodedEmbedder, WordEmbedder
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


def test_full_disk_changes_nothing(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        before, generation = everything(index, embedder), index.generation
        [[pages]] = index.tables.db.rows("pragma page_count")
        index.tables.db.rows(f"pragma max_page_count = {pages}")
        with pytest.raises(IndexWriteError, match=r"full.*Nothing was changed.*free space"):
            index_document(index, embedder, new_document("large", "new words " * 5_000))
        assert everything(index, embedder) == before
        assert index.generation == generation
        index.tables.db.rows("pragma max_page_count = 1000000")
        index_document(index, embedder, new_document("large", "new words " * 5_000))
        assert index.tables.document_passages("file:large")


def test_document_without_vectors_is_not_half_applied(home: Home, embedder: WordEmbedder) -> None:
    document = new_document("new", "text")
    cut = CutDocument(document, tuple(passages(document, embedder.count_tokens, 256)))
    with opened(home, embedder) as index:
        with pytest.raises(Exception):  # noqa: B017, PT011 - a defect of the caller, of any kind
            index.tables.apply([cut])
        assert index.tables.counts(SCOPES) == {"documents": 0, "passages": 0}
        assert index.generation == 0


def test_stored_passages_have_citation_data(tmp_path: Path, embedder: WordEmbedder) -> None:
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
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, document)
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


def test_only_unused_vectors_are_pruned(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index:
        build(index, embedder, [new_document("a", "one"), new_document("b", "two")])
        unused = digest("nobody says this")
        index.tables.store_vectors({unused: embedder.embed_passages(["nobody says this"])[0]})
        index.tables.apply([], ["file:a"])
        assert index.tables.prune_vectors() == 2
        assert index.tables.missing_vectors([unused, digest("b\ntwo")]) == {unused}


def test_only_unused_codes_are_pruned(home: Home) -> None:
    embedder = CodedEmbedder(64)
    used, gone = digest("b\ntwo"), digest("a\none")
    with opened(home, embedder) as index:
        build(index, embedder, [new_document("a", "one"), new_document("b", "two")])
        assert _coded(index) == {used, gone}
        # Codes are stored before their passage.
        early = digest("c\nthree")
        index.tables.store_vectors({}, {early: b"codes"})
        assert _coded(index) == {used, gone, early}
        assert index.tables.prune_vectors() == 0
        assert _coded(index) == {used, gone}


def test_codes_are_kept_with_present_passages_alone(tmp_path: Path) -> None:
    embedder = CodedEmbedder(64)
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("a", "# One\n\nSame.\n\n# Two\n\nOld."))
        embedder.calls.clear()
        index_document(index, embedder, new_document("a", "# One\n\nSame.\n\n# Two\n\nNew."))
        assert embedder.texts == ["a\nTwo\nNew."]
        assert _coded(index) == {digest("a\nOne\nSame."), digest("a\nTwo\nNew.")}
        index.tables.apply([], ["file:a"])
        assert _coded(index) == set()
        assert index.tables.prune_vectors() == 3
        assert _coded(index) == set()


def test_a_moved_file_gets_its_codes_again(tmp_path: Path) -> None:
    """It is taken out, and put in under another name. Its vectors were kept."""
    embedder = CodedEmbedder(64)
    document = Document("file:before", SHARED, Kind.FILE, "T", "one")
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, document)
        [codes] = index.tables.token_codes(
            index.tables.passage_ids([document.id], [SHARED])
        ).values()
        index.tables.apply([], [document.id])
        index_document(index, embedder, replace(document, id="file:after"))
        ids = index.tables.passage_ids(["file:after"], [SHARED])
        assert index.tables.token_codes(ids) == dict.fromkeys(ids, codes)


def test_codes_stay_while_a_document_has_their_text(tmp_path: Path) -> None:
    embedder = CodedEmbedder(64)
    with opened(tmp_path, embedder) as index:
        for name in ("a", "b"):
            index_document(index, embedder, Document(f"file:{name}", SHARED, Kind.FILE, "T", "one"))
        ids = index.tables.passage_ids(["file:a", "file:b"], [SHARED])
        codes = index.tables.token_codes(ids)
        assert codes.keys() == set(ids)
        assert len(set(codes.values())) == 1
        index.tables.apply([], ["file:a"])
        index.tables.prune_vectors()
        assert list(index.tables.token_codes(ids).values()) == [codes[ids[0]]]
        # They stay, too, if the text moves to another document at once.
        moved = Document("file:c", SHARED, Kind.FILE, "T", "one")
        cut = CutDocument(moved, tuple(passages(moved, embedder.count_tokens, 256)))
        index.tables.apply([cut], ["file:b"])
        ids = index.tables.passage_ids(["file:c"], [SHARED])
        assert list(index.tables.token_codes(ids).values()) == [next(iter(codes.values()))]


def test_codes_are_returned_by_passage_without_missing_ones(tmp_path: Path) -> None:
    embedder = CodedEmbedder(64)
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        ids = index.tables.passage_ids([f"file:doc{n}" for n in range(30)], SCOPES)
        assert index.tables.token_codes(ids).keys() == set(ids)
        texts = index.tables.passages(ids)
        assert embedder.tokens is not None
        for key, codes in index.tables.token_codes(ids).items():
            words = f"{texts[key].title} {texts[key].heading} {texts[key].text}"
            assert len(codes) == len(words.split()) * embedder.tokens.codec.token_bytes
        some = index.tables.passage_ids(["file:doc7"], SCOPES)
        index.tables.db.run(
            "delete from token_codes where digest in (select digest from passages where id = ?)",
            (some[0],),
        )
        assert index.tables.token_codes([*some, 99_999]).keys() == set(some[1:])
        assert index.tables.token_codes([]) == {}


def test_stored_codes_are_not_replaced(home: Home) -> None:
    """Two processes may embed the same text at once."""
    key = digest("one")
    with opened(home, CodedEmbedder(64)) as index:
        index.tables.store_vectors({}, {key: b"first"})
        index.tables.store_vectors({}, {key: b"again", digest("two"): b"second"})
        assert _coded(index) == {key, digest("two")}


def _coded(index: Index) -> set[bytes]:
    return {bytes(row[0]) for row in index.tables.db.rows("select digest from token_codes")}


def test_files_keep_nothing_of_deleted_texts(tmp_path: Path, embedder: WordEmbedder) -> None:
    secret = "# Safe\n\nThe xylophone opens it. " * 40
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        index_document(index, embedder, new_document("secret", secret))
        assert _holds(tmp_path, b"xylophone")
        index.tables.apply([], ["file:secret"])
        assert not _holds(tmp_path, b"xylophone")
        index_document(index, embedder, new_document("a", secret))
        index_document(index, embedder, new_document("a", "The key opens it."))
    assert not _holds(tmp_path, b"xylophone")


def test_read_text_leaves_with_the_next_deletion(tmp_path: Path, embedder: WordEmbedder) -> None:
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
    """Whether the index's files have a word in any page."""
    return any(word in path.read_bytes() for path in folder.glob("index.db*"))


def test_replaying_a_change_reads_little_of_a_file(tmp_path: Path, embedder: WordEmbedder) -> None:
    """Counted in instructions of SQLite's machine."""
    steps = []
    for size in (20, 200):
        with opened(tmp_path / str(size), embedder) as index:
            build(index, embedder, [new_document(f"doc{n}", f"alpha{n}") for n in range(size)])
            assert index.generation
            index_document(index, embedder, new_document("note", "one more"))
            counted: list[None] = []
            assert isinstance(index.tables.db, SQLiteConnection)
            connection = index.tables.db._db.conn
            connection.set_progress_handler(partial(counted.append, None), 10)
            index.generation  # noqa: B018 - reading it replays what changed
            connection.set_progress_handler(None, 0)
            assert len(index.matching("one more", 5, [SHARED])) == 1
            steps.append(len(counted))
    assert 0 < steps[1] < 2 * steps[0]


def _record(path: str) -> FileRecord:
    return FileRecord(path, SHARED, f"file:{path}", 1, 1, "", 1, datetime.now(UTC), (), ())


def test_record_version_changes_in_every_process(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index, opened(home, embedder) as other:
        versions = [index.tables.files_version]
        other.tables.apply([], (), _record("/a"))
        versions.append(index.tables.files_version)
        index_document(other, embedder, new_document("b", "one"))
        assert index.tables.files_version == versions[-1]
        other.tables.apply([], (), forgotten=["/a"])
        versions.append(index.tables.files_version)
    assert len(set(versions)) == 3
