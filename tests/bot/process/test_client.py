"""Command sync: payload and time."""

from typing import Any

import discord
import pytest
from simcord import Env

from tests.bot.message_parts import parts
from tests.bot.world import NewBot, World


def syncs(env: Env) -> int:
    return sum(
        request.method == "PUT" and request.path.endswith("/commands")
        for request in env.http_requests
    )


async def test_first_start_sends_the_commands(simcord_env: Env) -> None:
    assert syncs(simcord_env) == 1


async def test_unchanged_commands_are_kept(world: World, new_bot: NewBot) -> None:
    await world.bot.close()
    await world.restart(new_bot())

    assert syncs(world.env) == 1


async def test_changed_commands_are_sent(world: World, new_bot: NewBot) -> None:
    await world.bot.close()
    bot = new_bot()

    @bot.tree.command(name="another", description="One that was not there before.")
    async def another(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Hello.")

    await world.restart(bot)

    assert syncs(world.env) == 2


def test_each_name_has_at_most_32_characters(payload: list[dict[str, Any]]) -> None:
    names = [part["name"] for command in payload for part in parts(command) if "value" not in part]
    assert all(1 <= len(name) <= 32 for name in names)


def test_each_command_and_option_is_described(payload: list[dict[str, Any]]) -> None:
    slash = [command for command in payload if command.get("type", 1) == 1]
    # A choice has a name and a value, and no description.
    described = [
        part["description"] for command in slash for part in parts(command) if "value" not in part
    ]
    assert all(1 <= len(description) <= 100 for description in described)


def test_each_command_takes_at_most_8_000_characters(payload: list[dict[str, Any]]) -> None:
    for command in payload:
        texts = [
            str(part.get(key, ""))
            for part in parts(command)
            for key in ("name", "description", "value")
        ]
        assert sum(len(text) for text in texts) <= 8_000


@pytest.mark.parametrize("kind", [2, 3])
def test_each_type_has_at_most_five_context_menus(payload: list[dict[str, Any]], kind: int) -> None:
    assert sum(command.get("type", 1) == kind for command in payload) <= 5


# Commands available in direct messages, too.
DIRECTLY = {"ask", "search", "privacy", "stats", "Ask about this"}


def test_commands_are_the_promised_ones(payload: list[dict[str, Any]]) -> None:
    assert {command["name"] for command in payload} == {
        "ask",
        "search",
        "note",
        "review",
        "gaps",
        "stats",
        "privacy",
        "setup",
        "source",
        "Ask about this",
        "Save as note",
        "Answer with a note…",
        "Decide on note…",
        "Report",
    }


def test_few_commands_are_to_be_remembered(payload: list[dict[str, Any]]) -> None:
    numbers = {}
    for command in payload:
        inner = [each for each in command.get("options") or [] if each["type"] == 1]
        if command.get("type", 1) == 1:
            numbers[command["name"]] = len(inner) or 1
    members = ("ask", "search", "note", "privacy", "stats")
    assert sum(numbers[name] for name in members) <= 9
    assert sum(numbers.values()) <= 20


def test_each_command_is_shown_to_its_audience(payload: list[dict[str, Any]]) -> None:
    shown = {command["name"]: command["default_member_permissions"] for command in payload}
    manages_messages = discord.Permissions(manage_messages=True).value
    manages_the_server = discord.Permissions(manage_guild=True).value

    assert {name for name, value in shown.items() if value == manages_messages} == {
        "review",
        "gaps",
        "Decide on note…",
    }
    assert {name for name, value in shown.items() if value == manages_the_server} == {
        "setup",
        "source",
    }
    assert set(shown.values()) == {None, manages_messages, manages_the_server}


def test_no_command_is_installed_for_users(payload: list[dict[str, Any]]) -> None:
    assert all(command["integration_types"] == [0] for command in payload)
    assert {command["name"]: command["contexts"] for command in payload} == {
        command["name"]: [0, 1] if command["name"] in DIRECTLY else [0] for command in payload
    }
