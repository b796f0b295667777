"""Options with values that no client sends end in one sentence, without an error."""

import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
from simcord import InteractionResult, MemberActor
from simcord.interactions import base_payload

from bot.interactions.kit.option_values import misfit
from bot.text import error_messages
from tests.bot.message_parts import everything
from tests.bot.spoken import english
from tests.bot.world import World

_COMMAND: Final = 2
_STRING, _INTEGER, _BOOLEAN = 3, 4, 5
_REFERENCES: Final = {6: "users", 7: "channels", 8: "roles", 11: "attachments"}
_CATEGORY: Final = 4
# An id that no column holds, one that Discord says nothing of, and what is none.
_UNKNOWN: Final = (str(2**63), "123", "x", 123, None, ["123"])


def forged(option: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    """Types and values of an option that Discord's clients don't send."""
    kind = option["type"]
    if kind == _STRING:
        longest = "x" * (option.get("max_length", 6_000) + 1)
        wrong = ["bogus"] if option.get("choices") else [longest]
        wrong += [""] if option.get("min_length") else []
        values: list[Any] = [*wrong, 7, True, None, ["x"]]
    elif kind == _INTEGER:
        bounds = [2**63, -(2**63) - 1, 2**53 + 1]
        beyond = [
            option[key] + by for key, by in (("min_value", -1), ("max_value", 1)) if key in option
        ]
        values = [*bounds, *beyond, "7", 1.5, True, None]
    elif kind == _BOOLEAN:
        values = ["yes", 1, None]
    else:
        values = list(_UNKNOWN)
    yield from ((kind, value) for value in values)
    yield (_BOOLEAN, True) if kind != _BOOLEAN else (_STRING, "yes")


def leaves(command: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Commands that can be used: path, and options."""
    path = (*path, command["name"])
    options = command.get("options") or []
    inner = [one for one in options if one["type"] < _STRING]
    for one in inner:
        yield from leaves(one, path)
    if not inner:
        yield path, options


def data_of(path: tuple[str, ...], option: dict[str, Any] | None, **data: Any) -> dict[str, Any]:
    """Interaction data of a command that a modified client sends."""
    name, *inner = path
    options = [option] if option is not None else []
    for depth, part in enumerate(reversed(inner)):
        options = [{"name": part, "type": 2 if depth else 1, "options": options}]
    return {"id": "1", "name": name, "type": 1, "options": options, "resolved": {}, **data}


async def use(
    world: World,
    actor: MemberActor,
    path: tuple[str, ...],
    option: dict[str, Any] | None,
    **data: Any,
) -> InteractionResult:
    record, payload = base_payload(
        world.env.backend,
        type=_COMMAND,
        channel_id=world.general.id,
        guild_id=actor.guild.id,
        user_id=actor.id,
        data=data_of(path, option, **data),
    )
    world.env.backend.emit("INTERACTION_CREATE", payload)
    await world.env.settle()
    return InteractionResult(world.env, record)


async def test_a_forged_value_of_any_option_ends_in_a_sentence(
    world: World, payload: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    accepted, count, kinds = [], 0, set[int]()
    for path, options in (leaf for command in payload for leaf in leaves(command)):
        for option in options:
            for kind, value in forged(option):
                sent = {"name": option["name"], "type": kind, "value": value}
                count += 1
                if misfit(world.bot.tree, data_of(path, sent)) != option["name"]:
                    accepted.append((path, sent))
            if option["type"] not in kinds:
                kinds.add(option["type"])
                told = everything(await use(world, world.admin, path, sent))
                assert told == english(error_messages.OPTION_MISFIT, option=option["name"])

    assert accepted == []
    assert count > 100
    assert len(kinds) > 4
    assert not world.env.errors
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert b"commonplace_errors_total{" not in await world.bot.exposition()


async def test_invalid_channels_and_messages_end_in_sentences(world: World) -> None:
    channel = {"id": "77", "type": _CATEGORY, "name": "x", "permissions": "0", "guild_id": "1"}
    sent = {"name": "channel", "type": 7, "value": "77"}

    told = await use(
        world, world.admin, ("source", "add"), sent, resolved={"channels": {"77": channel}}
    )
    asked = await use(world, world.admin, ("Ask about this",), None, type=3, target_id="5")

    assert everything(told) == english(error_messages.OPTION_MISFIT, option="channel")
    assert everything(asked) == error_messages.COMMAND_CHANGED.english
    # discord.py hands over what stops a command, and simcord keeps it.
    assert world.env.errors
