"""The public page in the `/setup` panel: turned on, with colour and welcome text."""

from bot.setup import panel_messages as said
from bot.setup.settings import Page
from knowledge.values.guilds import Language
from knowledge.values.settings import GuildSettings
from tests.bot.page.turned_on import on_page
from tests.bot.steps import choose, everything, opened
from tests.bot.world import TITLE, World, text_of


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


async def test_the_page_needs_an_administrators_permission(world: World) -> None:
    assert not (await kept(world)).page
    panel = await opened(world, Page.PUBLIC)
    assert said._PUBLIC_PAGE.english in text_of(panel)

    await choose(world, page="yes")
    panel = await opened(world, Page.PUBLIC)

    settings = await kept(world)
    assert (settings.page, settings.page_indexed) == (True, False)
    assert said._NO_FOLDER.english in text_of(panel)
    # The form of the next note says so.
    await world.propose()
    await world.moderator.click(world.card, custom_id="card:1:approve")
    assert await on_page(world) == {TITLE}
    await choose(world, page_indexed="yes")
    assert (await kept(world)).page_indexed
    await choose(world, page="no")
    assert await on_page(world) == set()


async def test_the_panel_counts_unreleased_notes(world: World) -> None:
    await world.publish()
    panel = await opened(world, Page.PUBLIC)
    assert said._UNRELEASED(1, Language.ENGLISH) in text_of(panel)


async def test_page_colour_and_welcome_are_typed(world: World) -> None:
    panel = await opened(world, Page.PUBLIC)
    for accent, welcome, stored in (
        ("AABB01", " **Hello** ", ("#aabb01", "**Hello**")),
        ("", "", ("", "")),
    ):
        form = await world.admin.select(panel, ["looks"], custom_id="change:public:0")
        await world.admin.submit_modal(form, {"accent": accent, "welcome": welcome})
        settings = await kept(world)
        assert (settings.page_accent, settings.page_welcome) == stored

    for typed in ("red", "#12345", "#12345g", "#1234567", "};b{}"):
        sent = world.submit(world.admin, "form:looks:ab", {"accent": typed, "welcome": "Hi there"})
        await world.env.settle()
        assert said.NO_COLOUR.english in everything(sent)
        assert "Hi there" in everything(sent)
    assert (await kept(world)).page_accent == ""
