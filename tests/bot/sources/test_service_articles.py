"""The bundled articles as a source: ended and brought back once, and logged."""

from datetime import UTC, datetime
from pathlib import Path

from bot.answers.ask import scopes_of
from bot.answers.search_tiers import ArticlesUse
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.sources import service
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import ARTICLES, Document, Kind, Scope, channel_scope
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.fakes import WordEmbedder

GUILD, OTHER, ADMIN = 10, 11, 1
ARTICLE = Document("article:a", ARTICLES, Kind.ARTICLE, "Bees", "Bees make honey.")
FOLLOWED = SyncedChannel(5, GUILD, SyncedContent.POSTS, datetime(2026, 3, 4, tzinfo=UTC))


def test_ending_the_articles_twice_is_logged_once(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        ended = [service.choose_articles(core, GUILD, ADMIN, quoted=False) for _ in range(2)]
        assert [report.use for report in ended] == [ArticlesUse.ENDED] * 2
        assert service.articles_report(core, OTHER).use is ArticlesUse.ALONE
        assert service.choose_articles(core, GUILD, ADMIN, quoted=True).use is ArticlesUse.ALONE
        decided = [entry.event for entry in core.store.audit_log.entries(GUILD)]
        assert decided == ["settings", "settings"]


def test_ended_articles_are_searched_and_counted_nowhere(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        index_document(core.index, core.embedder, ARTICLE)
        own = scopes_of(GUILD, ())
        assert [hit.passage.title for hit in core.search("who makes honey", GUILD, 3)] == ["Bees"]
        assert core.document(ARTICLE.id, own)
        service.choose_articles(core, GUILD, ADMIN, quoted=False)
        assert core.search("who makes honey", GUILD, 3) == []
        assert core.document(ARTICLE.id, own) == []
        assert core.counts(GUILD)["documents"] == 0
        assert core.index.tables.titles(core.articles.visible_scopes(own), 10) == []


def test_articles_need_no_near_guild_document(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        note = Document("note:1", Scope(GUILD), Kind.NOTE, "Cows", "Cows give milk on meadows.")
        for document in (ARTICLE, note):
            index_document(core.index, core.embedder, document)
        found = {
            query: [hit.passage.title for hit in core.search(query, GUILD, 3)]
            for query in ("bees make honey", "cows give milk", "zanzibar ferry timetable")
        }
    assert found == {
        "bees make honey": ["Bees"],
        "cows give milk": ["Cows"],
        "zanzibar ferry timetable": ["Cows"],
    }


def test_a_synced_channel_is_a_guilds_document(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        post = Document("channel:5:6:7", channel_scope(5), Kind.CHANNEL, "Ferry", "At nine.")
        for document in (post, ARTICLE):
            index_document(core.index, core.embedder, document)
        assert service.articles_report(core, GUILD) == service.ArticlesReport(1, ArticlesUse.ALONE)
        core.store.synced_channels.add(FOLLOWED, ADMIN)
        assert service.articles_report(core, GUILD) == service.ArticlesReport(1, ArticlesUse.GUEST)
