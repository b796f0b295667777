"""Error handling of interactions: one sentence for the member, and an id that is in the log.

Errors in buttons, forms and listeners go to the client's one handler, as those of commands do:
discord.py only logs an exception in a button's callback, and the member sees "This interaction
failed" with nothing to report.
"""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiohttp
import discord

from bot.interactions.kit import inbox
from bot.interactions.kit.retries import ACKNOWLEDGED
from bot.interactions.services import Interaction
from bot.text import error_messages

# What a request to Discord can fail with: it says no, is not there, or the connection ends.
UNREACHED: Final = (discord.HTTPException, aiohttp.ClientError, OSError)

# A form must be the first response, within three seconds; two things are looked up for some.
_PATIENCE_SECONDS: Final = 1.2
_TOO_MANY_REQUESTS: Final = 429
_BROKEN: Final = 500

_P = ParamSpec("_P")
_Self = TypeVar("_Self")

_logger = logging.getLogger(__name__)

_Callback = Callable[Concatenate[_Self, Interaction, _P], Awaitable[None]]


class BusyError(Exception):
    """What a form needs can't be looked up before Discord stops waiting."""


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
        raise BusyError(error_messages.BUSY.english) from error


def worth_retrying(error: BaseException) -> bool:
    """Whether the same request may be taken later: Discord was busy, broken or out of reach."""
    if not isinstance(error, discord.HTTPException):
        return True
    return error.status >= _BROKEN or error.status == _TOO_MANY_REQUESTS


def explained(callback: _Callback[_Self, _P]) -> Callable[..., Any]:
    """Make a callback for those who are served alone, whose exceptions the client explains."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: Interaction, *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        try:
            if await interaction.client.admits(interaction):
                await callback(self, interaction, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            await interaction.client.explain(interaction, error)
        await inbox.done(interaction)

    return wrapped


async def say(interaction: Interaction, sentence: str, **more: Any) -> None:
    """Say something to the member alone, also where the interaction was answered already."""
    try:
        if not interaction.response.is_done():
            try:
                await interaction.response.send_message(sentence, ephemeral=True, **more)
            except discord.HTTPException as failure:
                # An earlier response reached Discord although Discord said that it did not.
                if failure.code != ACKNOWLEDGED:
                    raise
            else:
                return
        if not await _in_place(interaction, sentence, **more):
            await interaction.followup.send(sentence, ephemeral=True, **more)
    except UNREACHED as failure:
        # The interaction may have expired; the log has the error already.
        _logger.warning("The member could not be told: %s", failure)


async def _in_place(interaction: Interaction, sentence: str, **more: Any) -> bool:
    """Say it in the place of a private *thinking…*; a public one is taken away.

    The first message that follows a *thinking…* takes its place, and is seen by whoever sees that.
    """
    if interaction.response.type is not discord.InteractionResponseType.deferred_channel_message:
        return False
    original = await interaction.original_response()
    if not original.flags.loading:
        return False
    if not original.flags.ephemeral:
        await interaction.delete_original_response()
        return False
    if "file" in more:
        more["attachments"] = [more.pop("file")]
    await interaction.edit_original_response(content=sentence, **more)
    return True
