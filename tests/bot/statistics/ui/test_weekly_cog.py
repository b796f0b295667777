"""`/digest`: set, shown, previewed and turned off by administrators."""

from datetime import UTC, datetime

from simcord import Env, InteractionResult, MemberActor

from bot.statistics import weekly_messages as messages
from bot.text import error_messages
from knowledge.values.weekly_digests import Edition, WeeklyDigest
from tests.bot.steps import longest_part, said
from tests.bot.world import UNKNOWN, World, build_world, text_of

# Below it comes a time.
NOTHING_YET = messages._EMPTY.english.split("{")[0]


async def digest(
    world: World, command: str, by: MemberActor | None = None, **options: object
) -> InteractionResult:
    return await (by or world.admin).slash(world.general, f"digest {command}", **options)


async def kept(world: World) -> dict[Edition, WeeklyDigest]:
    return await world.core(lambda core: core.store.digests.of_guild(world.guild.id))


async def test_options_that_are_left_out_stay_as_they_were(world: World) -> None:
    told = said(await digest(world, "set", time_zone="Bielefeld"))
    assert told == messages.no_zone("Bielefeld")
    assert await kept(world) == {}
    told = said(await digest(world, "set"))
    assert f"every Monday at 9:00 (UTC) in <#{world.review.id}>" in told
    assert longest_part(messages._OTHERS_READ) not in told
    assert (await kept(world))[Edition.MODERATORS].channel_id == world.review.id
    await digest(world, "set", day=4, hour=18, time_zone="europe/berlin")

    told = said(await digest(world, "set", channel=world.general))

    assert f"every Friday at 18:00 (Europe/Berlin) in <#{world.general.id}>" in told
    assert longest_part(messages._OTHERS_READ) in told
    assert said(await digest(world, "show")) == told
    world.env.backend.delete_overwrite(world.review.id, world.bot_role.id)
    assert "I can't write" in said(await digest(world, "set", channel=world.review))


async def test_time_zones_are_suggested_as_an_administrator_types(world: World) -> None:
    offered = await world.admin.autocomplete(world.general, "digest set", "time_zone", "new york")

    assert [choice["value"] for choice in offered] == ["America/New_York"]


async def test_the_digest_for_everyone_needs_a_channel_and_is_separate(world: World) -> None:
    everybody = Edition.EVERYBODY.value
    assert said(await digest(world, "set", edition=everybody)) == messages.NO_CHANNEL.english
    await digest(world, "set")
    await digest(world, "set", edition=everybody, channel=world.help)
    assert said(await digest(world, "show")).count("Monday") == 2

    for was in (True, False):
        told = said(await digest(world, "off", edition=everybody))
        assert told == messages.stopped(Edition.EVERYBODY, was=was)
    assert list(await kept(world)) == [Edition.MODERATORS]
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-3:] == ["digest", "digest", "digest_off"]


async def test_everyone_but_administrators_is_refused(world: World) -> None:
    await world.show_to_all("digest")
    for command, options in (
        ("set", {}),
        ("show", {}),
        ("preview", {}),
        ("off", {"edition": Edition.MODERATORS.value}),
    ):
        result = await digest(world, command, world.moderator, **options)
        assert said(result) == error_messages.NOT_AN_ADMINISTRATOR.english
    assert await kept(world) == {}


async def test_a_preview_is_shown_to_its_viewer_alone_even_before_a_digest_is_set_up(
    world: World,
) -> None:
    for is_set_up in (False, True):
        nothing = said(await digest(world, "preview"))
        assert NOTHING_YET in nothing
        assert (messages.NOT_POSTED.english not in nothing) is is_set_up
        if not is_set_up:
            assert await kept(world) == {}
            await digest(world, "set")
    await world.ask(UNKNOWN)

    assert f"“{UNKNOWN}”" in said(await digest(world, "preview"))
    assert [one for one in world.review.history() if UNKNOWN in text_of(one)] == []
    await digest(world, "off", edition=Edition.MODERATORS.value)
    shown = said(await digest(world, "preview"))
    assert f"“{UNKNOWN}”" in shown
    assert messages.NOT_POSTED.english in shown


async def test_another_servers_digests_are_neither_shown_nor_ended(
    simcord_env: Env, world: World
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await digest(world, "set")

    assert said(await digest(other, "show")) == messages.NOT_CHOSEN.english
    await digest(other, "off", edition=Edition.MODERATORS.value)

    [left] = await world.core(lambda core: core.store.digests.all())
    assert left.guild_id == world.guild.id
    assert left.chosen_at <= datetime.now(UTC)
