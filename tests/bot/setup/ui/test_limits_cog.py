"""`/limits`: administrators set and see limits by role."""

from typing import Any

from simcord import Env, MemberActor

from bot.setup import limit_messages as messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from knowledge.values.quotas import Limits, Newcomers, Quota
from tests.bot.steps import said, up_to
from tests.bot.world import World, build_world


async def limits(world: World, command: str, by: MemberActor | None = None, **options: Any) -> str:
    return said(await (by or world.admin).slash(world.general, f"limits {command}", **options))


async def kept(world: World) -> Limits:
    settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    return settings.limits


async def test_limits_are_set_by_role_in_one_server_and_omitted_options_stay(
    simcord_env: Env, world: World
) -> None:
    shown = await limits(world, "show")
    assert messages._QUESTIONS(Language.ENGLISH, limits="everyone no limit") in shown
    assert "**Notes**: everyone no limit" in shown
    assert up_to("who", messages._NEWCOMERS) not in shown

    trusted = world.guild.create_role("Trusted")
    await limits(world, "set", questions_an_hour=5)
    await limits(world, "set", questions_a_day=20, notes_a_day=2)
    shown = await limits(world, "set", role=trusted, questions_a_day=0)

    everybody = "everyone 5 an hour and 20 a day"
    questions = f"{everybody} · <@&{trusted.id}> no limit"
    assert messages._QUESTIONS(Language.ENGLISH, limits=questions) in shown
    assert "**Notes**: everyone 2 a day" in shown
    assert await kept(world) == Limits(
        {world.guild.id: Quota(5, 20), trusted.id: Quota()}, {world.guild.id: Quota(0, 2)}
    )
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    assert "everyone no limit" in await limits(other, "show")


async def test_new_members_wait_or_propose_fewer_notes(world: World) -> None:
    waiting = await limits(world, "newcomers", account_days=7, member_days=1)
    fewer = await limits(world, "newcomers", account_days=0, notes_a_day=1)

    joined = messages._JOINED(1, Language.ENGLISH)
    either = f"{messages._ACCOUNT(7, Language.ENGLISH)} or {joined}"
    none_yet = messages._NONE_YET(Language.ENGLISH)
    assert messages._NEWCOMERS(Language.ENGLISH, who=either, notes=none_yet) in waiting
    one_a_day = messages._FEWER(1, Language.ENGLISH)
    assert messages._NEWCOMERS(Language.ENGLISH, who=joined, notes=one_a_day) in fewer
    assert (await kept(world)).newcomers == Newcomers(0, 1, 1)


async def test_limits_are_reset_by_role_or_all_at_once(world: World) -> None:
    trusted = world.guild.create_role("Trusted")
    await limits(world, "set", notes_a_day=1)
    await limits(world, "set", role=trusted, notes_a_day=9)
    await limits(world, "newcomers", member_days=1)

    assert "<@&" not in await limits(world, "reset", role=trusted)
    assert (await kept(world)).notes == {world.guild.id: Quota(0, 1)}
    await limits(world, "reset")

    assert await kept(world) == Limits()
    events = await world.core(lambda core: [one.event for one in core.store.audit_log.entries()])
    assert events[-5:] == ["settings"] * 5


async def test_everyone_but_administrators_is_refused(world: World) -> None:
    await world.show_to_all("limits")

    for command in ("set", "newcomers", "show", "reset"):
        assert (
            await limits(world, command, world.moderator)
            == error_messages.NOT_AN_ADMINISTRATOR.english
        )
    assert await kept(world) == Limits()
