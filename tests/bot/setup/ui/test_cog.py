"""What administrators set up, what Discord is told of the commands, and what is asked of it."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import Env, SetupError

from bot.config import Settings
from bot.setup import messages as setup_messages
from bot.text import permission_names
from knowledge.model.guilds import GuildSettings, Rule
from knowledge.model.notes import State
from knowledge.store.store import Store
from tests.bot.steps import choose
from tests.bot.wire.server import WireServer
from tests.bot.wire.steps import running
from tests.bot.world import World, build_world, text_of


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def run_setup(world: World) -> str:
    result = await world.admin.slash(
        world.general, "setup", review_channel=world.review, moderator_role=world.moderator_role
    )
    assert result.response is not None
    assert result.response.ephemeral
    return text_of(result.response)


async def test_setup_keeps_the_review_channel_and_the_moderator_role(fresh: World) -> None:
    await run_setup(fresh)

    assert await fresh.core(
        lambda core: core.store.guilds.settings(fresh.guild.id)
    ) == GuildSettings(fresh.guild.id, fresh.review.id, fresh.moderator_role.id)


async def test_setup_says_where_notes_are_reviewed_and_by_whom(fresh: World) -> None:
    said = await run_setup(fresh)

    assert fresh.review.mention in said
    assert fresh.moderator_role.mention in said
    assert "every permission" in said


async def test_setup_pings_nobody(fresh: World) -> None:
    await run_setup(fresh)

    edits = [
        request.json
        for request in fresh.env.http_requests
        if request.path.endswith("/messages/@original") and request.json
    ]
    assert edits[-1]["allowed_mentions"]["parse"] == []


@pytest.mark.parametrize("name", ["view_channel", "send_messages", "embed_links"])
async def test_setup_names_each_permission_that_is_missing(fresh: World, name: str) -> None:
    channel = fresh.env.backend.get_channel(fresh.review.id)
    mine = next(one for one in channel.overwrites if one.target_id == fresh.bot_role.id)
    mine.allow, mine.deny = 0, discord.Permissions(**{name: True}).value
    fresh.env.backend.set_overwrite(fresh.review.id, mine)

    said = await run_setup(fresh)

    assert f"**{permission_names.PERMISSION_NAMES[name].english}**" in said


# Answers: to whom, and where.


async def test_what_is_left_out_stays_as_it_was_chosen(world: World) -> None:
    await choose(world, private_answers=True, answer_in=world.help.mention, quorum=2)
    chosen = await world.core(lambda core: core.store.guilds.settings(world.guild.id))

    said = await choose(world)

    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id)) == chosen
    assert "A note needs 2 approvals" in said
    assert world.help.mention in said


@pytest.mark.parametrize(
    "typed", ["general", "<#1>", "<@&1>", "9" * 40, "", "all of them", "@everyone"]
)
async def test_what_is_no_channel_is_named_and_changes_nothing(world: World, typed: str) -> None:
    before = await world.core(lambda core: core.store.guilds.settings(world.guild.id))

    said = await choose(
        world, answer_in=f"{world.help.mention} {typed}" if typed else " ", quorum=2
    )

    assert "is no channel of this server" in said
    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id)) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_what_is_no_web_host_is_named_and_changes_nothing(world: World) -> None:
    before = await world.core(lambda core: core.store.guilds.settings(world.guild.id))

    said = await choose(world, allowed_hosts="example.org *", quorum=2)

    assert said.startswith("“\\*” is no web host.")
    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id)) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_hosts_that_were_allowed_can_be_taken_back(world: World) -> None:
    await choose(world, allowed_hosts="https://example.org/docs, example.net")
    kept = (await world.core(lambda core: core.store.guilds.settings(world.guild.id))).allowed_hosts

    await choose(world, allowed_hosts="none")

    assert kept == ("example.org", "example.net")
    assert (
        await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    ).allowed_hosts == ()


async def test_a_channel_of_another_server_is_none(world: World) -> None:
    other = build_world(world.env, "Another")

    assert "is no channel of this server" in await choose(world, answer_in=other.help.mention)


async def test_channels_in_which_the_bot_may_not_write_are_named(world: World) -> None:
    silent = world.guild.create_text_channel(
        "silent",
        overwrites={world.bot_role: discord.PermissionOverwrite(send_messages=False)},
    )

    said = await choose(world, answer_in=f"{world.help.mention} {silent.mention}")

    assert f"can't answer in {silent.mention}:" in said


async def test_what_two_administrators_choose_at_once_both_holds(
    server: WireServer, settings: Settings
) -> None:
    given = {"review_channel": server.review, "moderator_role": server.moderators}
    async with running(server, settings):
        first = await server.root.slash(server.general, "setup", undo_minutes=7, **given)
        second = await server.root.slash(server.general, "setup", reminder_hours=9, **given)
        await server.answered(first)
        await server.answered(second)
    with Store(settings.data.folder / "community.db") as store:
        kept = store.guilds.settings(int(server.guild["id"]))
    assert (kept.undo_minutes, kept.reminder_hours) == (7, 9)


async def test_the_quorum_holds_for_every_note_and_keeps_the_rest_of_the_rule(
    world: World,
) -> None:
    rule = Rule("", review_after_days=90)
    await world.core(lambda core: core.store.guilds.save_rule(world.guild.id, rule, world.admin.id))

    await choose(world, quorum=2)
    await world.propose()
    await world.moderator.click(world.card, label="Approve")

    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == [
        replace(rule, quorum=2)
    ]
    assert (await world.note()).revision.state is State.PENDING
    await world.second_moderator.click(world.card, label="Approve")
    assert (await world.note()).live


async def test_a_member_is_not_offered_setup(fresh: World) -> None:
    with pytest.raises(SetupError, match="default-member-permissions"):
        await fresh.member.slash(
            fresh.general,
            "setup",
            review_channel=fresh.general,
            moderator_role=fresh.moderator_role,
        )


async def test_a_member_to_whom_the_command_was_opened_may_still_not_run_it(
    fresh: World,
) -> None:
    [command] = [
        command for command in await fresh.bot.tree.fetch_commands() if command.name == "setup"
    ]
    fresh.guild.set_command_permissions(command, {fresh.member: True})

    result = await fresh.member.slash(
        fresh.general, "setup", review_channel=fresh.general, moderator_role=fresh.moderator_role
    )

    assert result.response is not None
    assert text_of(result.response) == setup_messages.SETUP_NEEDS_ADMIN.english
    assert not (await fresh.core(lambda core: core.store.guilds.settings(fresh.guild.id))).complete


async def test_about_says_how_much_is_known_and_waiting(world: World) -> None:
    await world.publish()
    await world.propose(title="Another", text="Still to be decided.")
    await world.ask()

    result = await world.member.slash(world.general, "about")

    assert result.response is not None
    assert result.response.ephemeral
    assert "17 documents" in text_of(result.response)
    assert "1 note live, 1 waiting for review, 1 question asked" in text_of(result.response)
    changed_at = await world.core(lambda core: core.index.tables.changed_at())
    assert changed_at is not None
    age = f"The index changed <t:{int(changed_at.timestamp())}:R>."
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
        ("review_channel", True),
        ("moderator_role", True),
        ("own_notes", False),
        ("undo_minutes", False),
        ("reminder_hours", False),
        ("sample_every", False),
        ("allowed_hosts", False),
        ("private_answers", False),
        ("answer_in", False),
        ("quorum", False),
        ("language", False),
        ("ask_moderators", False),
        ("helper_role", False),
        ("helpers_in", False),
        ("stale_hours", False),
    ]
