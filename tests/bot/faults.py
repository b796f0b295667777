"""Faults of Discord's that tests bring about: what it answers, and where the bot may not write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest

from tests.bot.world import World

# What Discord answers: HTTP status and code.
BROKEN = [
    pytest.param(500, 0, id="broken"),
    pytest.param(503, 0, id="not there"),
    pytest.param(429, 0, id="busy"),
]
UNKNOWN_INTERACTION = 10062
EXPIRED = [
    pytest.param(404, UNKNOWN_INTERACTION, id="unknown interaction"),
    pytest.param(404, 10015, id="unknown webhook"),
    pytest.param(401, 50027, id="token expired"),
]


def fail(world: World, method: str, path: str, error: tuple[int, int]) -> None:
    """Let the next such request fail."""
    world.env.inject_error(method, path, status=error[0], code=error[1])


@asynccontextmanager
async def silent(world: World, **denied: bool) -> AsyncIterator[Any]:
    """A channel in which the bot may not do everything."""
    yield world.guild.create_text_channel(
        "silent", overwrites={world.bot_role: discord.PermissionOverwrite(**denied)}
    )
