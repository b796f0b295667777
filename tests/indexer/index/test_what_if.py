"""An overlay finds what an index finds once the same change has been made to it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import overlay_of
from tests.indexer.workshop import LATE_FIRST, QUESTION, RULES, rule

GUILD, OTHER = Scope(10), Scope(11)
SCOPES = (SHARED, GUILD)
QUERIES = ["honey of bees", "milk", "how long do cows graze", "beees", "wax and bread", "quux"]
TEXTS = {
    "bees": "# Honey\n\nBees make honey from nectar. They dance.\n\n# Wax\n\nBees make wax.",
    "cows": "Cows give milk. They graze on meadows all day long.",
    "bread": "Bread is made of flour, water and salt. " * 12,
}
NEW = "# Goats\n\nGoats give milk, too. They climb.\n\n# Bees\n\nBees and goats share a meadow."


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(512)


@pytest.fixture
def index(tmp_path: Path, embedder: WordEmbedder) -> Iterator[Index]:
    with Index(tmp_path, model="words", dimension=512, max_tokens=256) as opened:
        for name, text in TEXTS.items():
            scope = GUILD if name == "cows" else SHARED
            index_document(opened, embedder, _document(name, text, scope))
        yield opened


def _document(name: str, text: str, scope: Scope = GUILD) -> Document:
    return Document(f"note:{name}", scope, Kind.NOTE, name, text)


def _comparable(found: list[list[Hit]]) -> list[list[tuple[object, ...]]]:
    """Hits without their ids, which differ."""
    return [
        [
            (
                hit.passage.document_id,
                hit.passage.text,
                hit.passage.heading,
                hit.legs,
                hit.first,
                hit.window,
                *np.round([hit.score, hit.cosine, hit.window_cosine, hit.coverage], 5).tolist(),
            )
            for hit in hits
        ]
        for hits in found
    ]


@pytest.mark.parametrize(
    ("name", "text"), [("goats", NEW), ("cows", NEW), ("cows", TEXTS["bread"] * 3)]
)
def test_overlay_finds_like_the_index(
    index: Index, embedder: WordEmbedder, name: str, text: str
) -> None:
    retriever = Retriever(index, embedder)
    document = _document(name, text)
    overlay = overlay_of(index, embedder, document)
    over = retriever.over(overlay)
    hits = over.hits(QUERIES, SCOPES)
    evidence = [over.judge(query, found) for query, found in zip(QUERIES, hits, strict=True)]
    size = overlay.size(SCOPES)
    before = _comparable(retriever.hits(QUERIES, SCOPES))
    index_document(index, embedder, document)
    after = retriever.hits(QUERIES, SCOPES)
    assert _comparable(hits) == _comparable(after) != before
    assert size == index.size(SCOPES)
    for (verdict, signals), query, found in zip(evidence, QUERIES, after, strict=True):
        really, real_signals = retriever.judge(query, found)
        assert verdict is really
        assert signals == pytest.approx(real_signals, abs=1e-5)


def test_other_scopes_find_the_same_as_before(index: Index, embedder: WordEmbedder) -> None:
    document = _document("goats", NEW)
    overlay = overlay_of(index, embedder, document)
    retriever = Retriever(index, embedder)
    for scopes in ([SHARED], [SHARED, OTHER], []):
        assert retriever.over(overlay).hits(QUERIES, scopes) == retriever.hits(QUERIES, scopes)
        assert overlay.size(scopes) == index.size(scopes)


def test_the_index_is_not_changed(index: Index, embedder: WordEmbedder) -> None:
    retriever = Retriever(index, embedder)
    before, generation = retriever.hits(QUERIES, SCOPES), index.generation
    document = _document("cows", NEW)
    Retriever(overlay_of(index, embedder, document), embedder).hits(QUERIES, SCOPES)
    assert retriever.hits(QUERIES, SCOPES) == before
    assert index.generation == generation


RULE_QUESTIONS = [QUESTION, "who do strangers talk to", "quiet please", "can a child saw", "drills"]


@pytest.fixture
def rules_index(tmp_path: Path, model: Embedder) -> Iterator[Index]:
    """An index of the workshop's rules without the one that answers the question."""
    with Index(
        tmp_path, model=model.model, dimension=model.dimension, max_tokens=model.max_tokens
    ) as opened:
        for name in RULES:
            if name != LATE_FIRST:
                index_document(opened, model, rule(name))
        yield opened


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (LATE_FIRST, RULES[LATE_FIRST]),
        ("fees", RULES[LATE_FIRST]),
        ("noise", "# Quiet\n\nQuiet, please.\n\n# Guests\n\nVisitors are with a member."),
    ],
)
def test_late_interaction_orders_hits_of_the_overlay_as_of_the_changed_index(
    rules_index: Index, model: Embedder, name: str, text: str
) -> None:
    retriever = Retriever(rules_index, model)
    document = rule(name, text)
    overlay = overlay_of(rules_index, model, document)
    before = _comparable(retriever.hits(RULE_QUESTIONS, [SHARED]))
    over = retriever.over(overlay)
    hits = over.hits(RULE_QUESTIONS, [SHARED])
    judged = [over.judge(*one) for one in zip(RULE_QUESTIONS, hits, strict=True)]
    index_document(rules_index, model, document)
    after = retriever.hits(RULE_QUESTIONS, [SHARED])
    assert _comparable(hits) == _comparable(after) != before
    for one, (verdict, signals) in zip(
        zip(RULE_QUESTIONS, after, strict=True), judged, strict=True
    ):
        really, real_signals = retriever.judge(*one)
        assert verdict is really
        assert signals == pytest.approx(real_signals, abs=1e-5)
    if text == RULES[LATE_FIRST]:
        assert hits[0][0].passage.text == text
        # Another one is first by the fused scores.
        vectors = retriever.embed([QUESTION])
        [fused] = retriever.fuse_together([QUESTION], vectors, [SHARED], 10)
        assert name == "fees" or fused[0].passage.text != text


def test_overlay_without_codes_keeps_its_order(rules_index: Index, model: Embedder) -> None:
    index_document(rules_index, model, rule("lending", RULES[LATE_FIRST]))
    rules_index.tables.db.run("delete from token_codes")
    overlay = overlay_of(rules_index, model, rule("lending", RULES[LATE_FIRST]))
    retriever = Retriever(rules_index, model)
    found = retriever.over(overlay).hits([QUESTION], [SHARED])
    assert _comparable(found) == _comparable(retriever.hits([QUESTION], [SHARED]))


def test_overlay_has_the_changed_indexs_codes(rules_index: Index, model: Embedder) -> None:
    ids = rules_index.tables.passage_ids(["file:fees", "file:noise"], [SHARED])
    before = rules_index.token_codes(ids)
    overlay = overlay_of(
        rules_index, model, rule("fees", "Nobody pays. Nothing costs anything here.")
    )
    new = [one.id for one in overlay.document_passages("file:fees")]
    codes = overlay.token_codes([*ids, *new])
    assert {key: codes[key] for key in ids[1:]} == {key: before[key] for key in ids[1:]}
    index_document(rules_index, model, rule("fees", "Nobody pays. Nothing costs anything here."))
    stored = rules_index.tables.passage_ids(["file:fees"], [SHARED])
    assert [codes[key] for key in new] == list(rules_index.token_codes(stored).values())
