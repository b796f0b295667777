"""Bundled articles: quoted until there is something of one's own, then where that is not near."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answers.ask import Ask, scopes_of
from bot.answers.outcome import Answer, Refusal
from bot.answers.pipeline import AnswerPipeline
from bot.answers.search_tiers import ArticlesSetting, BundledArticles, SearchTiers
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document
from indexer.retrieval.retriever import Retriever
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, SHARED, Document, Kind, Scope
from knowledge.values.settings import GuildSettings
from tests.fakes import WordEmbedder

GUILD, OTHER = 7, 8
OWN = scopes_of(GUILD, (5,))
ARTICLE = Document("article:bees", ARTICLES, Kind.ARTICLE, "Bees", "Bees make honey from nectar.")
NOTE = Document("note:1", Scope(GUILD), Kind.NOTE, "Cows", "Cows give milk and graze on meadows.")
OF_ARTICLE, OF_NOTE = "do bees make honey from nectar", "cows give milk on meadows"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "community.db") as opened:
        yield opened


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as opened:
        index_document(opened, WordEmbedder(4_096), ARTICLE)
        yield opened


def _fill(index: Index, *documents: Document) -> None:
    for document in documents:
        index_document(index, WordEmbedder(4_096), document)


def _scopes(tiers: SearchTiers) -> tuple[tuple[Scope, ...], ...]:
    assert all(tier.selection is None for tier in tiers)
    return tuple(tier.scopes for tier in tiers)


def _end(store: Store, guild_id: int) -> None:
    store.guilds.save_settings(GuildSettings(guild_id, articles=False), 1)


def _asked(
    store: Store,
    index: Index,
    text: str,
    chosen: ArticlesSetting = "auto",
    guild_id: int | None = GUILD,
) -> list[str]:
    """The documents that are quoted, best first; none of a refusal."""
    articles = BundledArticles(store, index, chosen)
    retriever = Retriever(index, WordEmbedder(4_096))
    pipeline = AnswerPipeline(store, index, retriever, 3, articles=articles)
    [reply] = pipeline.ask([Ask(text, 1, guild_id)], record=False)
    if isinstance(reply.outcome, Answer):
        return [quote.citation.document_id for quote in reply.outcome.quotes]
    assert isinstance(reply.outcome, Refusal)
    return []


@pytest.mark.parametrize(
    ("chosen", "empty", "filled"),
    [
        ("auto", ((*OWN, ARTICLES),), (OWN, (ARTICLES,))),
        ("always", ((*OWN, ARTICLES),), ((*OWN, ARTICLES),)),
        ("never", (OWN,), (OWN,)),
    ],
)
def test_the_operator_says_where_the_articles_stand(
    store: Store, index: Index, chosen: ArticlesSetting, empty: object, filled: object
) -> None:
    articles = BundledArticles(store, index, chosen)
    assert _scopes(articles.tiers(OWN)) == empty
    assert _scopes(articles.tiers(OWN, filled=True)) == filled
    _fill(index, NOTE)
    assert _scopes(articles.tiers(OWN)) == filled
    # Another guild has nothing of its own because of that.
    assert articles.tiers(scopes_of(OTHER, ()))[0].scopes == (
        *scopes_of(OTHER, ()),
        *((ARTICLES,) if chosen != "never" else ()),
    )


def test_a_guild_ends_the_articles_whatever_the_operator_says(store: Store, index: Index) -> None:
    _end(store, GUILD)
    articles = BundledArticles(store, index, "always")
    assert _scopes(articles.tiers(OWN)) == (OWN,)
    assert articles.visible_scopes(scopes_of(OTHER, ())) == (SHARED, Scope(OTHER), ARTICLES)
    assert articles.visible_scopes(scopes_of(None, ())) == (SHARED, ARTICLES)


def test_articles_answer_a_server_without_documents(store: Store, index: Index) -> None:
    assert _asked(store, index, OF_ARTICLE) == [ARTICLE.id]
    assert _asked(store, index, OF_ARTICLE, "never") == []


def test_articles_answer_without_near_own_documents(store: Store, index: Index) -> None:
    _fill(index, NOTE)
    assert _asked(store, index, OF_ARTICLE) == [ARTICLE.id]
    assert _asked(store, index, OF_NOTE) == [NOTE.id]
    assert _asked(store, index, "zanzibar ferry timetable") == []


def test_a_guest_article_answers_only_surely(store: Store, index: Index) -> None:
    partly = "how do bees make honey in spring"
    assert _asked(store, index, partly) == [ARTICLE.id]
    _fill(index, NOTE)
    assert _asked(store, index, partly) == []
    assert _asked(store, index, partly, "always") == [ARTICLE.id]


@pytest.mark.parametrize("scope", [SHARED, Scope(GUILD)])
def test_near_own_documents_beat_better_articles(store: Store, index: Index, scope: Scope) -> None:
    near = replace(NOTE, scope=scope, text="Bees make honey from nectar here, says the keeper.")
    _fill(index, near)
    assert _asked(store, index, OF_ARTICLE) == [near.id]
    assert _asked(store, index, OF_ARTICLE, "always")[0] == ARTICLE.id


def test_a_sure_article_beats_an_unlikely_own_document(store: Store, index: Index) -> None:
    unlikely = replace(NOTE, text="Bees make wax.")
    _fill(index, unlikely)
    assert _asked(store, index, OF_ARTICLE) == [ARTICLE.id]
    assert _asked(store, index, OF_ARTICLE, "never") == [unlikely.id]


def test_ended_articles_are_searched_nowhere(store: Store, index: Index) -> None:
    """Its words weigh nothing, and it takes no place among the candidates."""
    _fill(index, NOTE)
    _end(store, GUILD)
    assert _asked(store, index, OF_ARTICLE) == []
    assert _asked(store, index, OF_NOTE) == [NOTE.id]
    assert _asked(store, index, OF_ARTICLE, guild_id=OTHER) == [ARTICLE.id]
    assert _asked(store, index, OF_ARTICLE, guild_id=None) == [ARTICLE.id]


def test_an_ended_articles_answer_is_not_repeated(store: Store, index: Index) -> None:
    pipeline = AnswerPipeline(store, index, Retriever(index, WordEmbedder(4_096)), 3)
    [before] = pipeline.ask([Ask(OF_ARTICLE, 1, GUILD)], record=False)
    _end(store, GUILD)
    [after] = pipeline.ask([Ask(OF_ARTICLE, 1, GUILD)], record=False)
    assert isinstance(before.outcome, Answer)
    assert after.outcome == Refusal()


def test_a_refusal_names_the_nearest_own_documents(store: Store, index: Index) -> None:
    _fill(index, NOTE)
    pipeline = AnswerPipeline(store, index, Retriever(index, WordEmbedder(4_096)), 3)
    [reply] = pipeline.ask(
        [Ask("zanzibar ferry timetable monday morning harbour pier boat cows", 1, GUILD)],
        record=False,
    )
    assert isinstance(reply.outcome, Refusal)
    assert [hit.passage.document_id for hit in reply.hits] == [NOTE.id]
