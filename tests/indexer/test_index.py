"""The index on a real disk, compared with brute force, with a fresh build, and with itself."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.index.index import Index, IndexWriteError, StaleIndexError
from indexer.index.tables import CutDocument
from indexer.ingest.pipeline import put, update
from indexer.retrieval.retriever import Retriever
from indexer.text.passages import digest, passages
from knowledge.model.documents import SHARED, Document, Kind, Scope, channel_scope
from tests.fakes import WordEmbedder

ONE, TWO = Scope(1), Scope(2)
SCOPES = (SHARED, ONE, TWO)

# Both legs' results as (document, heading, text, score), which don't depend on passage ids.
Found = list[tuple[str, str, str, float]]


def _open(folder: Path, embedder: WordEmbedder, model: str = "words") -> Index:
    return Index(folder, model=model, dimension=embedder.dimension, max_tokens=embedder.max_tokens)


def _document(name: str, text: str, scope: Scope = SHARED) -> Document:
    return Document(f"file:{name}", scope, Kind.FILE, name, text)


def _corpus() -> list[Document]:
    """Thirty documents of two sections in three scopes, each with words of its own."""
    return [
        _document(
            f"doc{n}",
            f"# Part one\n\nalpha{n} common word{n % 7}.\n\n"
            f"# Part two\n\nbeta{n} common of {n % 5}.",
            SCOPES[n % 3],
        )
        for n in range(30)
    ]


def _build(index: Index, embedder: WordEmbedder, documents: Sequence[Document]) -> None:
    for _ in update(index, embedder, documents):
        pass


def _found(index: Index, embedder: WordEmbedder, query: str, scopes: Sequence[Scope]) -> Found:
    """Everything both legs find for a query."""
    vector = embedder.embed_queries([query])[0]
    rankings = [index.nearest(vector, 1_000, scopes), index.matching(query, 1_000, scopes)]
    stored = index.passages([key for ranking in rankings for key, _ in ranking])
    return [
        (stored[key].document_id, stored[key].heading, stored[key].text, round(score, 4))
        for ranking in rankings
        for key, score in ranking
    ]


def _everything(index: Index, embedder: WordEmbedder) -> list[Found]:
    """What is found in each scope, in an order that does not depend on ids."""
    queries = ("alpha3 common", "word2", "beta7 of 2", "common")
    return [
        sorted(_found(index, embedder, query, [scope])) for scope in SCOPES for query in queries
    ]


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


# What can go wrong.


@pytest.mark.parametrize("changed", ["model", "dimension", "max_tokens"])
def test_an_index_made_otherwise_is_refused_with_the_remedy(tmp_path: Path, changed: str) -> None:
    made = {"model": "words", "dimension": 64, "max_tokens": 256}
    Index(tmp_path, **made).close()  # type: ignore[arg-type]
    other = {**made, changed: "other" if changed == "model" else 99}
    with pytest.raises(StaleIndexError, match=rf"made with {changed}.*Run `commonplace index`"):
        Index(tmp_path, **other)  # type: ignore[arg-type]


def test_an_index_that_was_refused_is_left_as_it_is(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        before = _everything(index, embedder)
    with pytest.raises(StaleIndexError):
        _open(tmp_path, embedder, model="other")
    with _open(tmp_path, embedder) as index:
        assert _everything(index, embedder) == before


@pytest.mark.parametrize("keep", [0, 100, 4_096, 20_000])
def test_a_truncated_file_is_built_anew(tmp_path: Path, embedder: WordEmbedder, keep: int) -> None:
    with _open(tmp_path / "index", embedder) as index:
        _build(index, embedder, _corpus())
        expected = _everything(index, embedder)
    path = tmp_path / "index" / "index.db"
    assert path.stat().st_size > keep
    path.write_bytes(path.read_bytes()[:keep])
    with _open(tmp_path / "index", embedder) as index:
        _build(index, embedder, _corpus())
        assert _everything(index, embedder) == expected


def test_a_file_that_is_no_database_is_built_anew(tmp_path: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "index.db").write_bytes(b"This is not a database. " * 500)
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        assert index.counts(SCOPES) == {"documents": 30, "passages": 60}


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexWriteError, match="can't be opened"):
        _open(tmp_path / "file" / "index", embedder)


def test_a_full_disk_changes_nothing_and_is_explained(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        before, generation = _everything(index, embedder), index.generation
        pages = index._db.execute("pragma page_count").fetchone()[0]
        index._db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(IndexWriteError, match=r"full.*Nothing was changed.*free space"):
            put(index, embedder, _document("large", "new words " * 5_000))
        assert _everything(index, embedder) == before
        assert index.generation == generation
        index._db.execute("pragma max_page_count = 1000000")
        put(index, embedder, _document("large", "new words " * 5_000))
        assert index.document_passages("file:large")


def test_a_vector_of_another_dimension_is_refused(tmp_path: Path, embedder: WordEmbedder) -> None:
    with (
        _open(tmp_path, embedder) as index,
        pytest.raises(ValueError, match=r"shape \(3,\), not \(64,\)"),
    ):
        index.nearest(np.ones(3, np.float32), 5, SCOPES)


def test_a_document_whose_vectors_are_not_kept_is_not_half_applied(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    document = _document("new", "text")
    cut = CutDocument(document, tuple(passages(document, embedder.count_tokens, 256)))
    with _open(tmp_path, embedder) as index:
        with pytest.raises(Exception):  # noqa: B017, PT011 - a defect of the caller, of any kind
            index.apply([cut])
        assert index.counts(SCOPES) == {"documents": 0, "passages": 0}
        assert index.generation == 0


# Searching.


@pytest.mark.parametrize("scopes", [(), (SHARED,), (ONE,), (SHARED, TWO), SCOPES, (Scope(99),)])
@pytest.mark.parametrize("k", [0, 1, 7, 1_000])
def test_the_nearest_are_those_that_brute_force_finds(
    tmp_path: Path, embedder: WordEmbedder, scopes: tuple[Scope, ...], k: int
) -> None:
    rows = [
        (document.id, passage)
        for document in _corpus()
        if document.scope in scopes
        for passage in passages(document, embedder.count_tokens, embedder.max_tokens)
    ]
    vector = embedder.embed_queries(["common beta4 of 3"])[0]
    matrix = embedder.embed_passages([passage.embedded for _, passage in rows])
    expected = sorted((matrix @ vector).tolist(), reverse=True)[:k]
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        found = index.nearest(vector, k, scopes)
        stored = index.passages([key for key, _ in found])
    cosines = {
        (name, passage.text): float(row @ vector)
        for (name, passage), row in zip(rows, matrix, strict=True)
    }
    # Compared in half precision, which has eleven bits.
    assert [cosine for _, cosine in found] == pytest.approx(expected, abs=1e-3)
    assert [cosine for _, cosine in found] == pytest.approx(
        [cosines[stored[key].document_id, stored[key].text] for key, _ in found], abs=1e-3
    )


def test_cosines_are_those_of_the_whole_and_of_the_best_window(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    text = " ".join(f"Sentence {n} speaks of thing{n} at some length." for n in range(20))
    document = _document("long", text)
    [passage] = passages(document, embedder.count_tokens, embedder.max_tokens)
    vector = embedder.embed_queries(["thing7 thing8"])[0]
    whole = float(embedder.embed_passages([passage.embedded])[0] @ vector)
    window = float((embedder.embed_passages(passage.windows) @ vector).max())
    assert window > whole
    with _open(tmp_path, embedder) as index:
        put(index, embedder, document)
        [(key, _)] = index.nearest(vector, 1, [SHARED])
        # Kept in half precision, which has eleven bits.
        [found] = index.cosines(vector[np.newaxis], [[key]])
        assert found.wholes.tolist() == pytest.approx([whole], abs=1e-3)
        assert found.windows.tolist() == pytest.approx([window], abs=1e-3)
        of_windows = index.window_cosines(vector, key)
        assert of_windows == pytest.approx(
            (embedder.embed_passages(passage.windows) @ vector).tolist(), abs=1e-3
        )
        assert found.best_windows([0]) == [of_windows.index(max(of_windows))]


def test_cosines_of_passages_that_are_gone_are_left_out(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    vectors = embedder.embed_queries(["first", "second"])
    with _open(tmp_path, embedder) as index:
        put(index, embedder, _document("first", "The first."))
        put(index, embedder, _document("second", "The second."))
        keys = [key for key, _ in index.nearest(vectors[0], 2, [SHARED])]
        before = index.cosines(vectors, [keys, keys[::-1]])
        assert [one.ids.tolist() for one in before] == [keys, keys[::-1]]
        index.apply([], ["file:first"])
        gone, left = keys[0], keys[1]
        after = index.cosines(vectors, [[gone, left], [gone]])
        assert [one.ids.tolist() for one in after] == [[left], []]
        assert index.passages([gone, left]).keys() == {left}


def test_what_is_remembered_of_the_file_is_bounded_and_still_right(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.row_cache.VECTORS_BYTES", 3 * 4 * embedder.dimension)
    monkeypatch.setattr("indexer.index.row_cache.PASSAGES_CHARACTERS", 3_000)
    monkeypatch.setattr("indexer.index.index.RARITIES_KEPT", 3)
    vector = embedder.embed_queries(["common"])[0]
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        [together] = index.cosines(vector[np.newaxis], [keys])
        alone = [index.cosines(vector[np.newaxis], [[key]])[0].wholes.item() for key in keys]
        assert together.wholes.tolist() == pytest.approx(alone)
        assert len(index.passages(keys)) == 20
        weights = [index.rarities(f"common alpha{n}", [SHARED]) for n in range(5)]
        assert len(index._remembered._vectors) == len(index._remembered._passages) == 3
        assert len(index._rarities) <= 3
        assert weights == [index.rarities(f"common alpha{n}", [SHARED]) for n in range(5)]


def test_rarities_follow_the_index(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        put(index, embedder, _document("one", "The wombat digs."))
        put(index, embedder, _document("two", "The quokka smiles."))
        before = index.rarities("wombat", [SHARED])
        put(index, embedder, _document("three", "Another wombat."))
        assert index.rarities("wombat", [SHARED]) != before
        assert index.rarities("wombat", [SHARED, ONE]) == index.rarities("wombat", [SHARED])


@pytest.mark.parametrize("scopes", [(SHARED,), SCOPES])
def test_queries_searched_together_find_what_each_finds_alone(
    tmp_path: Path, embedder: WordEmbedder, scopes: tuple[Scope, ...]
) -> None:
    vectors = embedder.embed_queries([f"alpha{n} common of {n % 5}" for n in range(23)])
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        together = index.nearest_many(vectors, 7, scopes)
        for vector, (ids, cosines) in zip(vectors, together, strict=True):
            [(own_ids, own_cosines)] = index.nearest_many(vector[np.newaxis], 7, scopes)
            assert ids.tolist() == own_ids.tolist()
            assert cosines.tolist() == pytest.approx(own_cosines.tolist(), abs=1e-6)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    owners=st.lists(st.sampled_from(SCOPES), min_size=1, max_size=12),
    asked=st.lists(st.sampled_from(SCOPES), max_size=3),
    query=st.sampled_from(["secret", "secret common", "number 3"]),
)
def test_nothing_of_a_scope_that_was_not_asked_is_ever_found(
    tmp_path_factory: pytest.TempPathFactory,
    owners: list[Scope],
    asked: list[Scope],
    query: str,
) -> None:
    embedder = WordEmbedder(32)
    documents = [
        _document(f"d{n}", f"The secret is common, number {n}.", owner)
        for n, owner in enumerate(owners)
    ]
    with _open(tmp_path_factory.mktemp("index"), embedder) as index:
        _build(index, embedder, documents)
        visible = {document.id for document in documents if document.scope in asked}
        found = {name for name, *_ in _found(index, embedder, query, asked)}
        assert found <= visible
        [hits] = Retriever(index, embedder).hits([query], asked, 100)
        assert {hit.passage.document_id for hit in hits} == visible


def test_a_scope_asked_twice_gives_each_passage_once(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        once = _found(index, embedder, "common", [SHARED, ONE])
        assert _found(index, embedder, "common", [SHARED, ONE, SHARED]) == once


SYNTAX = [
    '"',
    '"unclosed',
    "*",
    "comm*",
    "common*",
    "NEAR(common, 3)",
    "common AND",
    "NOT common",
    "OR",
    "-common",
    "^common",
    "words:common",
    "{common} : beta",
    "common\x00beta",
    "'; drop table passages; --",
    "🙂 common",
    "\ud800",
    "()",
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    embedder = WordEmbedder(64)
    with _open(tmp_path_factory.mktemp("filled"), embedder) as index:
        _build(index, embedder, _corpus())
        yield index


@pytest.mark.parametrize("query", SYNTAX, ids=ascii)
def test_query_syntax_is_only_text(filled: Index, query: str) -> None:
    expected = 60 if "common" in query and "comm*" not in query else 0
    assert len(filled.matching(query, 1_000, SCOPES)) == expected


@given(st.text(max_size=80))
def test_no_text_breaks_the_lexical_leg(filled: Index, query: str) -> None:
    for _, score in filled.matching(query, 5, SCOPES):
        assert score > 0


def test_a_rare_word_ranks_its_passage_first(filled: Index) -> None:
    (best, _), *_ = filled.matching("common alpha17", 10, SCOPES)
    assert filled.passages([best])[best].document_id == "file:doc17"


# Changing.


def test_a_changed_corpus_is_found_as_in_a_fresh_build(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    corpus = _corpus()
    changed = [
        *corpus[5:20],
        _document("doc20", "wholly different alpha3 words", ONE),
        _document("doc21", "moved beta7 common", SHARED),
        *corpus[22:],
        _document("doc99", "# New\n\nalpha3 and beta7 of 2 common", TWO),
    ]
    with _open(tmp_path / "old", embedder) as index:
        _build(index, embedder, corpus)
        _build(index, embedder, changed)
        after = _everything(index, embedder)
    with _open(tmp_path / "fresh", embedder) as index:
        _build(index, embedder, changed)
        assert after == _everything(index, embedder)


def test_a_scope_that_lost_all_its_documents_finds_nothing_and_disturbs_nobody(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    rest = [document for document in _corpus() if document.scope != ONE]
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        _build(index, embedder, rest)
        index.save_snapshots()
        assert _found(index, embedder, "common", [ONE]) == []
        assert len(_found(index, embedder, "common", SCOPES)) == 2 * 40
    with _open(tmp_path, embedder) as index:
        assert len(_found(index, embedder, "common", SCOPES)) == 2 * 40


def test_what_is_stored_is_what_a_citation_needs(tmp_path: Path, embedder: WordEmbedder) -> None:
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
    with _open(tmp_path, embedder) as index:
        put(index, embedder, document)
        first, second = index.document_passages("note:1")
    assert (first.heading, first.text, second.heading, second.text) == (
        "H",
        "First.",
        "I",
        "Second.",
    )
    assert (first.title, first.link, first.tags) == ("T", "https://a.org/", ("x", "y"))
    assert (first.contributor, first.revision, first.approved_by) == ("Mira", 3, "Ada")
    assert (first.scope, first.kind, first.verified) == (ONE, Kind.NOTE, None)


def test_each_change_is_a_generation_and_no_change_is_none(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        put(index, embedder, _document("a", "one"))
        first = index.generation
        index.apply([], [])
        assert index.generation == first
        index.apply([], ["file:a"])
        assert index.generation == first + 1


def test_only_vectors_that_nothing_uses_are_pruned(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, [_document("a", "one"), _document("b", "two")])
        unused = digest("nobody says this")
        index.keep_vectors({unused: embedder.embed_passages(["nobody says this"])[0]})
        index.apply([], ["file:a"])
        assert index.prune_vectors() == 2
        assert index.missing_vectors([unused, digest("b\ntwo")]) == {unused}


def test_the_files_keep_nothing_of_a_text_that_was_taken_out(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        put(index, embedder, _document("secret", "# Safe\n\nThe xylophone opens it. " * 40))
        assert _holds(tmp_path, b"xylophone")

        index.apply([], ["file:secret"])

        assert not _holds(tmp_path, b"xylophone")


def test_the_file_keeps_nothing_of_a_text_that_was_replaced(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        put(index, embedder, _document("a", "# Safe\n\nThe xylophone opens it. " * 40))
        put(index, embedder, _document("a", "The key opens it."))

    assert not _holds(tmp_path, b"xylophone")


def test_what_is_deleted_while_another_process_reads_is_out_of_the_files_after_the_next_deletion(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, [_document("a", "The xylophone opens it."), _document("b", "two")])
        with closing(sqlite3.connect(tmp_path / "index.db")) as reading:
            reading.execute("begin")
            reading.execute("select count(*) from passages").fetchone()
            index.apply([], ["file:a"])

        index.apply([], ["file:b"])

        assert not _holds(tmp_path, b"xylophone")


def _holds(folder: Path, word: bytes) -> bool:
    """Whether the index's file or what is beside it has a word in any page."""
    return any(word in path.read_bytes() for path in folder.glob("index.db*"))


# Snapshots, and other processes.


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    path.write_bytes(hashlib.sha512(b"noise").digest() * 100)


@pytest.mark.parametrize("damage", [_torn, _empty, _foreign, Path.unlink])
@pytest.mark.parametrize("which", [".vectors.", ".words."])
def test_a_damaged_snapshot_is_rebuilt_from_the_file(
    tmp_path: Path, embedder: WordEmbedder, damage: Callable[[Path], None], which: str
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        index.save_snapshots()
        expected = _everything(index, embedder)
    damaged = [path for path in tmp_path.glob("*.snapshot") if which in path.name]
    assert len(damaged) == len(SCOPES)
    damage(damaged[0])
    with _open(tmp_path, embedder) as index:
        assert _everything(index, embedder) == expected


def test_all_snapshots_missing_are_rebuilt_from_the_file(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        index.save_snapshots()
        expected = _everything(index, embedder)
    for path in tmp_path.glob("*.snapshot"):
        path.unlink()
    with _open(tmp_path, embedder) as index:
        assert _everything(index, embedder) == expected


def test_what_changed_after_the_snapshot_is_replayed(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus()[:20])
        index.save_snapshots()
        _build(index, embedder, _corpus()[10:])
        expected = _everything(index, embedder)
    with _open(tmp_path, embedder) as index:
        assert _everything(index, embedder) == expected


def test_snapshots_of_a_channels_readers_are_used(
    tmp_path: Path, embedder: WordEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    documents = [
        _document("said in the channel", "alpha common", channel_scope(1)),
        _document("written in the guild", "alpha common", ONE),
    ]
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, documents)
        index.save_snapshots()

    with _open(tmp_path, embedder) as index:
        for scope, document in zip((channel_scope(1), ONE), documents, strict=True):
            found = _found(index, embedder, "alpha", [scope])
            assert {document_id for document_id, *_ in found} == {document.id}

    # Snapshots that can't be used, or don't match, are rebuilt and said so.
    assert caplog.messages == []


def test_snapshots_of_another_index_are_not_believed(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    """As when the file alone was deleted and built anew: as many passages, of one generation."""
    other = [
        _document(f"other{n}", f"# A\n\ngamma{n}\n\n# B\n\ndelta{n}", SCOPES[n % 3])
        for n in range(30)
    ]
    for name, corpus in (("a", _corpus()), ("b", other)):
        with _open(tmp_path / name, embedder) as index:
            _build(index, embedder, corpus)
            index.save_snapshots()
    for path in (tmp_path / "b").glob("*.snapshot"):
        path.replace(tmp_path / "a" / path.name)
    with _open(tmp_path / "fresh", embedder) as index:
        _build(index, embedder, _corpus())
        expected = _everything(index, embedder)
    with _open(tmp_path / "a", embedder) as index:
        assert _everything(index, embedder) == expected


def test_older_snapshots_are_deleted(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        put(index, embedder, _document("a", "one"))
        index.save_snapshots()
        before = set(tmp_path.glob("*.snapshot"))
        put(index, embedder, _document("b", "two"))
        index.save_snapshots()
        after = set(tmp_path.glob("*.snapshot"))
    assert before
    assert not before & after
    assert not list(tmp_path.glob("*.partial"))


def test_a_second_index_on_the_folder_follows_the_first(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as reader, _open(tmp_path, embedder) as writer:
        _build(writer, embedder, _corpus())
        assert _everything(reader, embedder) == _everything(writer, embedder)
        writer.apply([], ["file:doc3"])
        put(writer, embedder, _document("doc4", "alpha3 anew", TWO))
        assert _everything(reader, embedder) == _everything(writer, embedder)
        assert reader.generation == writer.generation


def test_words_alone_show_what_another_process_added(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as reader, _open(tmp_path, embedder) as writer:
        put(writer, embedder, _document("a", "uncommonword"))
        assert len(reader.matching("uncommonword", 5, [SHARED])) == 1


def test_what_is_asked_together_is_answered_of_one_generation(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as reader, _open(tmp_path, embedder) as writer:
        put(writer, embedder, _document("a", "firstword"))
        with reader.steady():
            before = reader.generation
            put(writer, embedder, _document("b", "secondword"))
            assert reader.matching("secondword", 5, [SHARED]) == []
            assert reader.generation == before
        assert len(reader.matching("secondword", 5, [SHARED])) == 1
        assert reader.generation > before


def test_words_that_were_looked_up_ahead_are_found_as_they_would_be(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        for text, k in (("common alpha3", 7), ("beta4", 3)):
            also = [key for key, _ in index.matching("of", 20, SCOPES)]
            expected = index.matching(text, k, SCOPES, also)
            index.look_up(text, k, SCOPES)
            assert index.matching(text, k, SCOPES, also) == expected
            index.look_up("something else", k, SCOPES)
            assert index.matching(text, k, SCOPES, also) == expected
            index.look_up(text, k, SCOPES)
            assert index.matching(text, k, [ONE]) == index.matching(text, k, [ONE])
        index.look_up("uncommonword", 5, [SHARED])
        put(index, embedder, _document("a", "uncommonword"))
        assert len(index.matching("uncommonword", 5, [SHARED])) == 1


def test_following_one_note_reads_no_more_of_a_large_file(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    """Counted in instructions of SQLite's machine."""
    steps = []
    for size in (20, 400):
        with _open(tmp_path / str(size), embedder) as index:
            _build(index, embedder, [_document(f"doc{n}", f"alpha{n}") for n in range(size)])
            assert index.generation
            put(index, embedder, _document("note", "one more"))
            counted: list[None] = []
            index._db.conn.set_progress_handler(lambda found=counted: found.append(None), 10)
            index.generation  # noqa: B018 - looking at it follows the file
            index._db.conn.set_progress_handler(None, 0)
            assert len(index.matching("one more", 5, [SHARED])) == 1
            steps.append(len(counted))
    assert 0 < steps[1] < 2 * steps[0]


def test_an_index_that_another_process_keeps_locked_is_explained(
    tmp_path: Path, embedder: WordEmbedder
) -> None:
    with _open(tmp_path, embedder) as index:
        index._db.execute("pragma busy_timeout = 20")
        with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(IndexWriteError, match="locked"):
                put(index, embedder, _document("a", "one"))
            other.execute("rollback")
        put(index, embedder, _document("a", "one"))
        assert index.counts([SHARED])["documents"] == 1


def test_what_is_read_ahead_is_what_is_read_when_it_is_asked_for(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = embedder.embed_queries(["common"])[0]
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        keys = [key for key, _ in index.nearest(vector, 20, SCOPES)]
        [asked_for] = index.cosines(vector[np.newaxis], [keys])
    monkeypatch.setattr("indexer.index.row_cache.SLICE", 3)
    with _open(tmp_path, embedder) as index:
        list(index.read_ahead())
        assert len(index._remembered._vectors) == index.size(SCOPES)
        assert len(index._remembered._passages) == index.size(SCOPES)
        [ahead] = index.cosines(vector[np.newaxis], [keys])
        assert ahead.wholes.tolist() == asked_for.wholes.tolist()
    monkeypatch.setattr("indexer.index.row_cache.VECTORS_BYTES", 5 * 4 * embedder.dimension)
    with _open(tmp_path, embedder) as index:
        list(index.read_ahead())
        list(index.read_ahead())
        assert len(index._remembered._vectors) == 5


def test_what_goes_while_it_is_read_ahead_is_not_remembered(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.index.row_cache.SLICE", 3)
    with _open(tmp_path, embedder) as index:
        _build(index, embedder, _corpus())
        steps = index.read_ahead()
        next(steps)
        gone = next(iter(index._remembered._vectors))
        index.apply([], [index.passages([gone])[gone].document_id])
        list(steps)
        assert gone not in index._remembered._vectors
        assert len(index._remembered._vectors) == index.size(SCOPES)
