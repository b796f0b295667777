"""Text options of commands declare their longest value, and a longer one breaks nothing."""

from collections.abc import Iterator
from typing import Any

from bot.text import error_messages
from tests.bot.message_parts import everything
from tests.bot.world import World

TEXT = 3
_FAILED = error_messages.FAILED.english.partition("{")[0]


def options(
    command: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """The text options that are typed: each with its command, and what else that needs."""
    path = f"{path} {command['name']}".strip()
    needed = {
        one["name"]: one["choices"][0]["value"] if one.get("choices") else "model"
        for one in command.get("options") or []
        if one["type"] == TEXT and one.get("required")
    }
    for option in command.get("options") or []:
        if option["type"] == TEXT and not option.get("choices"):
            yield path, option, needed
        elif option["type"] < TEXT:
            yield from options(option, path)


def test_each_text_option_has_a_maximum_length(payload: list[dict[str, Any]]) -> None:
    typed = [found for command in payload for found in options(command)]
    assert len(typed) > 7
    assert [f"/{path} {one['name']}" for path, one, _ in typed if not one.get("max_length")] == []


async def test_longest_options_end_in_a_sentence(
    world: World, payload: list[dict[str, Any]]
) -> None:
    typed = [found for command in payload for found in options(command)]
    for command, option, needed in typed:
        given: dict[str, Any] = {**needed, option["name"]: "*" * option["max_length"]}
        result = await world.admin.slash(world.general, command, **given)
        assert _FAILED not in everything(result), (command, option["name"])
        assert not world.env.errors
