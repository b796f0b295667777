"""Digests in the `/setup` panel: day, channel and time of each, and a preview."""

from simcord import Env

from bot.setup import panel_messages
from bot.setup.settings import Page
from bot.statistics import weekly
from knowledge.values.settings import Edition, WeeklyDigest
from tests.bot.message_parts import everything, said, text_of
from tests.bot.spoken import english
from tests.bot.world import UNKNOWN, World, build_world

# Below it comes a time.
NOTHING_YET = "No news since "
OTHERS_READ = "is open to more than moderators"


async def kept(world: World) -> dict[Edition, WeeklyDigest]:
    return await world.core(lambda core: core.store.digests.of_guild(world.guild.id))


async def time(world: World, **fields: str) -> str:
    form = await world.open_setting("digest_time")
    given = {"hour": "9", "zone": "UTC", "post_hours": "24", **fields}
    return everything(await world.admin.submit_modal(form, given))


async def preview(world: World, edition: Edition = Edition.MODERATORS) -> str:
    panel = await world.open_setup(Page.REMINDERS)
    return said(await world.admin.click(panel, custom_id=f"setup:preview_{edition}"))


async def test_day_channel_and_time_are_chosen(world: World) -> None:
    told = await world.choose(digest="4")
    assert f"every Friday at 9:00 (UTC) in <#{world.review.id}>" in told
    assert OTHERS_READ not in told
    await time(world, hour="18", zone="europe/berlin", post_hours="48")

    told = await world.choose(digest_channel=[world.general])

    assert f"every Friday at 18:00 (Europe/Berlin) in <#{world.general.id}>" in told
    assert OTHERS_READ in told
    assert (await kept(world))[Edition.MODERATORS].post_hours == 48
    told = await world.choose(digest_channel=[])
    assert f"in <#{world.review.id}>" in told
    world.env.backend.delete_overwrite(world.review.id, world.bot_role.id)
    assert "I can't write" in text_of(await world.open_setup(Page.REMINDERS))
    await world.choose(digest="no")
    assert await kept(world) == {}


async def test_a_wrong_time_is_given_back(world: World) -> None:
    for fields, sentence in (
        ({"zone": "Bielefeld"}, english(panel_messages.no_zone, "Bielefeld", ())),
        ({"zone": "new york"}, "Did you mean `America/New_York`?"),
        ({"hour": "24"}, english(panel_messages.not_a_number, "24", 23)),
        ({"post_hours": "337"}, english(panel_messages.not_a_number, "337", 336)),
    ):
        assert sentence in await time(world, **fields)
    assert await kept(world) == {}


async def test_the_digest_for_everyone_needs_a_channel(world: World) -> None:
    assert panel_messages.NO_DIGEST_CHANNEL.english in await world.choose(news="0")
    assert await kept(world) == {}

    await world.choose(digest="0", news_channel=[world.help])

    assert text_of(await world.open_setup(Page.REMINDERS)).count("every Monday at") == 2
    form = await world.open_setting("news_time")
    told = everything(await world.admin.submit_modal(form, {"hour": "18", "zone": "UTC"}))
    assert f"every Monday at 18:00 (UTC) in <#{world.help.id}>" in told
    await world.choose(news="no")
    assert [*await kept(world)] == [Edition.MODERATORS]
    events = await world.core(
        lambda core: [entry.event for entry in core.store.audit_log.entries()]
    )
    assert events[-4:] == ["digest", "digest", "digest", "digest_off"]


async def test_only_its_viewer_sees_a_preview(world: World) -> None:
    for is_set_up in (False, True):
        nothing = await preview(world)
        assert NOTHING_YET in nothing
        assert (weekly.NOT_POSTED.english not in nothing) is is_set_up
        if not is_set_up:
            assert await kept(world) == {}
            await world.choose(digest="0")
    await world.ask(UNKNOWN)

    assert f"“{UNKNOWN}”" in await preview(world)
    assert [message for message in world.review.history() if UNKNOWN in text_of(message)] == []
    await world.choose(digest="no")
    shown = await preview(world)
    assert f"“{UNKNOWN}”" in shown
    assert weekly.NOT_POSTED.english in shown


async def test_another_servers_digests_stay_apart(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.choose(digest="0")

    assert "every Monday at" not in text_of(await other.open_setup(Page.REMINDERS))
    await other.choose(digest="no")

    [left] = await world.core(lambda core: core.store.digests.all())
    assert left.guild_id == world.guild.id
