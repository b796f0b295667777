"""Backfill of token codes: passages that were put in without them have what a new index has."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.ingest.pipeline import SLICE_TEXTS, put, update
from indexer.ingest.token_backfill import backfill
from indexer.text.passages import digest
from knowledge.model.documents import SHARED, Document, Kind
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.small_index import Home, build, new_document, opened

# Headings, links and a text of several windows: what is embedded of a passage is not its text.
DOCUMENTS = [
    *(
        new_document(
            f"doc{number}", f"# Part {number}\n\nSee [word{number}](https://a.org/{number}) here."
        )
        for number in range(SLICE_TEXTS * 2 + 3)
    ),
    new_document("long", "# One\n\n" + " ".join(f"Otters eat crab{n} daily." for n in range(60))),
]
Rows = list[tuple[object, ...]]


def _codes(index: Index) -> Rows:
    return index.tables.db.rows("select digest, codes from token_codes order by digest")


@pytest.fixture
def embedder() -> CodedEmbedder:
    return CodedEmbedder(64)


@pytest.fixture
def index(home: Home, embedder: CodedEmbedder) -> Iterator[Index]:
    """An index as an earlier release has left it."""
    with opened(home / "index", embedder) as made:
        build(made, embedder, DOCUMENTS)
        made.tables.db.run("delete from token_codes")
        embedder.calls.clear()
        yield made


@pytest.fixture
def expected(home: Home, embedder: CodedEmbedder) -> Rows:
    """The codes of an index that was made anew."""
    with opened(home / "new", CodedEmbedder(64)) as made:
        build(made, CodedEmbedder(64), DOCUMENTS)
        return _codes(made)


def test_every_passage_gets_the_codes_that_it_has_in_a_new_index(
    index: Index, embedder: CodedEmbedder, expected: Rows
) -> None:
    passages = index.tables.counts([SHARED])["passages"]
    assert [*index.tables.without_token_codes()] != []
    told = list(backfill(index, embedder))
    assert _codes(index) == expected
    assert len(expected) == passages
    assert told == [
        *((done, passages) for done in range(SLICE_TEXTS, passages, SLICE_TEXTS)),
        (passages, passages),
    ]
    assert max(map(len, embedder.calls)) <= SLICE_TEXTS
    # What is read of each is what its vector was made of.
    assert {digest(text) for text in embedder.texts} == {bytes(row[0]) for row in expected}  # type: ignore[call-overload]


def test_the_second_time_nothing_is_done(index: Index, embedder: CodedEmbedder) -> None:
    list(backfill(index, embedder))
    embedder.calls.clear()
    before = index.generation
    assert list(backfill(index, embedder)) == []
    assert embedder.calls == []
    assert index.generation == before


def test_vectors_and_what_is_found_are_not_touched(index: Index, embedder: CodedEmbedder) -> None:
    vectors = index.tables.db.rows("select digest, vector from vectors order by digest")
    before = index.generation
    list(backfill(index, embedder))
    assert index.tables.db.rows("select digest, vector from vectors order by digest") == vectors
    assert index.generation == before


def test_abandoned_after_any_step_it_is_gone_on_with(
    index: Index, embedder: CodedEmbedder, expected: Rows
) -> None:
    for stop in range(4):
        index.tables.db.run("delete from token_codes")
        list(itertools.islice(backfill(index, embedder), stop))
        assert len(_codes(index)) == min(stop * SLICE_TEXTS, len(expected))
        embedder.calls.clear()
        list(backfill(index, embedder))
        assert _codes(index) == expected
        assert len(embedder.texts) == max(len(expected) - stop * SLICE_TEXTS, 0)


def test_the_newest_come_first(index: Index, embedder: CodedEmbedder) -> None:
    next(backfill(index, embedder))
    lacking = [key for key, _ in index.tables.without_token_codes()]
    assert lacking == sorted(lacking, reverse=True)
    there = index.tables.token_codes(range(max(lacking) + 1, max(lacking) + SLICE_TEXTS + 1))
    assert len(there) == SLICE_TEXTS


def test_what_is_taken_out_meanwhile_is_left_out(
    index: Index, embedder: CodedEmbedder, expected: Rows
) -> None:
    steps = backfill(index, embedder)
    next(steps)
    # A slice that is whole, and one in part.
    gone = [f"file:doc{number}" for number in range(SLICE_TEXTS + 2)]
    index.tables.apply([], gone)
    list(steps)
    assert index.tables.without_token_codes() == []
    kept = {bytes(row[0]) for row in index.tables.db.rows("select digest from passages")}
    assert {bytes(row[0]) for row in _codes(index)} == kept  # type: ignore[call-overload]
    assert _codes(index) == [row for row in expected if row[0] in kept]


def test_what_is_put_in_meanwhile_has_its_own(index: Index, embedder: CodedEmbedder) -> None:
    steps = backfill(index, embedder)
    next(steps)
    put(index, embedder, new_document("new", "Something new."))
    put(index, embedder, new_document("doc1", "Something else."))
    list(steps)
    assert index.tables.without_token_codes() == []


def test_of_a_document_that_is_replaced_meanwhile_the_old_text_has_none(
    index: Index, embedder: CodedEmbedder
) -> None:
    steps = backfill(index, embedder)
    next(steps)
    put(index, embedder, new_document("doc1", "Something else."))
    list(steps)
    index.tables.prune_vectors()
    stored = {bytes(row[0]) for row in _codes(index)}  # type: ignore[call-overload]
    assert stored == {bytes(row[0]) for row in index.tables.db.rows("select digest from passages")}


def test_a_passage_without_tokens_is_not_read_again(home: Home, embedder: CodedEmbedder) -> None:
    with opened(home, embedder) as index:
        build(index, embedder, [Document("file:a", SHARED, Kind.FILE, "", "…")])
        assert list(backfill(index, embedder)) == []
        index.tables.db.run("delete from token_codes")
        assert list(backfill(index, embedder)) == [(1, 1)]
        assert list(backfill(index, embedder)) == []


def test_where_the_model_has_no_token_vectors_nothing_is_done(home: Home) -> None:
    embedder = WordEmbedder(64)
    with opened(home, embedder) as index:
        build(index, embedder, DOCUMENTS)
        embedder.calls.clear()
        assert list(backfill(index, embedder)) == []
        assert embedder.calls == []
        assert _codes(index) == []


def test_the_real_model_gives_the_codes_of_a_new_index(tmp_path: Path, model: Embedder) -> None:
    found = []
    for name in ("before", "new"):
        with Index(
            tmp_path / name,
            model=model.model,
            dimension=model.dimension,
            max_tokens=model.max_tokens,
        ) as index:
            for _ in update(index, model, DOCUMENTS[-5:]):
                pass
            if name == "before":
                index.tables.db.run("delete from token_codes")
                list(backfill(index, model))
            found.append(_codes(index))
    assert found[0] == found[1] != []
