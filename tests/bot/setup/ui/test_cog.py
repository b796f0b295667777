"""What administrators set up, what Discord is told of the commands, and what is asked of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, Env, SetupError

from bot.client import Bot
from bot.config import Settings
from bot.process.connection import invite_permissions
from bot.setup import messages as setup_messages
from bot.text import permission_names
from knowledge.model.guilds import GuildSettings
from knowledge.model.notes import State
from knowledge.model.review_rules import Rule
from tests.bot.world import World, build_world, parts


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
    return result.response.content


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


async def choose(world: World, **options: Any) -> str:
    result = await world.admin.slash(
        world.general,
        "setup",
        review_channel=world.review,
        moderator_role=world.moderator_role,
        **options,
    )
    assert result.response is not None
    return result.response.content


async def answered_privately(world: World, **options: Any) -> bool:
    result = await world.ask(**options)
    assert result.response is not None
    return result.response.ephemeral


@pytest.mark.parametrize("private", [True, False])
async def test_answers_are_as_private_as_was_chosen_unless_the_asker_says_otherwise(
    world: World, private: bool
) -> None:
    said = await choose(world, private_answers=private)

    assert ("the asker alone" if private else "in public") in said
    assert await answered_privately(world) is private
    assert await answered_privately(world, private=not private) is not private


async def test_a_server_that_chose_nothing_answers_as_the_operator_chose(
    world: World, settings: Settings
) -> None:
    assert await answered_privately(world) is settings.answers.private


async def test_a_choice_holds_for_the_server_that_made_it(world: World) -> None:
    other = build_world(world.env, "Another")

    await choose(world, private_answers=True)

    assert await answered_privately(world)
    assert not await answered_privately(other)


async def test_what_is_left_out_stays_as_it_was_chosen(world: World) -> None:
    await choose(world, private_answers=True, answer_in=world.help.mention, quorum=2)
    chosen = await world.core(lambda core: core.store.guilds.settings(world.guild.id))

    said = await choose(world)

    assert await world.core(lambda core: core.store.guilds.settings(world.guild.id)) == chosen
    assert "A note needs 2 approvals" in said
    assert world.help.mention in said


async def test_while_the_worker_is_busy_an_answer_is_private_and_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows yet what was chosen: what was private can still be shared."""
    monkeypatch.setattr("bot.interactions.guild_settings._PATIENCE_SECONDS", 0)

    assert await answered_privately(world)


async def mention(world: World, channel: ChannelHandle) -> bool:
    """Whether the bot answers when it is mentioned there."""
    bot_user = world.bot.user
    assert bot_user is not None
    await world.member.send(channel, f"<@{bot_user.id}> What is open source AI?")
    last = channel.last_message
    assert last is not None
    return last.author.id == bot_user.id


async def test_mentions_are_answered_in_the_channels_that_were_chosen(world: World) -> None:
    assert await mention(world, world.general)

    said = await choose(world, answer_in=f"{world.help.mention}, {world.review.id}")

    assert f"in {world.help.mention}, {world.review.mention}, with" in said
    assert await mention(world, world.help)
    assert not await mention(world, world.general)
    assert (await world.ask()).response is not None


async def test_mentions_are_answered_in_a_category_that_was_chosen_and_in_threads(
    world: World,
) -> None:
    category = world.guild.create_category("Support")
    inside = world.guild.create_text_channel("inside", category=category)
    more = invite_permissions() | discord.Permissions(create_public_threads=True)
    world.env.backend.edit_role(world.guild.id, world.bot_role.id, {"permissions": more.value})
    channel = world.bot.get_channel(world.help.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="A question", type=discord.ChannelType.public_thread)
    await world.env.settle()
    [thread] = world.help.threads

    await choose(world, answer_in=f"{category.id} {world.help.mention}")

    assert await mention(world, inside)
    assert await mention(world, thread)
    assert not await mention(world, world.general)


async def test_all_channels_can_be_chosen_again(world: World) -> None:
    await choose(world, answer_in=world.help.mention)

    said = await choose(world, answer_in="all")

    assert "in every channel" in said
    assert await mention(world, world.general)


async def test_direct_messages_are_answered_whatever_channels_were_chosen(world: World) -> None:
    await choose(world, answer_in=world.help.mention)

    await world.member.user.send_dm("What is open source AI?")

    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert answer.author == world.bot.user


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


@pytest.mark.parametrize(
    "options", [{"quorum": 0}, {"quorum": 11}, {"private_answers": "maybe"}, {"quorum": "two"}]
)
async def test_discord_offers_nothing_else_to_choose(world: World, options: dict[str, Any]) -> None:
    with pytest.raises(SetupError):
        await choose(world, **options)


async def test_no_option_is_taken_from_somebody_who_may_not_manage_the_server(
    world: World,
) -> None:
    [command] = [
        command for command in await world.bot.tree.fetch_commands() if command.name == "setup"
    ]
    world.guild.set_command_permissions(command, {world.member: True})

    await world.member.slash(
        world.general,
        "setup",
        review_channel=world.general,
        moderator_role=world.moderator_role,
        private_answers=True,
        quorum=5,
    )

    assert not await answered_privately(world)
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


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
    assert result.response.content == setup_messages.SETUP_NEEDS_ADMIN.english
    assert not (await fresh.core(lambda core: core.store.guilds.settings(fresh.guild.id))).complete


async def test_about_says_how_much_is_known_and_waiting(world: World) -> None:
    await world.publish()
    await world.propose(title="Another", text="Still to be decided.")
    await world.ask()

    result = await world.member.slash(world.general, "about")

    assert result.response is not None
    assert result.response.ephemeral
    assert "17 documents" in result.response.content
    assert "1 note live, 1 waiting for review, 1 question asked" in result.response.content


async def test_about_works_in_a_direct_message(world: World) -> None:
    result = await world.member.user.slash("about")

    assert result.response is not None
    assert "16 documents" in result.response.content


def syncs(env: Env) -> int:
    return sum(
        request.method == "PUT" and request.path.endswith("/commands")
        for request in env.http_requests
    )


async def test_commands_are_sent_to_discord_on_the_first_start(simcord_env: Env) -> None:
    assert syncs(simcord_env) == 1


async def test_commands_that_did_not_change_are_not_sent_again(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.bot.close()
    await world.restart(new_bot())

    assert syncs(world.env) == 1


async def test_a_command_that_changed_is_sent_on_the_next_start(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.bot.close()
    bot = new_bot()

    @bot.tree.command(name="another", description="One that was not there before.")
    async def another(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Hello.")

    await world.restart(bot)

    assert syncs(world.env) == 2


@pytest.mark.simcord(approved_intents=discord.Intents.none())
async def test_the_bot_starts_where_no_privileged_intent_is_granted(simcord_env: Env) -> None:
    world = build_world(simcord_env)

    result = await world.ask("What is open source AI?")

    assert result.response is not None
    assert "> " in result.response.content


async def test_the_bot_asks_for_no_privileged_intent(simcord_bot: Bot) -> None:
    wanted = simcord_bot.intents
    assert (wanted.members, wanted.presences, wanted.message_content) == (False, False, False)


async def test_the_invitation_asks_for_no_power_over_others(simcord_bot: Bot) -> None:
    asked = [name for name, granted in invite_permissions() if granted]
    powers = ("admin", "manage", "kick", "ban", "moderate", "mute", "mention")
    assert not [name for name in asked if name.startswith(powers)]


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
    ]


def test_every_name_has_at_most_32_characters(payload: list[dict[str, Any]]) -> None:
    names = [part["name"] for command in payload for part in parts(command) if "value" not in part]
    assert all(1 <= len(name) <= 32 for name in names)


def test_every_slash_command_and_option_is_described_in_100_characters(
    payload: list[dict[str, Any]],
) -> None:
    slash = [command for command in payload if command.get("type", 1) == 1]
    # A choice has a name and a value, and no description.
    described = [
        part["description"] for command in slash for part in parts(command) if "value" not in part
    ]
    assert all(1 <= len(description) <= 100 for description in described)


def test_no_command_takes_more_than_8_000_characters(payload: list[dict[str, Any]]) -> None:
    for command in payload:
        texts = [
            str(part.get(key, ""))
            for part in parts(command)
            for key in ("name", "description", "value")
        ]
        assert sum(len(text) for text in texts) <= 8_000


@pytest.mark.parametrize("kind", [2, 3])
def test_there_are_at_most_five_context_menus_of_a_type(
    payload: list[dict[str, Any]], kind: int
) -> None:
    assert sum(command.get("type", 1) == kind for command in payload) <= 5


def test_the_commands_are_those_that_are_promised(payload: list[dict[str, Any]]) -> None:
    assert {command["name"] for command in payload} == {
        "ask",
        "search",
        "note",
        "review",
        "gaps",
        "leaderboard",
        "stats",
        "privacy",
        "setup",
        "source",
        "about",
        "Ask about this",
        "Save as note",
        "Approve note",
        "Reject note",
    }
