"""What administrators set up first, and what members are told about the bot."""

from typing import Any

import discord
import pytest
from simcord import Env, SetupError

from bot.setup import messages as setup_messages
from bot.text import error_messages
from knowledge.values.guilds import GuildSettings, Language
from tests.bot.steps import content, said
from tests.bot.world import World, build_world, text_of


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def run_setup(world: World) -> str:
    return said(
        await world.admin.slash(
            world.general,
            "setup",
            review_channel=world.review,
            moderator_role=world.moderator_role,
        )
    )


async def test_setup_keeps_the_review_channel_and_the_moderator_role(fresh: World) -> None:
    await run_setup(fresh)

    assert await fresh.core(
        lambda core: core.store.guilds.settings(fresh.guild.id)
    ) == GuildSettings(fresh.guild.id, fresh.review.id, fresh.moderator_role.id)


async def test_setup_alone_opens_the_panel_at_what_is_to_be_done_first(fresh: World) -> None:
    opened = said(await fresh.admin.slash(fresh.general, "setup"))

    assert "step 1 of 5" in opened
    assert "Review channel" in opened


async def test_what_is_left_out_of_setup_stays_as_it_is(fresh: World) -> None:
    await run_setup(fresh)

    shown = content(await fresh.admin.slash(fresh.general, "setup", review_channel=fresh.general))

    kept = await fresh.core(lambda core: core.store.guilds.settings(fresh.guild.id))
    assert kept == GuildSettings(fresh.guild.id, fresh.general.id, fresh.moderator_role.id)
    assert "Everything is set up" in shown


async def test_setup_pings_nobody(fresh: World) -> None:
    await run_setup(fresh)

    edits = [
        request.json
        for request in fresh.env.http_requests
        if request.path.endswith("/messages/@original") and request.json
    ]
    assert edits[-1]["allowed_mentions"]["parse"] == []


async def test_a_member_is_not_offered_setup(fresh: World) -> None:
    with pytest.raises(SetupError, match="default-member-permissions"):
        await fresh.member.slash(fresh.general, "setup")


async def test_a_member_to_whom_the_command_was_opened_may_still_not_run_it(
    fresh: World,
) -> None:
    await fresh.show_to_all("setup")

    result = await fresh.member.slash(
        fresh.general, "setup", review_channel=fresh.general, moderator_role=fresh.moderator_role
    )

    assert said(result) == error_messages.NOT_AN_ADMINISTRATOR.english
    assert not (await fresh.core(lambda core: core.store.guilds.settings(fresh.guild.id))).complete


async def test_about_says_how_much_is_known_and_waiting(world: World) -> None:
    await world.publish()
    await world.propose(title="Another", text="Still to be decided.")
    await world.ask()

    result = await world.member.slash(world.general, "about")

    assert result.response is not None
    assert result.response.ephemeral
    assert "17 documents" in text_of(result.response)
    assert setup_messages._HERE(
        Language.ENGLISH, notes="1 note", pending=1, questions="1 question"
    ) in text_of(result.response)
    changed_at = await world.core(lambda core: core.index.tables.changed_at())
    assert changed_at is not None
    age = setup_messages._CHANGED(Language.ENGLISH, when=f"<t:{int(changed_at.timestamp())}:R>")
    assert age in text_of(result.response)


async def test_about_works_in_a_direct_message(world: World) -> None:
    result = await world.member.user.slash("about")

    assert result.response is not None
    assert "16 documents" in text_of(result.response)


def test_setup_is_for_those_who_manage_the_server(payload: list[dict[str, Any]]) -> None:
    [setup] = [command for command in payload if command["name"] == "setup"]

    wanted = discord.Permissions(manage_guild=True).value
    assert int(setup["default_member_permissions"]) == wanted
    [source] = [command for command in payload if command["name"] == "source"]
    assert int(source["default_member_permissions"]) == wanted


def test_setup_has_the_options_that_the_documentation_names(payload: list[dict[str, Any]]) -> None:
    [setup] = [command for command in payload if command["name"] == "setup"]

    assert [(option["name"], option["required"]) for option in setup["options"]] == [
        ("review_channel", False),
        ("moderator_role", False),
    ]
