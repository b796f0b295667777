"""Error handling of interactions: every failed callback ends in the client's one handler.

discord.py only logs an exception in a button's callback, and the member reads "This interaction
failed" without an explanation.
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

# Failures of a request to Discord: refused, unavailable, or disconnected.
UNREACHED: Final = (discord.HTTPException, aiohttp.ClientError, OSError)

# A form must be the first response, within three seconds. All lookups before it share this time.
_PATIENCE_SECONDS: Final = 2.0
# Key in `Interaction.extras`: the end of this time, by the event loop's clock.
_UNTIL: Final = "until"
_TOO_MANY_REQUESTS: Final = 429
_BROKEN: Final = 500

_P = ParamSpec("_P")
_Self = TypeVar("_Self")

_logger = logging.getLogger(__name__)

_Callback = Callable[Concatenate[_Self, Interaction, _P], Awaitable[None]]


class BusyError(Exception):
    """A lookup before the first response took too long."""


@asynccontextmanager
async def in_time(interaction: Interaction) -> AsyncIterator[None]:
    """Set a deadline for lookups before the first response, because Discord waits three seconds.

    The time begins with the interaction's first lookup.

    Raises:
        BusyError: if the lookups take too long.
    """
    begun = asyncio.get_running_loop().time()
    until = interaction.extras.setdefault(_UNTIL, begun + _PATIENCE_SECONDS)
    try:
        async with asyncio.timeout_at(until):
            yield
    except TimeoutError as error:
        raise BusyError(error_messages.BUSY.english) from error


def worth_retrying(error: BaseException) -> bool:
    """Whether the same request may succeed later: Discord was busy, broken or unreachable."""
    if not isinstance(error, discord.HTTPException):
        return True
    return error.status >= _BROKEN or error.status == _TOO_MANY_REQUESTS


def explain_errors(callback: _Callback[_Self, _P]) -> Callable[..., Any]:
    """Run a component's callback if the client admits it, and let the client explain errors."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: Interaction, *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        try:
            if await interaction.client.admits(interaction):
                await callback(self, interaction, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - passed to the one broad handler
            await interaction.client.explain(interaction, error)
        await inbox.delete_record(interaction)

    return wrapped


async def say(interaction: Interaction, sentence: str, **more: Any) -> None:
    """Send the member an ephemeral message, even if the interaction was answered already."""
    try:
        if not interaction.response.is_done():
            try:
                await interaction.response.send_message(sentence, ephemeral=True, **more)
            except discord.HTTPException as failure:
                # Discord accepted an earlier response although it reported an error.
                if failure.code != ACKNOWLEDGED:
                    raise
            else:
                return
        if not await _replace_thinking(interaction, sentence, **more):
            await interaction.followup.send(sentence, ephemeral=True, **more)
    except UNREACHED as failure:
        # The interaction may have expired; the error is logged already.
        _logger.warning("A message to a member failed: %s", failure)


async def _replace_thinking(interaction: Interaction, sentence: str, **more: Any) -> bool:
    """Replace a private *thinking…* with the sentence; return False if there was none.

    A public *thinking…* is deleted. Otherwise Discord would replace it with the next follow-up, and
    everybody would see this follow-up.
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
