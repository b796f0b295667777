"""Faults of Discord for tests: its error answers, and channels where the bot lacks permissions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord

from tests.bot.world import World

# Discord's answers, as HTTP status and code: broken, unavailable, busy.
BROKEN = [(500, 0), (503, 0), (429, 0)]
UNKNOWN_INTERACTION = 10062
# Unknown interaction, unknown webhook, expired token.
EXPIRED = [(404, UNKNOWN_INTERACTION), (404, 10015), (401, 50027)]


def fail(world: World, method: str, path: str, error: tuple[int, int]) -> None:
    """Let the next such request fail."""
    world.env.inject_error(method, path, status=error[0], code=error[1])


@asynccontextmanager
async def silent(world: World, **denied: bool) -> AsyncIterator[Any]:
    """A channel in which the bot may not do everything."""
    yield world.guild.create_text_channel(
        "silent", overwrites={world.bot_role: discord.PermissionOverwrite(**denied)}
    )
