"""Forged custom ids: every word of a format with chosen numbers, and batches of them to send."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

from simcord import InteractionResult

from bot.interactions.kit.buttons import NONCE, NUMBER, CustomId, Part
from tests.bot.world import World

_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.01


def forgeries(ids: CustomId, number: str, nonce: str = "ab") -> Iterator[str]:
    """Every id of a format with this number wherever it has one, and where it has any text."""
    choices = [_choices(part, number, nonce) for part in ids.parts.values()]
    for chosen in product(*choices):
        yield ":".join([ids.prefix, *chosen])


def _choices(part: Part, number: str, nonce: str) -> list[str]:
    if part is NONCE:
        return [nonce]
    if part.pattern == NUMBER:
        return [number]
    if part.pattern.startswith("["):
        return ["any"] if "a-z" in part.pattern else [number]
    return part.pattern.split("|")


async def settled(world: World, results: Sequence[InteractionResult]) -> None:
    """Wait until the bot has answered many interactions and is idle.

    `Env.settle` alone inspects every unfinished task again after each one that ends.
    """
    async with asyncio.timeout(_SECONDS):
        while any(  # noqa: ASYNC110 - simcord has no event for it
            not one.acknowledged or one._interaction.loading for one in results
        ):
            await asyncio.sleep(_POLL_SECONDS)
    await world.env.settle()
