"""Failing sources: one card in the review channel, and the digest's line."""

from collections.abc import Iterator

import pytest
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.cli.doctor import _sources
from bot.config.settings import Settings, SourceSettings
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from bot.sources.messages import alarm, location_name
from bot.sources.ui.cog import SourceAlarms
from bot.storage.data_folder import open_store
from bot.text.markdown import plain
from knowledge.sources.addition import add_visited, page_location
from knowledge.values.documents import SHARED, Scope
from tests.bot.components import part
from tests.bot.digests import chosen, its_time_comes, posted
from tests.bot.faults import fail
from tests.bot.message_parts import text_of
from tests.bot.sources.ui.test_cog import PAGE, local_fetcher
from tests.bot.spoken import english
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import VIEW, World
from tests.fakes import WordEmbedder
from tests.knowledge.web_server import Reply, WebServer

UNAVAILABLE = (503, 0)
HOST = "docs.test"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    sources = SourceSettings(web_hours=0)
    return Settings(data=settings.data, questions=settings.questions, sources=sources)


def make_bot(settings: Settings) -> Bot:
    return Bot(settings, start_worker(settings, WordEmbedder()), local_fetcher)


@pytest.fixture
def simcord_bot(settings: Settings) -> Bot:
    return make_bot(settings)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as made:
        show(made, 3)
        yield made


def show(server: WebServer, pages: int) -> None:
    urls = [server.url(f"/{at}", host=HOST) for at in range(pages)]
    listed = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    server.pages.clear()
    server.pages["/sitemap.xml"] = Reply(f"<urlset>{listed}</urlset>", kind="text/xml")
    for at in range(pages):
        server.pages[f"/{at}"] = Reply(PAGE.replace("nine", f"nine, pier {at}"))


async def add(world: World, server: WebServer, scope: Scope | None = None) -> str:
    location = page_location(server.url("/sitemap.xml", host=HOST))
    chosen = Scope(world.guild.id) if scope is None else scope
    await world.core(lambda core: add_visited(core.store, location, chosen))
    await visit(world, location)
    return location


async def visit(world: World, location: str, times: int = 1) -> None:
    for _ in range(times):
        assert await world.bot.web_visits.visit_now([location])
    await part(world.bot, SourceAlarms).round()


def cards(world: World) -> list[str]:
    return [text_of(message) for message in world.review.history()]


async def failing_cards(world: World) -> list[str]:
    """The cards that the failing sources must have."""
    failing = await world.core(Core.failing_sources)
    return [english(alarm, source.location, source, is_named=True) for source in failing]


async def test_failing_source_has_one_card_until_it_recovers(
    world: World, server: WebServer, strict_discord: StrictDiscord
) -> None:
    location = await add(world, server)
    server.pages.clear()
    await visit(world, location)
    assert cards(world) == []

    await visit(world, location)
    assert cards(world) == await failing_cards(world)
    assert plain(location_name(location)) in cards(world)[0]
    await visit(world, location)
    assert cards(world) == await failing_cards(world)

    show(server, 3)
    await visit(world, location)
    assert cards(world) == [english(alarm, location, None, is_named=True)]
    server.pages.clear()
    await visit(world, location, 2)
    assert len(cards(world)) == 2


async def test_lost_third_is_told_at_once(world: World, server: WebServer) -> None:
    location = await add(world, server)

    def lose_one(core: Core) -> None:
        before = core.pages.state(location)
        core.pages.keep_state(before.count(failed=False, documents=3, found=2))

    await world.core(lose_one)
    await part(world.bot, SourceAlarms).round()
    assert cards(world) == await failing_cards(world)
    assert "2 of 3 are left" in cards(world)[0]


async def test_kills_between_the_steps_post_nothing_twice(
    world: World, server: WebServer, strict_discord: StrictDiscord, settings: Settings
) -> None:
    location = await add(world, server)
    server.pages.clear()
    strict_discord.lost_answers.append(("POST", f"/channels/{world.review.id}/messages"))
    await visit(world, location, 2)
    # The message is there, and the process ends before it knows.
    await world.start_again(lambda: make_bot(settings))
    await part(world.bot, SourceAlarms).round()
    await part(world.bot, SourceAlarms).round()
    assert cards(world) == await failing_cards(world)

    show(server, 3)
    fail(world, "PATCH", f"/channels/{world.review.id}/messages/*", UNAVAILABLE)
    await visit(world, location)
    await world.start_again(lambda: make_bot(settings))
    await part(world.bot, SourceAlarms).round()
    assert cards(world) == [english(alarm, location, None, is_named=True)]


async def test_card_is_not_posted_when_turned_off(world: World, server: WebServer) -> None:
    await world.choose(source_alarms="no")
    location = await add(world, server)
    server.pages.clear()
    await visit(world, location, 2)
    assert cards(world) == []
    await world.choose(source_alarms="yes")
    await part(world.bot, SourceAlarms).round()
    assert len(cards(world)) == 1


@pytest.mark.parametrize(("scope", "is_named"), [(None, False), (SHARED, True)])
async def test_own_source_is_named_to_moderators_only(
    world: World, server: WebServer, scope: Scope | None, is_named: bool
) -> None:
    seen = Overwrite(world.guild.id, OverwriteType.ROLE, allow=VIEW)
    world.env.backend.set_overwrite(world.review.id, seen)
    location = await add(world, server, scope)
    server.pages.clear()
    await visit(world, location, 2)
    assert [plain(location_name(location)) in card for card in cards(world)] == [is_named]


@pytest.mark.parametrize("inside", [True, False])
async def test_digest_names_failing_sources_to_moderators(
    world: World, server: WebServer, inside: bool
) -> None:
    channel = world.review if inside else world.general
    location = await add(world, server)
    server.pages.clear()
    await visit(world, location, 2)
    await chosen(world, channel)
    await its_time_comes(world)
    [digest] = posted(channel)
    assert "**1 source** has a problem" in text_of(digest)
    assert (HOST in text_of(digest)) == inside


async def test_metrics_and_doctor_count_failing_sources(
    world: World, server: WebServer, settings: Settings
) -> None:
    location = await add(world, server)
    folder, url = settings.data.folder, settings.data.database
    assert (await world.core(Core.figures)).failing_sources == 0
    with open_store(folder, url) as store:
        assert [*_sources(store, folder, url)] == []
    server.pages.clear()
    await visit(world, location, 2)
    assert (await world.core(Core.figures)).failing_sources == 1
    with open_store(folder, url) as store:
        [finding] = _sources(store, folder, url)
    assert finding.warning
    assert finding.details.startswith(f"{location} is gone")
