"""An index in PostgreSQL: the same results as in SQLite, concurrent writers, and server errors."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.index.database import IndexError_, IndexSchema, IndexWriteError, Place
from indexer.index.index import Index
from indexer.index.postgres import PostgresConnection
from indexer.index.postings import Postings
from indexer.index.snapshots import SnapshotRows
from indexer.ingest.pipeline import index_document
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from tests.fakes import WordEmbedder
from tests.indexer.small_index import (
    ONE,
    SCOPES,
    TWO,
    Home,
    SchemaHome,
    build,
    everything,
    new_document,
    opened,
    saved,
    thirty_documents,
)
from tests.postgres import Cluster, database_name

WORDS = ("ferry", "island", "bread", "lantern", "kite", "harbour")
QUERIES = ("where is the ferry", "bread and kite", "lanterns of the harbour", "quux")
_schemas = itertools.count(1)


def _document(number: int, place: int) -> Document:
    text = " ".join(WORDS[(number * step + place) % len(WORDS)] for step in range(1, 9))
    return Document(
        f"file:{number}",
        SCOPES[place],
        (Kind.FILE, Kind.NOTE, Kind.PAGE)[number % 3],
        f"Title {number}",
        f"# One\n\nThe {text}, it's 100 % of {number}?\n\n# Two\n\nAgain {text} in 日本.",
        link=f"https://example.org/{number}",
        tags=("Rust",) if number % 2 else (),
    )


Step = tuple[str, int, int]
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "remove", "save", "open"]),
        st.integers(0, 7),
        st.integers(0, 2),
    ),
    max_size=15,
)


def results(index: Index, embedder: WordEmbedder) -> list[object]:
    """All results, with ids and the last digits of each number."""
    retriever = Retriever(index, embedder)
    found: list[object] = [
        index.generation,
        index.generation_of(SCOPES),
        index.size(SCOPES),
        index.tables.titles(SCOPES, 10),
        index.tables.tags(SCOPES),
        index.tables.totals(),
        index.tables.counts(SCOPES),
        sorted(index.tables.document_digests(Kind).items()),
    ]
    for scopes in ([SHARED], [SHARED, ONE], SCOPES):
        for query, hits in zip(QUERIES, retriever.hits(QUERIES, scopes), strict=True):
            found += [hits, retriever.judge(query, hits), index.idfs(query, scopes)]
    return found


def _history(steps: list[Step], place: Place) -> Iterator[list[object]]:
    embedder = WordEmbedder(64)
    index = opened(place, embedder)
    try:
        for name, number, where in steps:
            if name == "put":
                index_document(index, embedder, _document(number, where))
            elif name == "remove":
                index.tables.apply([], [f"file:{number}"])
            elif name == "save":
                index.save_snapshots(least=1)
            else:
                yield results(index, embedder)
                index.close()
                index = opened(place, embedder)
        yield results(index, embedder)
    finally:
        index.close()


@given(HISTORIES)
@settings(max_examples=10)
def test_same_history_gives_same_results(
    postgres: Cluster, index_database: str, steps: list[Step]
) -> None:
    schema = f"index_same_{next(_schemas)}"
    try:
        in_postgres = list(_history(steps, IndexSchema(index_database, schema)))
    finally:
        postgres.execute(f"drop schema if exists {schema} cascade", index_database)
    with TemporaryDirectory() as folder:
        assert in_postgres == list(_history(steps, Path(folder)))


def test_readers_miss_no_change_of_concurrent_writers(home: Home) -> None:
    """Each of the threads has a connection of its own."""
    opened(home, WordEmbedder(64)).close()
    done = threading.Event()

    def write(writer: int) -> None:
        embedder = WordEmbedder(64)
        with opened(home, embedder) as index:
            for number in range(12):
                document = _document(writer * 100 + number, (writer + number) % 3)
                index_document(index, embedder, document)
                if number % 4 == 3:
                    index.tables.apply([], [f"file:{writer * 100 + number - 1}"])

    def follow(_: int) -> list[object]:
        embedder = WordEmbedder(64)
        with opened(home, embedder) as index:
            while not done.is_set():
                index.postings(SCOPES)
            return _held(index)

    with ThreadPoolExecutor(8) as pool:
        followers = [pool.submit(follow, number) for number in range(3)]
        writers = [pool.submit(write, number) for number in range(5)]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        followed = [follower.result() for follower in followers]
    with opened(home, WordEmbedder(64)) as index:
        assert index.generation == 5 * (12 + 3)
        assert index.tables.counts(SCOPES)["documents"] == 5 * (12 - 3)
        expected = _held(index)
    assert followed == [expected] * 3


def test_writer_waits_only_for_its_scope(schema_home: SchemaHome, embedder: WordEmbedder) -> None:
    with opened(schema_home, embedder) as first, opened(schema_home, embedder) as second:
        second.tables.db.run("set lock_timeout = '50ms'")
        with first.tables.db.writing(alone=False):
            first.tables.raise_all([ONE])
            index_document(second, embedder, new_document("a", "ferry", TWO))
            with pytest.raises(IndexWriteError, match="keeps it locked"):
                index_document(second, embedder, new_document("b", "ferry", ONE))
            with pytest.raises(IndexWriteError, match="keeps it locked"):
                second.tables.prune_vectors()
        index_document(second, embedder, new_document("b", "ferry", ONE))
        assert second.generation_of([ONE, TWO]) == (2, 1)


def test_readers_keep_no_passage_of_a_document_moved_during_its_deletion(
    postgres: Cluster, schema_home: SchemaHome, embedder: WordEmbedder
) -> None:
    """The deleting process has read the old scope, and waits for the moving one."""
    with (
        opened(schema_home, embedder) as mover,
        opened(schema_home, embedder) as follower,
        ThreadPoolExecutor(1) as pool,
    ):
        index_document(mover, embedder, new_document("a", "ferry", ONE))

        def take_out() -> None:
            with opened(schema_home, embedder) as taker:
                taker.tables.apply([], ["file:a"])

        with mover.tables.db.writing(alone=False):
            index_document(mover, embedder, new_document("a", "ferry", TWO))
            taken_out = pool.submit(take_out)
            waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
            while not postgres.execute(waiting):
                assert not taken_out.done()
        taken_out.result()
        assert follower.size([ONE, TWO]) == 0
        assert follower.matching("ferry", 5, [ONE, TWO]) == []
        assert mover.matching("ferry", 5, [ONE, TWO]) == []


def _held(index: Index) -> list[object]:
    """The passages in memory by scope, in the vectors and in the postings."""
    return [
        (scope, len(held.vectors), _passages(held.postings))
        for scope in SCOPES
        for held in index._current_scopes([scope])
    ]


def _passages(postings: Postings) -> list[int]:
    return sorted(set(postings.ids.tolist()) - set(postings.ids[postings.removed].tolist()))


def test_a_schema_with_other_tables_is_refused_and_left_as_it_is(
    postgres: Cluster, schema_home: SchemaHome, embedder: WordEmbedder
) -> None:
    postgres.execute(f"create schema {schema_home.schema}", schema_home.url)
    postgres.execute(f"create table {schema_home.schema}.bills (id int)", schema_home.url)
    with pytest.raises(IndexWriteError, match=r"other tables \(bills\).*Move them away"):
        opened(schema_home, embedder)
    assert postgres.execute(f"table {schema_home.schema}.bills", schema_home.url) == []


@pytest.mark.parametrize("name", ["public", "index; drop", "pg_index", "index.a", "INDEX", ""])
def test_only_names_of_index_schemas_are_accepted(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a schema"):
        PostgresConnection(IndexSchema("postgresql://nobody@/nothing", name))


def test_missing_database_is_explained(postgres: Cluster, embedder: WordEmbedder) -> None:
    with pytest.raises(IndexWriteError, match=r"can't be opened.*createdb"):
        opened(IndexSchema(postgres.url("nothing"), "index"), embedder)


def test_a_connection_that_is_lost_between_two_questions_is_made_anew(
    postgres: Cluster, schema_home: SchemaHome, embedder: WordEmbedder
) -> None:
    with opened(schema_home, embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)
        _cut_off(postgres, schema_home)
        assert everything(index, embedder) == expected
        _cut_off(postgres, schema_home)
        index_document(index, embedder, new_document("later", "uncommonword"))
        assert len(index.matching("uncommonword", 5, [SHARED])) == 1


def test_a_connection_that_is_lost_while_it_is_written_changes_nothing(
    postgres: Cluster, schema_home: SchemaHome, embedder: WordEmbedder
) -> None:
    with opened(schema_home, embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)

        def write() -> None:
            with index.tables.db.writing():
                index.tables.db.run("delete from passage_vectors")
                _cut_off(postgres, schema_home)
                index.tables.generation()

        with pytest.raises(IndexWriteError, match=r"was lost.*Nothing was changed"):
            write()
        assert everything(index, embedder) == expected


def _cut_off(postgres: Cluster, home: SchemaHome) -> None:
    name = database_name(home.url)
    postgres.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "  # noqa: S608 - a name of ours
        f"where datname = '{name}' and pid != pg_backend_pid()"
    )


def test_damaged_snapshot_is_rebuilt(schema_home: SchemaHome, embedder: WordEmbedder) -> None:
    with opened(schema_home, embedder) as index:
        build(index, embedder, thirty_documents())
        index.save_snapshots(least=1)
        expected = everything(index, embedder)
        whole = index.tables.db.rows("select scope, vectors, words from snapshots")
        assert len(whole) == 3
    for place, column in enumerate(("vectors", "words"), start=1):
        for damage in (b"", b"nonsense", whole[0][place][:50]):
            with opened(schema_home, embedder) as index:
                index.tables.db.run(f"update snapshots set {column} = ?", [damage])  # noqa: S608
            with opened(schema_home, embedder) as index:
                assert everything(index, embedder) == expected
        with opened(schema_home, embedder) as index:
            sql = f"update snapshots set {column} = ? where scope = ?"  # noqa: S608
            index.tables.db.run_many(sql, [(row[place], row[0]) for row in whole])


def test_snapshots_serve_every_process(schema_home: SchemaHome, embedder: WordEmbedder) -> None:
    with opened(schema_home, embedder) as slow, opened(schema_home, embedder) as index:
        index_document(index, embedder, new_document("a", "one"))
        [held] = slow._current_scopes([SHARED])
        index_document(index, embedder, new_document("b", "two"))
        index.save_snapshots(least=1)
        slow._resident._snapshots.save(SHARED, 1, held.vectors, held.postings)
        assert saved(index) == {SHARED: {2}}
        # The snapshot is used: these words are not in it.
        index.tables.db.run("update passages set words = 'other'")
    with opened(schema_home, embedder) as third:
        assert len(third.matching("two", 5, [SHARED])) == 1


def test_earlier_snapshots_are_ignored(schema_home: SchemaHome, embedder: WordEmbedder) -> None:
    with opened(schema_home, embedder) as index:
        build(index, embedder, thirty_documents())
        index.save_snapshots(least=1)
        index.tables.db.run("update snapshots set identity = 'other'")
        assert saved(index) == {}
        index.save_snapshots(least=1)
        assert saved(index).keys() == set(SCOPES)
        index.tables.db.run("update snapshots set identity = 'other' where scope = 1")
        SnapshotRows(index.tables.db, "mine").delete_others({})
        assert index.tables.db.rows("select scope from snapshots") == []


def test_a_read_only_database_is_explained_and_other_faults_are_not_hidden(
    postgres: Cluster, schema_home: SchemaHome, embedder: WordEmbedder
) -> None:
    with opened(schema_home, embedder) as index:
        index_document(index, embedder, new_document("a", "one"))
        index.tables.db.run("set default_transaction_read_only = on")
        with pytest.raises(IndexWriteError, match=r"can only be read.*Nothing was changed"):
            index_document(index, embedder, new_document("b", "two"))
        index.tables.db.run("set default_transaction_read_only = off")
        assert index.tables.counts([SHARED])["documents"] == 1
        postgres.execute(f"drop table {schema_home.schema}.windows cascade", schema_home.url)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - a defect, of any kind
            index_document(index, embedder, new_document("b", "two"))
        assert not isinstance(caught.value, IndexError_)
