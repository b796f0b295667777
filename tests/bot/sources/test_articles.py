"""The bundled articles as a source: ended and brought back once, and logged."""

from datetime import UTC, datetime
from pathlib import Path

from bot.answers.bundled import Standing
from bot.config import DataSettings, Settings
from bot.engine.core import Core
from bot.sources import articles
from indexer.ingest.pipeline import put
from knowledge.model.documents import ARTICLES, Document, Kind, channel_scope
from knowledge.store.synced_channels import SyncedChannel, SyncedContent
from tests.fakes import WordEmbedder

GUILD, OTHER, ADMIN = 10, 11, 1
FOLLOWED = SyncedChannel(5, GUILD, SyncedContent.POSTS, datetime(2026, 3, 4, tzinfo=UTC))


def test_ending_the_articles_twice_is_one_decision_of_one_guild(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        ended = [articles.choose(core, GUILD, ADMIN, quoted=False) for _ in range(2)]
        assert [report.standing for report in ended] == [Standing.ENDED] * 2
        assert articles.report(core, OTHER).standing is Standing.ALONE
        assert articles.choose(core, GUILD, ADMIN, quoted=True).standing is Standing.ALONE
        decided = [entry.event for entry in core.store.audit_log.entries(GUILD)]
        assert decided == ["settings", "settings"]


def test_a_channel_that_is_read_is_something_of_ones_own(tmp_path: Path) -> None:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as core:
        post = Document("channel:5:6:7", channel_scope(5), Kind.CHANNEL, "Ferry", "At nine.")
        article = Document("article:a", ARTICLES, Kind.ARTICLE, "Bees", "Bees make honey.")
        for document in (post, article):
            put(core.index, core.embedder, document)
        assert articles.report(core, GUILD) == articles.ArticlesReport(1, Standing.ALONE)
        core.store.synced_channels.add(FOLLOWED, ADMIN)
        assert articles.report(core, GUILD) == articles.ArticlesReport(1, Standing.GUEST)
