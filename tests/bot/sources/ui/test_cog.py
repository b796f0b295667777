"""`/source`: who may say which channels and addresses are read, and what is shown of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import discord
import pytest
from simcord import Env

from bot.answers.places_to_search import Standing
from bot.config.sections import SourceSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from bot.sources import messages as sources_messages
from bot.sources.service import MOST_SITES
from bot.text.markdown import plain
from knowledge.channels.sync_state import ChannelProblem, ProblemCode
from knowledge.sources import (
    add_paths,
    add_visited,
    crawl_location,
    page_location,
    repository_location,
)
from knowledge.values.documents import Scope
from knowledge.values.guilds import Language
from knowledge.web.polite_fetcher import Fetcher
from tests.bot.forum import Forum, found, make_forum, read, report, texts
from tests.bot.steps import content, longest_part
from tests.bot.world import World, build_world
from tests.fakes import WordEmbedder
from tests.knowledge.connectors.wiki_server import WikiPage, WikiServer
from tests.knowledge.git_server import GitServer
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
    """Visits the server of the test, and hurries."""
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


# Refused, each with its sentence.


async def test_a_member_is_not_offered_sources(world: World) -> None:
    assert not [one for one in world.member.available_commands(world.general) if "source" in one]


async def test_a_channel_that_the_bot_can_t_read_is_refused_with_what_is_missing(
    world: World,
) -> None:
    hidden = world.guild.create_text_channel(
        "hidden",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: discord.PermissionOverwrite(
                view_channel=True, read_message_history=False
            ),
        },
    )

    told = await add(world, hidden)

    assert told == (
        sources_messages._LACKING(
            Language.ENGLISH, channel=f"<#{hidden.id}>", permissions="**Read Message History**"
        )
    )
    assert "hidden" not in await listed(world)


async def test_a_channel_is_added_once(world: World, forum: Forum) -> None:
    await add(world, forum.channel)

    told = await add(world, forum.channel)

    assert told.startswith(sources_messages.KNOWN(Language.ENGLISH, channel=f"<#{forum.id}>"))


async def test_nothing_is_added_where_nothing_is_named(world: World) -> None:
    told = content(await world.admin.slash(world.general, "source add"))

    assert told.startswith(sources_messages.WHICH.english)


# Listed, read anew, removed.


async def test_the_list_says_what_a_channel_gave_and_that_there_is_none(
    world: World, forum: Forum
) -> None:
    assert (await listed(world)).startswith(sources_messages.NO_SOURCE.english)
    await forum.solved()
    await add(world, forum.channel)
    await read(world)

    told = await listed(world)

    assert told.startswith(
        f"{sources_messages._HEADING.english}\n<#{forum.id}> (threads) · 1 document"
    )


async def test_a_server_ends_the_bundled_articles_and_brings_them_back(world: World) -> None:
    question = "What is open source AI?"
    [choice] = await world.admin.autocomplete(world.general, "source remove", "source", "bundled")
    before = content(await world.member.slash(world.general, "ask", question=question))

    told = content(await world.admin.slash(world.general, "source remove", source=choice["value"]))
    without = content(await world.member.slash(world.general, "ask", question=question))
    shown = await listed(world)
    back = content(await world.admin.slash(world.general, "source add", address="articles"))
    again = content(await world.member.slash(world.general, "ask", question=question))

    assert told.endswith(sources_messages._STANDINGS[Standing.ENDED].english)
    assert shown.splitlines()[-1] == told
    assert "I don't know" in without
    assert "Nearest titles" not in without
    assert back.endswith(sources_messages._STANDINGS[Standing.ALONE].english)
    assert "I don't know" not in before
    assert again == before


async def test_sources_that_fill_more_than_a_page_are_paged(world: World) -> None:
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


async def test_a_source_that_is_removed_leaves_nothing_behind(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum.channel)
    await read(world)
    [choice] = await world.admin.autocomplete(world.general, "source remove", "source", "HELP")

    told = content(await world.admin.slash(world.general, "source remove", source=choice["value"]))

    assert told.startswith(sources_messages.REMOVED(Language.ENGLISH, source=f"<#{forum.id}>"))
    assert await texts(world, forum.id) == ""
    await forum.solved("Stove at minus thirty", "Which stove burns at minus thirty?")
    await read(world)
    assert await texts(world, forum.id) == ""
    assert sources_messages.NO_SOURCE.english in await listed(world)


async def test_what_is_no_source_can_t_be_removed(world: World) -> None:
    told = content(await world.admin.slash(world.general, "source remove", source="channel:1"))

    assert told.startswith(sources_messages.UNKNOWN.english)


async def test_a_sync_reads_everything_anew(world: World, forum: Forum) -> None:
    thread, answer = await forum.solved()
    await add(world, forum.channel)
    await read(world)
    # Behind the bot's back: as if it had not listened.
    stored = world.env.backend.messages[thread.id][answer.id]
    stored.content = "An igloo of firm snow is warmer than any tent."
    stored.edited_timestamp = world.env.backend.now_iso()

    told = content(await world.admin.slash(world.general, "source sync"))
    await read(world)

    assert told.startswith(sources_messages.SYNCING.english)
    assert "igloo" in await texts(world, forum.id)


# Addresses.


async def test_an_address_is_visited_and_answered_from_in_this_server_alone(
    world: World, server: WebServer
) -> None:
    result = await world.admin.slash(world.general, "source add", address=server.url("/ferry"))

    assert "1 document" in content(result)

    def scopes(core: Core) -> list[int]:
        return [hit.passage.scope for hit in core.search("ferry Lisbon", world.guild.id, 3)]

    assert world.guild.id in await world.core(scopes)


async def test_an_address_that_is_none_is_refused(world: World) -> None:
    told = content(
        await world.admin.slash(world.general, "source add", address="ftp://example.org")
    )

    assert told.startswith("This can't be a source: ")


async def test_an_address_that_gave_nothing_says_how_it_is_tried_again_or_removed(
    world: World, server: WebServer
) -> None:
    gone = await world.admin.slash(world.general, "source add", address=server.url("/gone"))
    there = await world.admin.slash(world.general, "source add", address=server.url("/ferry"))

    told = sources_messages.ADDRESS_UNREAD(Language.ENGLISH)
    assert content(gone).endswith(told)
    assert told not in content(there)


async def test_an_address_that_is_removed_is_answered_from_no_more(
    world: World, server: WebServer
) -> None:
    await world.admin.slash(world.general, "source add", address=server.url("/ferry"))
    [choice] = await world.admin.autocomplete(world.general, "source remove", "source", "ferry")

    await world.admin.slash(world.general, "source remove", source=choice["value"])

    def scopes(core: Core) -> list[int]:
        return [hit.passage.scope for hit in core.search("ferry Lisbon", world.guild.id, 3)]

    assert world.guild.id not in await world.core(scopes)


async def test_files_of_the_operator_are_neither_offered_nor_removed(
    world: World, tmp_path: Path
) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("# Guide\n\nThe ferry leaves at nine.")

    def remember(core: Core) -> None:
        add_paths(core.store, [guide], Scope(world.guild.id))

    await world.core(remember)

    offered = await world.admin.autocomplete(world.general, "source remove", "source", "guide")
    told = content(await world.admin.slash(world.general, "source remove", source=str(guide)))

    assert offered == []
    assert told.startswith(sources_messages.UNKNOWN.english)


# Sites and repositories.


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as made:
        made.repositories.make("harbour/handbook.git")
        yield made


async def test_a_repository_is_told_by_its_address_and_cited_at_its_commit(
    world: World, git_server: GitServer
) -> None:
    text = "# Ferry\n\nThe ferry to Lisbon leaves at nine."
    commit = git_server.repositories.commit("harbour/handbook.git", {"docs/ferry.md": text})
    address = git_server.url("harbour/handbook.git")

    told = content(await world.admin.slash(world.general, "source add", address=address))

    assert "1 document" in told
    assert f"commit {commit[:10]}" in told

    def cited(core: Core) -> list[str]:
        found = core.search("ferry Lisbon", world.guild.id, 3)
        return [hit.passage.link for hit in found if hit.passage.scope == world.guild.id]

    [link] = await world.core(cited)
    assert link.endswith(f"/blob/{commit}/docs/ferry.md?plain=1#L1-L3")
    again = content(await world.admin.slash(world.general, "source add", address=address))
    assert again.endswith(longest_part(sources_messages.ADDRESS_KNOWN))
    removed = content(await world.admin.slash(world.general, "source remove", source=address))
    assert longest_part(sources_messages.REMOVED) in removed
    assert await world.core(cited) == []


async def test_a_site_is_crawled_where_that_is_asked_for(world: World, server: WebServer) -> None:
    server.pages["/docs/"] = Reply('<h1>Harbour</h1><p>Welcome.</p><a href="ferry">Ferry</a>')
    server.pages["/docs/ferry"] = Reply(PAGE)
    address = server.url("/docs/")

    told = content(
        await world.admin.slash(world.general, "source add", address=address, crawl=True)
    )

    assert "2 documents" in told
    assert "crawled" in told
    assert "crawled" in await listed(world)
    [choice] = await world.admin.autocomplete(world.general, "source remove", "source", "docs")
    assert choice["name"] == address


async def test_a_wiki_is_recognised_cited_with_its_licence_and_removed_without_trace(
    world: World,
) -> None:
    def found(core: Core) -> list[str]:
        hits = core.search("ferry Lisbon", world.guild.id, 3)
        return [hit.passage.link for hit in hits if hit.passage.scope == world.guild.id]

    with WikiServer() as wiki:
        wiki.pages["/"] = Reply('<meta name="generator" content="MediaWiki 1.43.1">')
        wiki.content = {1: WikiPage("Ferry", "<p>The ferry to Lisbon leaves at nine.</p>")}
        wiki.rights = {"url": "https://creativecommons.org/licenses/by-sa/4.0/"}

        told = content(await world.admin.slash(world.general, "source add", address=wiki.base))

        assert "1 document" in told
        assert plain("CC BY-SA 4.0") in told
        asked = await world.member.slash(world.general, "ask", question="ferry Lisbon")
        attribution = plain("Harbour Wiki, CC BY-SA 4.0")
        assert f"{attribution} · verified 02 Nov 2025" in content(asked)

        assert await world.core(found) == [f"{wiki.base}/wiki/Ferry"]
        await world.admin.slash(world.general, "source remove", source=wiki.base)

    assert await world.core(found) == []
    assert wiki.base not in await listed(world)


@pytest.mark.parametrize(
    "address",
    [
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
    ],
)
@pytest.mark.parametrize("crawl", [False, True])
async def test_what_only_the_operator_may_read_is_refused(
    world: World, address: str, crawl: bool
) -> None:
    told = content(
        await world.admin.slash(world.general, "source add", address=address, crawl=crawl)
    )

    assert told.startswith("This can't be a source: ")
    assert await world.core(Core.sources) == {}


async def test_a_server_has_some_sites_and_repositories_and_no_more(world: World) -> None:
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
        told = content(await world.admin.slash(world.general, "source add", **options))
        assert told.startswith(sources_messages._TOO_MANY_SITES(Language.ENGLISH, most=10))


async def test_a_repository_of_the_operator_is_neither_offered_nor_removed(
    world: World, git_server: GitServer
) -> None:
    path = git_server.repositories.folder / "harbour" / "handbook.git"
    location = repository_location(str(path))

    def remember(core: Core) -> None:
        add_visited(core.store, location, Scope(world.guild.id))

    await world.core(remember)

    offered = await world.admin.autocomplete(world.general, "source remove", "source", "handbook")
    told = content(await world.admin.slash(world.general, "source remove", source=location[:100]))

    assert offered == []
    assert told.startswith(sources_messages.UNKNOWN.english)
    assert str(path.parent) not in await listed(world)


# Turned off.


class TestOff:
    """Where the settings don't let channels be read."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data=settings.data, questions=settings.questions)

    async def test_message_content_is_not_asked_for_and_it_is_said_how_to_turn_it_on(
        self, world: World
    ) -> None:
        forum = make_forum(world)
        await forum.solved()

        told = await add(world, forum.channel)

        assert not world.bot.intents.message_content
        assert "Message Content Intent" in told
        assert sources_messages.OFF.english in told
        assert await texts(world, forum.id) == ""


async def test_turned_off_again_nothing_that_was_read_is_kept(
    simcord_env: Env, settings: Settings, new_bot: Callable[[], Bot]
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
