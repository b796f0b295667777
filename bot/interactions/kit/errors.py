"""Error handling of interactions: one sentence for the member, and an id that is in the log.

Errors in buttons, forms and listeners go to the client's one handler, as those of commands do:
discord.py only logs an exception in a button's callback, and the member sees "This interaction
failed" with nothing to report.
"""

import asyncio
import functools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiohttp
import discord

from bot.core.worker import WorkerBusyError, WorkerStoppedError
from bot.interactions.kit import inbox
from bot.interactions.kit.retries import ACKNOWLEDGED
from bot.interactions.policy.flood_control import Limit, TooFastError
from bot.interactions.services import Interaction
from bot.text import error_messages
from indexer.embedding.embedder import ModelError
from indexer.index.database import IndexError_
from knowledge.store.database import StoreError, is_away
from knowledge.store.derived_tables import DerivedTablesError
from knowledge.values.guilds import Language

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
_Command = Callable[Concatenate[_Self, Interaction, _P], Coroutine[Any, Any, None]]


class BusyError(Exception):
    """What a form needs can't be looked up before Discord stops waiting."""


# What is explained by its own message and is no defect.
EXPLAINED: Final = (
    BusyError,
    IndexError_,
    ModelError,
    DerivedTablesError,
    StoreError,
    WorkerBusyError,
    WorkerStoppedError,
)


_TOO_FAST: Final = {
    Limit.MEMBER: error_messages.TOO_FAST,
    Limit.WAITING: error_messages.STILL_ANSWERING,
    Limit.GUILD: error_messages.TRY_AGAIN,
    Limit.QUOTA: error_messages.QUESTIONS_USED_UP,
}


def explanation(error: BaseException, language: Language = Language.ENGLISH) -> str:
    """One sentence about an error: its own, or an id that stands in the log."""
    if isinstance(error, BusyError):
        _logger.warning("%s", error)
        return error_messages.BUSY(language)
    if isinstance(error, TooFastError):
        when = f"<t:{int(time.time()) + error.seconds}:R>"
        return _TOO_FAST[error.reason](language, seconds=error.seconds, when=when)
    if isinstance(error, WorkerBusyError):
        _logger.warning("%s", error)
        return error_messages.TRY_AGAIN(language, seconds=error.seconds)
    if isinstance(error, EXPLAINED):
        _logger.warning("%s", error)
        if is_away(error):
            return error_messages.DATABASE_AWAY(language)
        return error_messages.EXPLAINED(language, reason=error)
    error_id = secrets.token_hex(4)
    known = {"error_id": error_id, "kind": type(error).__name__}
    _logger.error("Something went wrong.", exc_info=error, extra=known)
    return error_messages.FAILED(language, error_id=error_id)


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


def unless_too_fast(callback: _Command[_Self, _P]) -> _Command[_Self, _P]:
    """Decorate a command that takes a question; a member who asks too fast is told each time."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: Interaction, /, *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        bot = interaction.client
        try:
            with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
                await callback(self, interaction, *args, **kwargs)
        except TooFastError as error:
            # An exception would count as a failed command.
            await bot.explain(interaction, error)

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
