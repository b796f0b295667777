"""Statements of the index database: what is stored, what is gone for good, what a fault leaves."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError
from indexer.index.index import Index
from indexer.index.sqlite_file import SQLiteConnection
from indexer.index.written_documents import CutDocument
from indexer.ingest.pipeline import put
from indexer.text.passages import digest, passages
from knowledge.values.documents import SHARED, Document, Kind
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


def test_only_codes_that_no_passage_uses_are_pruned(home: Home) -> None:
    embedder = CodedEmbedder(64)
    used, gone = digest("b\ntwo"), digest("a\none")
    with opened(home, embedder) as index:
        build(index, embedder, [new_document("a", "one"), new_document("b", "two")])
        assert _coded(index) == {used, gone}
        # Stored before its passage, as what is embedded is.
        early = digest("c\nthree")
        index.tables.store_vectors({}, {early: b"codes"})
        assert _coded(index) == {used, gone, early}
        assert index.tables.prune_vectors() == 0
        assert _coded(index) == {used, gone}


def test_codes_leave_with_the_document_and_nothing_is_left_once_vectors_are_pruned(
    home: Home,
) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
        build(index, embedder, [new_document("a", "one"), new_document("b", "two")])
        index.tables.apply([], ["file:a"])
        assert _coded(index) == {digest("b\ntwo")}
        put(index, embedder, new_document("b", "three"))
        assert _coded(index) == {digest("b\nthree")}
        index.tables.apply([], ["file:b"])
        assert _coded(index) == set()
        assert index.tables.prune_vectors() == 3
        assert _coded(index) == set()


def test_codes_of_what_stays_of_a_document_stay(home: Home) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
        put(index, embedder, new_document("a", "# One\n\nSame.\n\n# Two\n\nOld."))
        embedder.calls.clear()
        put(index, embedder, new_document("a", "# One\n\nSame.\n\n# Two\n\nNew."))
        assert embedder.texts == ["a\nTwo\nNew."]
        assert _coded(index) == {digest("a\nOne\nSame."), digest("a\nTwo\nNew.")}


def test_what_is_put_in_again_has_codes_though_its_vectors_were_kept(home: Home) -> None:
    """As a file has that was moved: it is taken out, and put in under another name."""
    embedder = CodedEmbedder(64)
    document = Document("file:before", SHARED, Kind.FILE, "T", "one")
    with opened(home, embedder) as index:
        put(index, embedder, document)
        [codes] = index.tables.token_codes(
            index.tables.passage_ids([document.id], [SHARED])
        ).values()
        index.tables.apply([], [document.id])
        put(index, embedder, replace(document, id="file:after"))
        ids = index.tables.passage_ids(["file:after"], [SHARED])
        assert index.tables.token_codes(ids) == dict.fromkeys(ids, codes)


def test_codes_of_a_text_that_two_documents_have_stay_as_long_as_either(home: Home) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
        for name in ("a", "b"):
            put(index, embedder, Document(f"file:{name}", SHARED, Kind.FILE, "T", "one"))
        ids = index.tables.passage_ids(["file:a", "file:b"], [SHARED])
        codes = index.tables.token_codes(ids)
        assert codes.keys() == set(ids)
        assert len(set(codes.values())) == 1
        index.tables.apply([], ["file:a"])
        index.tables.prune_vectors()
        assert list(index.tables.token_codes(ids).values()) == [codes[ids[0]]]
        # And where one is moved to another place at once.
        moved = Document("file:c", SHARED, Kind.FILE, "T", "one")
        cut = CutDocument(moved, tuple(passages(moved, embedder.count_tokens, 256)))
        index.tables.apply([cut], ["file:b"])
        ids = index.tables.passage_ids(["file:c"], [SHARED])
        assert list(index.tables.token_codes(ids).values()) == [next(iter(codes.values()))]


def test_codes_are_given_by_passage_and_what_has_none_is_left_out(home: Home) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
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


def test_codes_that_are_stored_stay_whoever_stores_them_again(home: Home) -> None:
    """Two that embed the same text at once are no error."""
    key = digest("one")
    with opened(home, CodedEmbedder(64)) as index:
        index.tables.store_vectors({}, {key: b"first"})
        index.tables.store_vectors({}, {key: b"again", digest("two"): b"second"})
        assert _coded(index) == {key, digest("two")}


def _coded(index: Index) -> set[bytes]:
    return {bytes(row[0]) for row in index.tables.db.rows("select digest from token_codes")}


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
            connection = index.tables.db._db.conn
            connection.set_progress_handler(partial(counted.append, None), 10)
            index.generation  # noqa: B018 - reading it replays what changed
            connection.set_progress_handler(None, 0)
            assert len(index.matching("one more", 5, [SHARED])) == 1
            steps.append(len(counted))
    assert 0 < steps[1] < 2 * steps[0]
