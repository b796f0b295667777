"""A search among selected documents finds them in the order of a search of all."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index.database import IndexSchema, Place
from indexer.index.index import Index
from indexer.index.selection import Selection
from indexer.index.what_if import IndexOverlay
from indexer.ingest.pipeline import index_document
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import build, opened, overlay_of

T = TypeVar("T")

GUILD, OTHER, CHANNEL = Scope(1), Scope(2), channel_scope(3)
SCOPES = (SHARED, GUILD, OTHER, CHANNEL)
TAGS = ("rust", "Äpfel", 'a"b', "[]")
WORDS = ("ferry", "island", "bread", "lantern", "kite", "harbour")
KINDS = (Kind.NOTE, Kind.FILE, Kind.PAGE)


def document(number: int) -> Document:
    """A document that differs from the others in everything that can be selected."""
    text = " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(1, 6))
    return Document(
        f"file:{number}",
        SCOPES[number % 4],
        KINDS[number % 3],
        f'Title {number} "tags": []',
        f"# One\n\nThe {text} of {number}.\n\n# Two\n\nAnd {WORDS[number % 5]} again {number}.",
        tags=tuple(tag for place, tag in enumerate(TAGS) if number >> place & 1),
    )


DOCUMENTS = [document(number) for number in range(48)]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    embedder = WordEmbedder()
    place: Place = tmp_path_factory.mktemp("index")
    if request.param == "postgres":
        place = IndexSchema(request.getfixturevalue("index_database"), "index_selected")
    with opened(place, embedder) as made:
        build(made, embedder, DOCUMENTS)
        yield made


def some(values: Sequence[T]) -> st.SearchStrategy[frozenset[T]]:
    return st.frozensets(st.sampled_from(values), max_size=3)


selections = st.builds(
    Selection,
    tags=some([tag.casefold() for tag in TAGS]),
    documents=some([one.id for one in DOCUMENTS] + ["file:gone"]),
    scopes=some(SCOPES),
    kinds=some(KINDS[:1]),
)
seen = st.sets(st.sampled_from(SCOPES), min_size=1).map(sorted)
questions = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


def wanted(selection: Selection, scopes: list[Scope]) -> set[str]:
    """The selected documents, by a look at each."""
    return {one.id for one in DOCUMENTS if one.scope in scopes and selection.has(one)}


def ranking(hits: list[Hit]) -> list[tuple[str, str, float, float]]:
    """Hits in order, without those of score 0."""
    return [
        (hit.passage.document_id, hit.passage.text, round(hit.score, 5), round(hit.coverage, 5))
        for hit in hits
        if hit.score > 0
    ]


@given(selections, seen)
def test_selected_passages_are_those_of_the_visible_selected_documents(
    index: Index, selection: Selection, scopes: list[Scope]
) -> None:
    ids = index.selected_passages(selection, scopes)

    assert ids.tolist() == sorted(set(ids.tolist()))
    found = {passage.document_id for passage in index.passages(ids.tolist()).values()}
    assert found == wanted(selection, scopes)
    assert len(ids) == 2 * len(found)


@given(selections, seen, questions)
def test_selected_hits_keep_their_order(
    index: Index, selection: Selection, scopes: list[Scope], question: str
) -> None:
    retriever = Retriever(index, WordEmbedder())
    [vector] = retriever.embed([question])

    hits = retriever.rank(
        question, vector, scopes, 10, among=index.selected_passages(selection, scopes)
    )

    everything = retriever.rank(question, vector, scopes, len(DOCUMENTS))
    own = wanted(selection, scopes)
    rest = [hit for hit in everything if hit.passage.document_id in own]
    assert ranking(hits) == ranking(rest[:10])


def test_a_selection_follows_the_index(index: Index) -> None:
    rust = Selection(tags=frozenset({"rust"}))
    before = index.selected_passages(rust, [GUILD])
    new = Document("note:1", GUILD, Kind.NOTE, "New", "New words.", tags=("Rust",))

    index_document(index, WordEmbedder(), new)
    added = np.setdiff1d(index.selected_passages(rust, [GUILD]), before)
    assert [one.document_id for one in index.passages(added.tolist()).values()] == ["note:1"]

    index.tables.apply([], ["note:1"])
    assert index.selected_passages(rust, [GUILD]).tolist() == before.tolist()


@pytest.mark.parametrize("tags", [("rust",), ("bread",)])
@pytest.mark.parametrize("known", [True, False])
def test_overlay_selects_like_the_index(index: Index, tags: tuple[str, ...], known: bool) -> None:
    """The replaced document is no longer selected."""
    rust, embedder = Selection(tags=frozenset({"rust"})), WordEmbedder()
    old = next(one for one in DOCUMENTS if one.scope == GUILD and "rust" in one.tags)
    new = Document(old.id if known else "note:new", GUILD, Kind.NOTE, "New", "Bread.", tags=tags)

    overlay = overlay_of(index, embedder, new)

    assert isinstance(overlay, IndexOverlay)
    stored = overlay.passages(overlay.selected_passages(rust, [GUILD, SHARED]).tolist()).values()
    expected = wanted(rust, [GUILD, SHARED]) - ({old.id} if known else set())
    if tags == ("rust",):
        expected |= {new.id}
    assert {one.document_id for one in stored} == expected
    [vector] = embedder.embed_queries(["bread"])
    retriever = Retriever(overlay, embedder)
    hits = retriever.rank(
        "bread", vector, [GUILD], 60, among=overlay.selected_passages(rust, [GUILD])
    )
    assert (new.id in {hit.passage.document_id for hit in hits}) is (tags == ("rust",))
    assert not any(hit.passage.scope != GUILD for hit in hits)
