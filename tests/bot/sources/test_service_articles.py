"""The bundled articles as a source: ended and brought back once, and logged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.answers.ask import scopes_of
from bot.answers.search_tiers import ArticlesUse
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.review.service import PAGE_NOTES
from bot.review.ui import note_lists
from bot.review.ui.panel import ReviewPage
from bot.sources import messages, service
from bot.text import error_messages
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import ARTICLES, Document, Kind, Scope, channel_scope
from knowledge.values.guilds import Language, SyncedChannel, SyncedContent
from knowledge.values.notes import State
from tests.bot.message_parts import choices, content, custom_ids, everything, said, text_of
from tests.bot.spoken import english
from tests.bot.world import World
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


ENGLISH = Language.ENGLISH


FILE = b"name,text,aliases\nferry,The ferry to Lisbon leaves at nine.,boat times\nx,y,\n"


def table(number: int) -> bytes:
    rows = (f"tag{row},The lantern number {row} is lit." for row in range(1, number + 1))
    return "\n".join(["name,text", *rows]).encode()


async def imported(world: World, file: bytes = FILE, name: str = "tags.csv") -> str:
    return said(await world.admin.slash(world.general, "source add", tags=(name, file)))


async def states(world: World) -> list[State]:
    waiting = await world.core(lambda core: core.store.notes.listed(world.guild.id))
    return [note.state for note in reversed(waiting)]


async def test_approved_tags_answer_by_alias(world: World, new_bot: Any) -> None:
    posted = len(world.review.history())
    result = await imported(world)
    assert english(messages._TAGS_IMPORTED, 1) in result
    assert english(messages._TAGS_REFUSED, 1) in result
    note = await world.note()
    assert (note.contributor_id, note.revision.state) == (world.admin.id, State.PENDING)
    assert note.revision.submission.wordings == ("boat times",)
    await world.start_again(new_bot)
    shown = await world.open_review(ReviewPage.IMPORTED)
    assert english(note_lists._IMPORTED, 1) in text_of(shown)

    await world.moderator.click(shown, custom_id="imported:0:approve")

    assert english(note_lists._APPROVED, 1) in text_of(shown)
    assert "leaves at nine" in content(await world.ask("boat times"))
    # Neither cards in the channel nor messages to the importer.
    assert len(world.review.history()) == posted
    assert not world.admin.user.dm_channel.history()


async def test_the_same_file_again_doubles_nothing(world: World) -> None:
    await imported(world)
    await world.moderator.click(
        await world.open_review(ReviewPage.IMPORTED), custom_id="imported:0:approve"
    )
    assert english(messages._TAGS_KNOWN, 1) in await imported(world)
    assert await states(world) == [State.APPROVED]


async def test_twenty_are_approved_at_once(world: World) -> None:
    await imported(world, table(PAGE_NOTES + 2))
    shown = await world.open_review(ReviewPage.IMPORTED)
    await world.moderator.select(shown, ["2"], custom_id="imported_out:0")
    await world.moderator.click(shown, custom_id="imported:0:approve")
    await world.moderator.click(shown, custom_id="imported:0:approve")

    assert note_lists._NOTHING_IMPORTED.english in text_of(shown)
    found = await states(world)
    assert found[1] is State.REJECTED
    assert found.count(State.APPROVED) == PAGE_NOTES + 1


async def test_importers_do_not_approve_their_own_tags(world: World) -> None:
    await imported(world)
    shown = await world.open_review(ReviewPage.IMPORTED, by=world.admin)
    assert note_lists._NOTHING_IMPORTED.english in text_of(shown)
    assert "imported:0:approve" not in custom_ids(shown)


async def test_a_note_decided_on_alone_leaves_the_list(world: World) -> None:
    await imported(world)
    shown = await world.open_review(ReviewPage.QUEUE)
    [approve] = [key for key in custom_ids(shown) if key.endswith(":approve")]
    await world.moderator.click(shown, custom_id=approve)
    assert not choices(await world.open_review(ReviewPage.IMPORTED)).keys() & {"1"}


async def test_only_moderators_decide_on_imported_notes(world: World) -> None:
    await imported(world)
    shown = await world.open_review(ReviewPage.IMPORTED)
    for pressed in (
        world.press(world.member, shown.message, "imported:0:approve"),
        world.press(world.member, shown.message, "imported_out:0", ["1"]),
    ):
        await world.env.settle()
        assert error_messages.NOT_A_MODERATOR.english in everything(pressed)
    assert await states(world) == [State.PENDING]


async def test_a_tagless_file_is_refused(world: World) -> None:
    assert "tags.json has no tags that I know" in await imported(world, b"[]", "tags.json")
    assert world.notices() == []
