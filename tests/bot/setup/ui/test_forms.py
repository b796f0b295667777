"""Forms of the `/setup` panel: limits of roles and of new members."""

from typing import Any

import pytest
from simcord import Env

from bot.setup import panel_messages
from bot.setup.settings import Page
from knowledge.values.quotas import Limits, Newcomers, Quota
from tests.bot.message_parts import everything, text_of
from tests.bot.spoken import english
from tests.bot.world import World, build_world

NOTHING = {"questions_hour": "", "questions_day": "", "notes_hour": "", "notes_day": ""}


async def kept(world: World) -> Limits:
    settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    return settings.limits


async def limit(world: World, role: Any = None, **numbers: int) -> str:
    """The page of limits after a form for everyone or for a role."""
    panel = await world.open_setup(Page.LIMITS)
    if role is None:
        form = await world.admin.click(panel, custom_id="setup:everyone")
    else:
        form = await world.admin.select(panel, [role], custom_id="limits_of")
    typed = {name: str(number) for name, number in numbers.items()}
    await world.admin.submit_modal(form, {**NOTHING, **typed})
    return text_of(panel)


async def limit_newcomers(world: World, **numbers: int) -> str:
    panel = await world.open_setup(Page.LIMITS)
    form = await world.admin.click(panel, custom_id="setup:newcomers")
    fields = dict.fromkeys(panel_messages.NEWCOMER_FIELDS, "")
    typed = {name: str(number) for name, number in numbers.items()}
    await world.admin.submit_modal(form, {**fields, **typed})
    return text_of(panel)


async def test_limits_are_set_by_role_in_one_server(simcord_env: Env, world: World) -> None:
    shown = text_of(await world.open_setup(Page.LIMITS))
    assert english(panel_messages._QUESTIONS, limits="everyone no limit") in shown
    assert "**Notes**: everyone no limit" in shown

    trusted = world.guild.create_role("Trusted")
    await limit(world, questions_hour=5, questions_day=20, notes_day=2)
    shown = await limit(world, trusted, questions_day=0)

    questions = f"everyone 5 an hour and 20 a day · <@&{trusted.id}> no limit"
    assert english(panel_messages._QUESTIONS, limits=questions) in shown
    assert "**Notes**: everyone 2 a day" in shown
    assert await kept(world) == Limits(
        {world.guild.id: Quota(5, 20), trusted.id: Quota()}, {world.guild.id: Quota(0, 2)}
    )
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    assert "everyone no limit" in text_of(await other.open_setup(Page.LIMITS))


async def test_new_members_wait_or_propose_fewer_notes(world: World) -> None:
    waiting = await limit_newcomers(world, account_days=7, member_days=1)
    fewer = await limit_newcomers(world, account_days=0, member_days=1, notes=1)

    joined = english(panel_messages._JOINED, 1)
    either = f"{english(panel_messages._ACCOUNT, 7)} or {joined}"
    none_yet = english(panel_messages._NONE_YET)
    assert english(panel_messages._NEWCOMERS, who=either, notes=none_yet) in waiting
    one_a_day = english(panel_messages._FEWER, 1)
    assert english(panel_messages._NEWCOMERS, who=joined, notes=one_a_day) in fewer
    assert (await kept(world)).newcomers == Newcomers(0, 1, 1)


async def test_an_empty_form_brings_the_default_back(world: World) -> None:
    trusted = world.guild.create_role("Trusted")
    await limit(world, notes_day=1)
    await limit(world, trusted, notes_day=9)
    await limit_newcomers(world, member_days=1)

    assert "<@&" not in await limit(world, trusted)
    assert (await kept(world)).notes == {world.guild.id: Quota(0, 1)}
    await limit_newcomers(world)
    assert (await kept(world)).newcomers is None
    await limit_newcomers(world, notes=2)
    assert (await kept(world)).newcomers is None
    await limit(world, notes_day=3)
    panel = await world.open_setup(Page.LIMITS)
    await world.admin.click(panel, custom_id="setup:unlimited")

    assert await kept(world) == Limits()
    events = await world.core(
        lambda core: [entry.event for entry in core.store.audit_log.entries()]
    )
    assert events[-7:] == ["settings"] * 7


@pytest.mark.parametrize("typed", ["many", "-1", "3651", "1.5", "²"])
async def test_a_wrong_number_is_given_back(world: World, typed: str) -> None:
    fields = {**NOTHING, "notes_day": typed, "questions_day": "7"}

    sent = world.submit(world.admin, f"form:limits:{world.guild.id}:ab", fields)
    await world.env.settle()

    assert english(panel_messages.not_a_number, typed, 3_650) in everything(sent)
    assert "7" in everything(sent)
    assert await kept(world) == Limits()
