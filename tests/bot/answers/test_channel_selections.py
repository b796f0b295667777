"""What a channel is answered from: some documents, only or first, of what may be seen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.answers.ask import Ask
from bot.answers.confirmed_answers import ConfirmedAnswers
from bot.answers.outcome import Answer, Reply
from bot.answers.pipeline import AnswerPipeline
from bot.answers.search_tiers import BundledArticles
from bot.storage.derived_data import open_entries
from indexer.embedding.embedder import VectorCache
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document
from indexer.retrieval.retriever import Retriever
from knowledge.corpus import source_key
from knowledge.sources.entries import Entry, EntryStore
from knowledge.store.questions.question_records import digest_of
from knowledge.store.store import Store
from knowledge.values.documents import (
    ARTICLES,
    SHARED,
    Document,
    FileRecord,
    Kind,
    Scope,
    channel_scope,
)
from knowledge.values.questions import Feedback, Verdict
from knowledge.values.settings import EVERYTHING, AnsweredFrom
from tests.fakes import WordEmbedder

GUILD, FOLLOWED, HIDDEN = 7, 5, 6
FOLDER, SITE = "/docs", "https://example.org/"
QUESTION = "how do cows give milk on meadows"


def _document(key: str, scope: int = GUILD, kind: Kind = Kind.NOTE, *tags: str) -> Document:
    text = f"Cows give milk on meadows, says {key}."
    return Document(key, Scope(scope), kind, f"Cows {key}", text, tags=tags)


DOCUMENTS = {
    "tagged": _document("note:1", GUILD, Kind.NOTE, "rust"),
    "note": _document("note:2"),
    "file": _document("file:/docs/a.md", SHARED, Kind.FILE, "Rust"),
    "other file": _document("file:/docsx/b.md", SHARED, Kind.FILE),
    "page": _document(f"page:{GUILD}:{SITE}a", GUILD, Kind.PAGE),
    "channel": _document("channel:5:1:1", channel_scope(FOLLOWED), Kind.CHANNEL),
    "hidden": _document("channel:6:1:1", channel_scope(HIDDEN), Kind.CHANNEL, "rust"),
    "elsewhere": _document("note:3", GUILD + 1, Kind.NOTE, "rust"),
    "article": _document("article:bees", ARTICLES, Kind.ARTICLE, "rust", "bees"),
}
NAMES = {document.id: name for name, document in DOCUMENTS.items()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "community.db") as opened:
        opened.add_source(FOLDER, SHARED)
        opened.add_source(SITE, Scope(GUILD))
        yield opened


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[EntryStore]:
    with open_entries(tmp_path) as opened:
        opened.keep(Entry(SITE, f"{SITE}a", text="Cows."))
        yield opened


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as opened:
        for document in DOCUMENTS.values():
            index_document(opened, WordEmbedder(4_096), document)
        for path in ("/docs/a.md", "/docsx/b.md"):
            key = f"file:{path}"
            record = FileRecord(path, SHARED, key, 1, 1, "d", 1, datetime.now(UTC), (key,))
            opened.tables.apply([], [], record)
        yield opened


@pytest.fixture
def pipeline(store: Store, index: Index, pages: EntryStore) -> AnswerPipeline:
    retriever = Retriever(index, WordEmbedder(4_096))
    confirmed = ConfirmedAnswers(store.feedback_records, index, VectorCache(retriever.embed))
    articles = BundledArticles(store, index, "always", pages=pages)
    return AnswerPipeline(store, index, retriever, 3, confirmed=confirmed, articles=articles)


def _ask(pipeline: AnswerPipeline, of: AnsweredFrom, text: str = QUESTION, **more: object) -> Reply:
    ask = Ask(text, 1, GUILD, channels=(FOLLOWED,), answered_from=of)
    [reply] = pipeline.ask([replace(ask, **more)])  # type: ignore[arg-type]
    return reply


def _found(reply: Reply) -> set[str]:
    return {NAMES[hit.passage.document_id] for hit in reply.hits}


def _sources(*locations: str, first: bool = False) -> AnsweredFrom:
    return AnsweredFrom(sources=tuple(map(source_key, locations)), first=first)


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (AnsweredFrom(("rust",)), {"tagged", "file", "article"}),
        (AnsweredFrom(("RUST", "none")), {"tagged", "file", "article"}),
        (AnsweredFrom(("none",)), set()),
        (_sources(FOLDER), {"file"}),
        (_sources(SITE), {"page"}),
        (_sources("channel:5"), {"channel"}),
        (_sources("channel:6"), set()),
        (_sources("/gone"), set()),
        (AnsweredFrom(sources=("articles",)), {"article"}),
        (AnsweredFrom(sources=("notes",)), {"tagged", "note"}),
        (AnsweredFrom(("rust",), (source_key(SITE),)), {"tagged", "file", "article", "page"}),
        (EVERYTHING, {*DOCUMENTS} - {"hidden", "elsewhere"}),
    ],
)
def test_only_chosen_documents_are_found(
    pipeline: AnswerPipeline, of: AnsweredFrom, found: set[str]
) -> None:
    reply = _ask(pipeline, of)

    assert _found(reply) == found
    assert isinstance(reply.outcome, Answer) is bool(found)


tags = st.frozensets(st.sampled_from(["rust", "bees", "none"])).map(tuple)
sources = st.frozensets(
    st.sampled_from(
        ["notes", "articles", "channel:5", "channel:6", *map(source_key, (FOLDER, SITE, "/gone"))]
    )
).map(tuple)


@given(st.builds(AnsweredFrom, tags, sources, st.booleans()), st.sets(st.sampled_from([5, 6])))
@example(AnsweredFrom(sources=("channel:5", "channel:6"), first=True), {5, 6})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_readable_choice_is_found(
    pipeline: AnswerPipeline, of: AnsweredFrom, channels: set[int]
) -> None:
    """With `first`, the rest is found where the chosen part alone doesn't answer."""
    seen = {
        name
        for name, one in DOCUMENTS.items()
        if one.scope in (SHARED, ARTICLES, GUILD, *map(channel_scope, channels))
    }
    chosen = {name for name in seen if _is_chosen(DOCUMENTS[name], of)}
    alone = _ask(pipeline, replace(of, first=False), channels=tuple(channels))
    answers = isinstance(alone.outcome, Answer)
    expected = seen if of.everything or (of.first and not answers) else chosen

    assert _found(alone) == (seen if of.everything else chosen)
    assert _found(_ask(pipeline, of, channels=tuple(channels))) == expected


def _is_chosen(document: Document, of: AnsweredFrom) -> bool:
    source = {
        Kind.NOTE: "notes",
        Kind.ARTICLE: "articles",
        Kind.PAGE: source_key(SITE),
        Kind.CHANNEL: "channel:" + document.id.split(":")[1],
        Kind.FILE: source_key(FOLDER) if document.id.startswith("file:/docs/") else "",
    }[document.kind]
    tagged = {tag.casefold() for tag in document.tags} & set(of.tags)
    return bool(tagged) or source in of.sources


@pytest.mark.parametrize("first", [True, False])
def test_an_article_with_the_chosen_tag_is_a_guest(store: Store, index: Index, first: bool) -> None:
    retriever = Retriever(index, WordEmbedder(4_096))
    guest = AnswerPipeline(store, index, retriever, 3, articles=BundledArticles(store, index))
    named = DOCUMENTS["article"].title
    assert _found(_ask(guest, AnsweredFrom(("bees",), first=first), named)) == {"article"}
    assert "article" not in _found(_ask(guest, AnsweredFrom(("rust",), first=first)))


def test_chosen_documents_come_first_unless_none_is_near(
    pipeline: AnswerPipeline, index: Index
) -> None:
    milk = replace(DOCUMENTS["note"], text="Lanterns in the harbour are lit at dusk.", title="Dusk")
    index_document(index, WordEmbedder(4_096), milk)

    assert _found(_ask(pipeline, _sources(SITE, first=True))) == {"page"}
    dusk = _ask(pipeline, _sources(SITE, first=True), "when are lanterns in the harbour lit")
    assert isinstance(dusk.outcome, Answer)
    assert dusk.outcome.quotes[0].citation.document_id == milk.id
    only = _ask(pipeline, _sources(SITE), "when are lanterns in the harbour lit")
    assert not isinstance(only.outcome, Answer)


def test_a_removed_source_answers_nothing(pipeline: AnswerPipeline, store: Store) -> None:
    assert _found(_ask(pipeline, _sources(SITE))) == {"page"}
    store.remove_source(SITE, Scope(GUILD))
    assert _found(_ask(pipeline, _sources(SITE))) == set()


def test_a_new_page_joins_its_source(
    pipeline: AnswerPipeline, index: Index, pages: EntryStore
) -> None:
    of = _sources(SITE)
    assert _found(_ask(pipeline, of)) == {"page"}
    new = replace(DOCUMENTS["page"], id=f"page:{GUILD}:{SITE}b")
    index_document(index, WordEmbedder(4_096), new)
    pages.keep(Entry(SITE, f"{SITE}b", text="Cows."))
    assert {hit.passage.document_id for hit in _ask(pipeline, of).hits} == {
        DOCUMENTS["page"].id,
        new.id,
    }


def test_changed_tags_change_what_answers(pipeline: AnswerPipeline, index: Index) -> None:
    of = AnsweredFrom(("rust",))
    index_document(index, WordEmbedder(4_096), replace(DOCUMENTS["tagged"], tags=()))
    index_document(index, WordEmbedder(4_096), replace(DOCUMENTS["note"], tags=("rust",)))
    assert _found(_ask(pipeline, of)) == {"note", "file", "article"}


def test_other_channel_choices_make_it_another_question(pipeline: AnswerPipeline) -> None:
    together = [
        Ask(QUESTION, 1, GUILD, channels=(FOLLOWED,), answered_from=of, quotations=most)
        for of in (_sources(SITE), _sources(FOLDER), EVERYTHING)
        for most in (1, None)
    ]
    for _ in range(2):
        replies = pipeline.ask(together)
        assert [_found(one) for one in replies[:4]] == [{"page"}] * 2 + [{"file"}] * 2
        assert [_quotes(one) for one in replies[4:]] == [1, 3]


def _quotes(reply: Reply) -> int:
    assert isinstance(reply.outcome, Answer)
    return len(reply.outcome.quotes)


def test_an_answer_records_what_it_was_answered_from(
    pipeline: AnswerPipeline, store: Store
) -> None:
    of = _sources(SITE, first=True)
    reply = _ask(pipeline, of, quotations=2)
    recorded = store.question_records.question(reply.question_id or 0)
    assert recorded is not None
    assert (recorded.answered_from, recorded.quotations) == (of, 2)


def _confirm(store: Store, reply: Reply, name: str) -> None:
    question = store.question_records.question(reply.question_id or 0)
    assert question is not None
    [hit] = [hit for hit in question.hits if hit.document_id == DOCUMENTS[name].id]
    said = Feedback(question.id, 1, Verdict.HELPFUL, document_id=hit.document_id)
    assert store.feedback_records.record_pick(said, digest_of(hit), by_moderator=True)


def _first(reply: Reply) -> Sequence[object]:
    assert isinstance(reply.outcome, Answer)
    return NAMES[reply.outcome.quotes[0].citation.document_id], reply.outcome.confirmed


@pytest.mark.parametrize("first", [True, False])
def test_chosen_confirmed_answers_come_first(
    pipeline: AnswerPipeline, store: Store, first: bool
) -> None:
    _confirm(store, _ask(pipeline, EVERYTHING), "note")

    assert _first(_ask(pipeline, EVERYTHING)) == ("note", True)
    assert _first(_ask(pipeline, AnsweredFrom(sources=("notes",), first=first))) == ("note", True)
    page = _ask(pipeline, _sources(SITE, first=first))
    assert _first(page) == ("page", False)
    assert _found(page) == {"page"}


def test_without_near_choices_the_rest_is_confirmed(pipeline: AnswerPipeline, store: Store) -> None:
    _confirm(store, _ask(pipeline, EVERYTHING), "note")
    assert _first(_ask(pipeline, AnsweredFrom(("none",), first=True))) == ("note", True)
    refused = _ask(pipeline, AnsweredFrom(("none",)))
    assert not isinstance(refused.outcome, Answer)
