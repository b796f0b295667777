"""`/source`: channels, addresses and repositories are added, listed and removed."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import discord
import pytest
from simcord import Env

from bot.answers.search_tiers import ArticlesUse
from bot.config.settings import Settings, SourceSettings
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from bot.setup.settings import Page
from bot.sources import messages as sources_messages
from bot.sources.service import MOST_SITES
from bot.text.markdown import plain
from knowledge.discord_archive.archive import ChannelProblem, ProblemCode
from knowledge.sources.addition import (
    add_paths,
    add_visited,
    crawl_location,
    page_location,
)
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.values.documents import Scope
from tests.bot.forum import Forum, found, make_forum, read, report, texts
from tests.bot.message_parts import content, longest_part
from tests.bot.spoken import english
from tests.bot.world import NewBot, World, build_world
from tests.fakes import WordEmbedder
from tests.knowledge.git_server import GitServer
from tests.knowledge.sources.wiki_server import WikiPage, WikiServer
from tests.knowledge.web_server import Reply, WebServer

PAGE = "<html><body><h1>Ferry</h1><p>The ferry to Lisbon leaves at nine.</p></body></html>"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data=settings.data,
        questions=settings.questions,
        sources=SourceSettings(channels=True, web_hours=0, internal=("127.0.0.1", "fd00::1")),
    )


def local_fetcher(delay_seconds: float, sleep: Callable[[float], object]) -> Fetcher:
    """A fetcher that connects to the test's server without pauses."""
    return Fetcher(
        0, problem_with=lambda address: "", resolve=lambda host, port: ["127.0.0.1"], sleep=sleep
    )


@pytest.fixture
def simcord_bot(settings: Settings) -> Bot:
    return Bot(settings, start_worker(settings, WordEmbedder()), local_fetcher)


@pytest.fixture
def forum(world: World) -> Forum:
    return make_forum(world)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as made:
        made.pages["/ferry"] = Reply(PAGE, headers={"ETag": '"1"'})
        yield made


async def add(world: World, channel: object) -> str:
    return content(await world.admin.slash(world.general, "source add", channel=channel))


async def listed(world: World) -> str:
    return content(await world.admin.slash(world.general, "source list"))


async def change(world: World, command: str, **options: object) -> str:
    return content(await world.admin.slash(world.general, f"source {command}", **options))


async def offered(world: World, typed: str) -> list[dict[str, str]]:
    """Suggestions of `/source remove` for typed words."""
    return await world.admin.autocomplete(world.general, "source remove", "source", typed)


async def found_links(world: World) -> list[str]:
    """Links of the server's own documents about the ferry."""

    def search(core: Core) -> list[str]:
        hits = core.search("ferry Lisbon", world.guild.id, 3)
        return [hit.passage.link for hit in hits if hit.passage.scope == world.guild.id]

    return await world.core(search)


async def test_unreadable_and_known_sources_are_refused(world: World, forum: Forum) -> None:
    unread = discord.PermissionOverwrite(view_channel=True, read_message_history=False)
    hidden = world.guild.create_text_channel(
        "hidden",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: unread,
        },
    )
    commands = world.member.available_commands(world.general)
    assert not [one for one in commands if "source" in one]
    assert await add(world, hidden) == english(
        sources_messages._LACKING, channel=f"<#{hidden.id}>", permissions="**Read Message History**"
    )
    assert "hidden" not in await listed(world)
    assert (await change(world, "add")).startswith(sources_messages.WHICH.english)
    told = await change(world, "remove", source="channel:1")
    assert told.startswith(sources_messages.UNKNOWN.english)
    told = await change(world, "add", address="ftp://example.org")
    assert told.startswith("This can't be a source: ")

    await add(world, forum.channel)
    told = await add(world, forum.channel)
    assert told.startswith(english(sources_messages.KNOWN, channel=f"<#{forum.id}>"))


async def test_a_channel_is_removed_without_trace(world: World, forum: Forum) -> None:
    assert (await listed(world)).startswith(sources_messages.NO_SOURCE.english)
    thread, answer = await forum.solved()
    await add(world, forum.channel)
    await read(world)
    heading = sources_messages._HEADING.english
    told = await listed(world)
    assert told.startswith(f"{heading}\n<#{forum.id}> (threads) · 1 document")

    # An edit that the bot missed.
    stored = world.env.backend.messages[thread.id][answer.id]
    stored.content = "An igloo of firm snow is warmer than any tent."
    stored.edited_timestamp = world.env.backend.now_iso()
    assert (await change(world, "sync")).startswith(sources_messages.SYNCING.english)
    await read(world)
    assert "igloo" in await texts(world, forum.id)

    [choice] = await offered(world, "HELP")
    told = await change(world, "remove", source=choice["value"])
    assert told.startswith(english(sources_messages.REMOVED, source=f"<#{forum.id}>"))
    assert await texts(world, forum.id) == ""
    await forum.solved("Stove at minus thirty", "Which stove burns at minus thirty?")
    await read(world)
    assert await texts(world, forum.id) == ""
    assert sources_messages.NO_SOURCE.english in await listed(world)


async def test_a_server_ends_and_restores_the_articles(world: World) -> None:
    question = "What is open source AI?"
    [choice] = await offered(world, "bundled")
    before = content(await world.ask(question))

    told = await change(world, "remove", source=choice["value"])
    without = content(await world.ask(question))
    shown = await listed(world)
    back = await change(world, "add", address="articles")
    again = content(await world.ask(question))

    assert told.endswith(sources_messages._STANDINGS[ArticlesUse.ENDED].english)
    assert shown.splitlines()[-1] == told
    assert "I don't know" in without
    assert "Closest titles" not in without
    assert back.endswith(sources_messages._STANDINGS[ArticlesUse.ALONE].english)
    assert "I don't know" not in before
    assert again == before


async def test_more_sources_have_pages(world: World) -> None:
    def many(core: Core) -> None:
        for number in range(40):
            address = f"https://example.org/a/page/with/a/long/address/{number:02}/{'x' * 60}"
            add_visited(core.store, page_location(address), Scope(world.guild.id))

    await world.core(many)
    shown = await world.admin.slash(world.general, "source list")
    assert "/00/" in content(shown)
    assert "/39/" not in content(shown)
    assert shown.response is not None

    for _ in range(10):
        if "/39/" in content(shown):
            break
        shown = await world.admin.click(shown.response, label="Next")

    assert "/39/" in content(shown)


async def test_an_address_belongs_to_one_server(world: World, server: WebServer) -> None:
    server.pages["/docs/"] = Reply('<h1>Harbour</h1><p>Welcome.</p><a href="ferry">Ferry</a>')
    server.pages["/docs/ferry"] = Reply(PAGE)
    page, site = server.url("/ferry"), server.url("/docs/")
    unread = english(sources_messages.ADDRESS_UNREAD)
    assert (await change(world, "add", address=server.url("/gone"))).endswith(unread)

    told = await change(world, "add", address=page)
    assert "1 document" in told
    assert unread not in told
    assert page in await found_links(world)
    told = await change(world, "add", address=site, crawl=True)
    assert "2 documents" in told
    assert "crawled" in told
    assert "crawled" in await listed(world)

    for typed, address in (("/docs/", site), ("ferry", page)):
        [choice] = await offered(world, typed)
        assert choice["name"] == address
        await change(world, "remove", source=choice["value"])
    assert await found_links(world) == []


async def test_an_address_typed_in_the_form_is_logged(world: World, server: WebServer) -> None:
    server.pages["/docs/"] = Reply('<h1>Harbour</h1><p>Welcome.</p><a href="ferry">Ferry</a>')
    server.pages["/docs/ferry"] = Reply(PAGE)
    panel = await world.open_setup(Page.SOURCES)
    form = await world.admin.click(panel, custom_id="setup:address")

    added = await world.admin.submit_modal(
        form, {"address": server.url("/docs/"), "amount": ["site"]}
    )

    assert "2 documents" in content(added)
    entries = await world.core(lambda core: core.store.audit_log.entries(world.guild.id))
    assert (entries[-1].event, entries[-1].subject) == (
        "followed",
        f"source:{crawl_location(server.url('/docs/'))}",
    )


# Sites and repositories.


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as made:
        made.repositories.make("harbour/handbook.git")
        yield made


async def test_a_repository_is_cited_by_commit(world: World, git_server: GitServer) -> None:
    text = "# Ferry\n\nThe ferry to Lisbon leaves at nine."
    commit = git_server.repositories.commit("harbour/handbook.git", {"docs/ferry.md": text})
    address = git_server.url("harbour/handbook.git")

    told = await change(world, "add", address=address)

    assert "1 document" in told
    assert f"commit {commit[:10]}" in told
    [link] = await found_links(world)
    assert link.endswith(f"/blob/{commit}/docs/ferry.md?plain=1#L1-L3")
    told = await change(world, "add", address=address)
    assert told.endswith(longest_part(sources_messages.ADDRESS_KNOWN))
    told = await change(world, "remove", source=address)
    assert longest_part(sources_messages.REMOVED) in told
    assert await found_links(world) == []


async def test_a_wiki_is_recognised_cited_and_removed(world: World) -> None:
    with WikiServer() as wiki:
        wiki.pages["/"] = Reply('<meta name="generator" content="MediaWiki 1.43.1">')
        wiki.content = {1: WikiPage("Ferry", "<p>The ferry to Lisbon leaves at nine.</p>")}
        wiki.rights = {"url": "https://creativecommons.org/licenses/by-sa/4.0/"}

        told = await change(world, "add", address=wiki.base)

        assert "1 document" in told
        assert f" · MediaWiki · {plain('CC BY-SA 4.0')}" in told
        asked = await world.ask("ferry Lisbon")
        attribution = plain("Harbour Wiki, CC BY-SA 4.0")
        assert f"{attribution} · verified 02 Nov 2025" in content(asked)
        assert await found_links(world) == [f"{wiki.base}/wiki/Ferry"]
        await change(world, "remove", source=wiki.base)

    assert await found_links(world) == []
    assert wiki.base not in await listed(world)


OPERATORS_ADDRESSES = (
    "/etc",
    "git+file:///srv/handbook.git",
    "file:///srv/handbook.git",
    "crawl+http://docs.test/",
    "internal+http://wiki.lan/",
    "internal+crawl+http://wiki.lan/",
    "git@github.com:owner/name.git",
    "ssh://git@github.com/owner/name.git",
    "https://me:secret@github.com/owner/name",
    "http://127.0.0.1/owner/name.git",
    "https://[fd00::1]/owner/name.git",
)


async def test_an_address_that_only_the_operator_may_add_is_refused(world: World) -> None:
    for address, crawl in itertools.product(OPERATORS_ADDRESSES, (False, True)):
        told = await change(world, "add", address=address, crawl=crawl)
        assert told.startswith("This can't be a source: "), (address, crawl)
    assert await world.core(Core.sources) == {}


async def test_the_number_of_sites_and_repositories_is_limited(world: World) -> None:
    def remember(core: Core) -> None:
        for number in range(MOST_SITES):
            add_visited(
                core.store, crawl_location(f"https://a.org/{number}/"), Scope(world.guild.id)
            )

    await world.core(remember)

    for options in (
        {"address": "https://a.org/r.git"},
        {"address": "https://b.org/", "crawl": True},
    ):
        told = await change(world, "add", **options)
        assert told.startswith(english(sources_messages._TOO_MANY_SITES, most=10))


async def test_files_and_repositories_of_the_operator_are_neither_offered_nor_removed(
    world: World, tmp_path: Path
) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("# Guide\n\nThe ferry leaves at nine.")
    location = GitRepository.locate_branch(str(tmp_path / "guides.git"))

    def add_both(core: Core) -> None:
        add_paths(core.store, [guide], Scope(world.guild.id))
        add_visited(core.store, location, Scope(world.guild.id))

    await world.core(add_both)

    assert await offered(world, "guide") == []
    for source in (str(guide), location[:100]):
        told = await change(world, "remove", source=source)
        assert told.startswith(sources_messages.UNKNOWN.english)
    assert str(tmp_path) not in await listed(world)


# Turned off.


class TestOff:
    """Settings without channel sync."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data=settings.data, questions=settings.questions)

    async def test_message_content_is_not_requested_and_the_remedy_is_named(
        self, world: World
    ) -> None:
        forum = make_forum(world)
        await forum.solved()

        told = await add(world, forum.channel)

        assert not world.bot.intents.message_content
        assert "Message Content Intent" in told
        assert sources_messages.OFF.english in told
        assert await texts(world, forum.id) == ""


async def test_channel_sync_turned_off_deletes_its_content(
    simcord_env: Env, settings: Settings, new_bot: NewBot
) -> None:
    world = build_world(simcord_env)
    await world.set_up()
    forum = make_forum(world)
    await forum.solved()
    await add(world, forum.channel)
    await read(world)
    assert await found(world, forum.id)
    await world.bot.close()

    off = Settings(data=settings.data, questions=settings.questions)
    bot = Bot(off, start_worker(off, WordEmbedder()))
    await world.restart(bot)
    await world.env.settle()
    await bot.channel_sync.load()

    assert await texts(world, forum.id) == ""
    assert (await report(world, forum.id)).channel.problem == ChannelProblem(
        ProblemCode.SWITCHED_OFF
    )
    await bot.close()
