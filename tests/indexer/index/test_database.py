"""How the index database is opened: what is refused, what is built anew, and what is explained."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError, StaleIndexError
from indexer.index.index import Index
from indexer.ingest.pipeline import put
from indexer.ingest.token_backfill import backfill
from knowledge.model.documents import SHARED
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import (
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


@pytest.mark.parametrize("changed", ["model", "dimension", "max_tokens"])
def test_an_index_made_otherwise_is_refused_with_the_remedy(home: Home, changed: str) -> None:
    made = {"model": "words", "dimension": 64, "max_tokens": 256}
    Index(home, **made).close()  # type: ignore[arg-type]
    other = {**made, changed: "other" if changed == "model" else 99}
    with pytest.raises(StaleIndexError, match=rf"made with {changed}.*Run `commonplace index`"):
        Index(home, **other)  # type: ignore[arg-type]


def test_an_index_that_was_refused_is_left_as_it_is(home: Home, embedder: WordEmbedder) -> None:
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        before = everything(index, embedder)
    with pytest.raises(StaleIndexError):
        opened(home, embedder, model="other")
    with opened(home, embedder) as index:
        assert everything(index, embedder) == before


@pytest.mark.parametrize("keep", [0, 100, 4_096, 20_000])
def test_a_truncated_file_is_built_anew(tmp_path: Path, embedder: WordEmbedder, keep: int) -> None:
    with opened(tmp_path / "index", embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)
    path = tmp_path / "index" / "index.db"
    assert path.stat().st_size > keep
    path.write_bytes(path.read_bytes()[:keep])
    with opened(tmp_path / "index", embedder) as index:
        build(index, embedder, thirty_documents())
        assert everything(index, embedder) == expected


def test_a_file_that_is_no_database_is_built_anew(tmp_path: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "index.db").write_bytes(b"This is not a database. " * 500)
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        assert index.tables.counts(SCOPES) == {"documents": 30, "passages": 60}


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexWriteError, match="can't be opened"):
        opened(tmp_path / "file" / "index", embedder)


def test_an_index_that_another_process_keeps_locked_is_explained(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with opened(tmp_path, embedder) as index:
        index.tables.db.rows("pragma busy_timeout = 20")
        with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(IndexWriteError, match="locked"):
                put(index, embedder, new_document("a", "one"))
            other.execute("rollback")
        put(index, embedder, new_document("a", "one"))
        assert index.tables.counts([SHARED])["documents"] == 1


def test_an_index_of_an_earlier_release_gets_symbols_and_nothing_is_embedded(
    home: Home, embedder: WordEmbedder
) -> None:
    documents = [new_document("equal", "`==` compares values."), new_document("is", "is compares")]
    with opened(home, embedder) as index:
        build(index, embedder, documents)
        expected = index.matching("what does == do", 10, [SHARED])
        index.tables.db.run("update passages set words = replace(words, '== ', '')")
    with opened(home, embedder) as index:
        index.save_snapshots(least=1)
        index.tables.db.run("delete from manifest where key = 'symbols'")
    embedded = len(embedder.texts)
    for _ in range(2):
        with opened(home, embedder) as index:
            assert index.matching("what does == do", 10, [SHARED]) == expected != []
            [(words,)] = index.tables.db.rows("select words from passages where words like '=%'")
            assert words.split().count("==") == 1
    assert len(embedder.texts) == embedded


def test_an_index_of_an_earlier_release_gets_a_table_of_codes_and_keeps_what_it_has(
    home: Home,
) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        expected, generation = everything(index, embedder), index.generation
        codes = index.tables.db.rows("select digest, codes from token_codes order by digest")
        index.tables.db.run("drop table token_codes")
        index.tables.db.run("drop index passages_by_digest")
    embedder.calls.clear()
    for _ in range(2):
        with opened(home, embedder) as index:
            assert len(index.tables.without_token_codes()) == index.size(SCOPES) == len(codes)
            assert everything(index, embedder) == expected
            assert index.generation == generation
            build(index, embedder, thirty_documents())
    # All that is embedded is what was asked.
    assert not [text for text in embedder.texts if "alpha0" in text]
    with opened(home, embedder) as index:
        list(backfill(index, embedder))
        put(index, embedder, new_document("later", "uncommonword"))
        assert index.tables.without_token_codes() == []
        later = index.tables.passage_ids(["file:later"], SCOPES)
        assert index.tables.token_codes(later)
        index.tables.apply([], ["file:later"])
        index.tables.prune_vectors()
        made = index.tables.db.rows("select digest, codes from token_codes order by digest")
        assert made == codes


def test_several_processes_may_open_an_index_of_an_earlier_release_at_once(home: Home) -> None:
    embedder = CodedEmbedder(64)
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        index.tables.db.run("drop table token_codes")
        index.tables.db.run("drop index passages_by_digest")
    together = threading.Barrier(4)

    def count(_: int) -> int:
        together.wait()
        with opened(home, CodedEmbedder(64)) as index:
            return len(index.tables.without_token_codes())

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(count, range(4))) == {60}


def test_an_index_of_the_format_before_is_brought_to_this_one_with_all_that_is_in_it(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    documents = thirty_documents()
    with opened(tmp_path, embedder) as index:
        build(index, embedder, documents[:20])
        index.tables.apply([], ["file:doc3"])
        expected = everything(index, embedder)
        overall = index.generation
    with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as file:
        # As format 1 had it: one generation for all, counted with each change.
        file.executescript(
            "drop table generations; drop index passages_by_scope; drop index removed_by_scope; "
            "create index passages_by_generation on passages (generation); "
            "create index removed_by_generation on removed (generation); "
            "create index passages_by_scope on passages (scope); "
            "update manifest set value = '1' where key = 'format'"
        )
        file.execute("update manifest set value = ? where key = 'generation'", [str(overall)])
        file.execute("update passages set generation = min(id, ?)", [overall])
        file.execute("update removed set generation = ?", [overall])
    embedded = len(embedder.texts)
    with opened(tmp_path, embedder) as index:
        assert everything(index, embedder) == expected
        assert len(embedder.texts) == embedded + 4 * len(SCOPES)
        build(index, embedder, documents)
        everywhere = everything(index, embedder)
    with opened(tmp_path / "new", embedder) as index:
        build(index, embedder, documents)
        assert everything(index, embedder) == everywhere
