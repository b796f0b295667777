"""Descriptions of commands, options and choices in the languages of Discord's clients."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.interactions.kit.localisation import described
from bot.process import command_sync as leader
from bot.process.client import Bot
from knowledge.connectors.kinds import KINDS
from tests.bot.english import CODE, in_english
from tests.bot.world import World, parts

PROPER_NAMES = {"English", "Deutsch", *(kind.name for kind in KINDS.values())}


def test_everything_that_is_described_is_described_in_german_too(
    payload: list[dict[str, Any]],
) -> None:
    said: list[tuple[str, dict[str, str]]] = []
    for part in (part for command in payload for part in parts(command)):
        if part.get("description"):
            said.append((part["description"], part["description_localizations"]))
        elif "value" in part and part["name"] not in PROPER_NAMES:
            said.append((part["name"], part["name_localizations"]))
    assert len(said) > 80
    assert [english for english, others in said if set(others) != {"de"}] == []
    assert all(english != others["de"] for english, others in said)
    assert in_english([CODE.sub("", others["de"]) for _, others in said]) == []


def test_names_are_the_same_in_every_language(payload: list[dict[str, Any]]) -> None:
    named = [part for command in payload for part in parts(command) if "value" not in part]
    assert [part["name"] for part in named if part.get("name_localizations")] == []


async def test_a_description_that_changed_in_german_alone_is_sent_on_the_next_start(
    world: World, new_bot: Callable[[], Bot], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await world.core(lambda core: core.store.recall(leader.COMMANDS_DIGEST))
    await world.bot.close()
    bot = new_bot()
    bot.tree.command(name="more", description=described("rejected"))(_nothing)
    await world.restart(bot)
    first = await world.core(lambda core: core.store.recall(leader.COMMANDS_DIGEST))
    await world.bot.close()
    bot = new_bot()
    bot.tree.command(name="more", description=described("rejected", "event"))(_nothing)
    await world.restart(bot)

    assert (
        len(
            {
                known,
                first,
                await world.core(lambda core: core.store.recall(leader.COMMANDS_DIGEST)),
            }
        )
        == 3
    )


async def _nothing(interaction: Any) -> None:
    """Nobody uses it."""
