"""Retries of requests after a lost response, without sending anything twice.

discord.py retries most errors, but gives up on a broken connection, although Discord may have taken
the request. Repeating the request is safe: Discord refuses a second interaction response,
recognizes a message by its nonce, and takes an edit twice without harm.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import aiohttp
import discord

from bot.interactions.kit.discord_internals import WebhookAdapter, webhook_adapter

_T = TypeVar("_T")

# Short, because a member's client waits three seconds in all for the first response.
PAUSES: Final = (0.2, 0.8)
# Of replies to messages: no client waits for them, and nothing sends them again later.
REPLY_PAUSES: Final = (*PAUSES, 2.0, 5.0)

ACKNOWLEDGED: Final = 40060
# Discord's codes for a missing message and a missing Read Message History.
_NO_REFERENCE: Final = frozenset({50035, 160002})
_BROKEN: Final = 500
_UNAVAILABLE: Final = 503

# A connection that failed, broke or timed out.
LOST: Final = (aiohttp.ClientError, OSError)


async def send_with_retries(
    send: Callable[[], Awaitable[_T]], pauses: Sequence[float] = PAUSES
) -> _T:
    """Send, and retry if the connection broke or Discord was unavailable.

    Only for idempotent requests: an edit, or a message with a nonce.
    """
    for pause in pauses:
        try:
            return await send()
        except LOST:
            await asyncio.sleep(pause)
        except discord.DiscordServerError as error:
            # discord.py retried the other errors long enough.
            if error.status != _UNAVAILABLE:
                raise
            await asyncio.sleep(pause)
    return await send()


async def reply_once(message: discord.Message, **shown: Any) -> discord.Message:
    """Reply to a message once, by a nonce; without a reference if Discord refuses it."""
    reference = message.to_reference(fail_if_not_exists=False)
    send = functools.partial(
        message.channel.send,
        mention_author=False,
        nonce=f"r-{message.id}",
        **shown,
    )
    try:
        return await send_with_retries(functools.partial(send, reference=reference), REPLY_PAUSES)
    except discord.HTTPException as error:
        if error.code not in _NO_REFERENCE:
            raise
        return await send_with_retries(send, REPLY_PAUSES)


class ResendingAdapter(WebhookAdapter):
    """Webhook adapter with retries of interaction responses, edits and follow-ups."""

    async def request(self, route: Any, session: aiohttp.ClientSession, **sent: Any) -> Any:
        """Send a request, and send it again if the connection broke.

        Discord may have taken an interaction response before the connection broke. Discord then
        refuses the repeated response as already acknowledged; this refusal counts as success.
        """

        async def send(through: Any = session) -> Any:
            for file in sent.get("files") or ():
                # discord.py rewinds files only for its own retries.
                file.reset()
            return await super(ResendingAdapter, self).request(route, through, **sent)

        if not route.path.endswith("/callback"):
            return await _resent_if_lost(send)
        try:
            return await _resent_if_lost(send, functools.partial(send, _QuickSession(session)))
        except discord.HTTPException as error:
            if error.code != ACKNOWLEDGED:
                raise
        # The part of Discord's response that is known: the route's webhook id is the interaction's.
        return {"interaction": {"id": route.webhook_id, "type": 0}}


class _QuickSession:
    """HTTP session that turns server errors into broken connections, which are soon retried.

    discord.py would wait one second after the first error and three after the second: too long for
    a first response.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def request(self, *args: Any, **sent: Any) -> Any:
        return self._session.request(*args, **sent, raise_for_status=_raise_if_broken)


async def _raise_if_broken(response: aiohttp.ClientResponse) -> None:
    if response.status >= _BROKEN:
        response.raise_for_status()


async def _resent_if_lost(
    send: Callable[[], Awaitable[_T]], send_first: Callable[[], Awaitable[_T]] | None = None
) -> _T:
    """Send, and send again if the connection broke; discord.py itself retries after other errors.

    If given, `send_first` replaces `send` in all attempts but the last. It must fail soon, as
    `_QuickSession` does, so that time is left for the next attempt.
    """
    for pause in PAUSES:
        try:
            return await (send_first or send)()
        except LOST:
            await asyncio.sleep(pause)
    return await send()


def retry_token_requests() -> None:
    """Retry all requests with an interaction's token, in this task and in tasks it starts."""
    webhook_adapter.set(ResendingAdapter())  # type: ignore[no-untyped-call]
