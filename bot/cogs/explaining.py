"""Errors in buttons, forms and listeners go to the client's one handler, as commands' errors do.

discord.py only logs an exception in a button's callback, and the member sees «This interaction
failed» with nothing to report.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiohttp
import discord

from bot import wording

# What a request to Discord can fail with: it says no, is not there, or the connection ends.
UNREACHED: Final = (discord.HTTPException, aiohttp.ClientError, OSError)

# A form must be the first response, within three seconds; two things are looked up for some.
_PATIENCE_SECONDS: Final = 1.2
_TOO_MANY_REQUESTS: Final = 429
_BROKEN: Final = 500

_P = ParamSpec("_P")
_Self = TypeVar("_Self")

_Callback = Callable[Concatenate[_Self, discord.Interaction[Any], _P], Awaitable[None]]


class BusyError(Exception):
    """What a form is to be opened with can't be looked up in time."""


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Look up what a form is opened with, or say in time that it is worth trying again.

    Raises:
        BusyError: if it takes so long that Discord would give the interaction up.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            yield
    except TimeoutError as error:
        raise BusyError(wording.BUSY) from error


def worth_retrying(error: BaseException) -> bool:
    """Whether the same request may be taken later: Discord was busy, broken or out of reach."""
    if not isinstance(error, discord.HTTPException):
        return True
    return error.status >= _BROKEN or error.status == _TOO_MANY_REQUESTS


def explained(callback: _Callback[_Self, _P]) -> Callable[..., Any]:
    """Make a callback that stopping waits for, and whose exceptions the client explains."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: discord.Interaction[Any], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        interaction.client.take()
        try:
            await callback(self, interaction, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            await interaction.client.explain(interaction, error)

    return wrapped
