"""Retries of requests whose response was lost, idempotent so that nothing is sent twice.

discord.py tries again after most errors of Discord's, and gives up where a connection breaks. What
was sent may have been taken then. An interaction says of a second response that there is one; a
message is sent with a nonce, by which Discord knows it again; an edit may be done twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp
import discord

from bot.interactions.discord_internals import WebhookAdapter, use_webhook_adapter

_T = TypeVar("_T")

# Short, because a member's client waits three seconds in all for the first response.
PAUSES: Final = (0.2, 0.8)

ACKNOWLEDGED: Final = 40060
_UNAVAILABLE: Final = 503

# A connection that can't be made, is cut, or says nothing any more.
LOST: Final = (aiohttp.ClientError, OSError)


async def resent(send: Callable[[], Awaitable[_T]]) -> _T:
    """Send, and if the connection broke or Discord was not there, send again.

    What is sent must carry a nonce, or be an edit.
    """
    for pause in PAUSES:
        try:
            return await send()
        except LOST:
            await asyncio.sleep(pause)
        except discord.DiscordServerError as error:
            # After the others discord.py has tried again for long enough.
            if error.status != _UNAVAILABLE:
                raise
            await asyncio.sleep(pause)
    return await send()


class ResendingAdapter(WebhookAdapter):
    """What discord.py sends by an interaction's token: responses, edits, further messages."""

    async def request(self, route: Any, session: aiohttp.ClientSession, **sent: Any) -> Any:
        """Send; a response that was taken before its answer was lost counts as taken."""

        async def send() -> Any:
            return await super(ResendingAdapter, self).request(route, session, **sent)

        if not route.path.endswith("/callback"):
            return await _resent_if_lost(send)
        try:
            return await _resent_if_lost(send)
        except discord.HTTPException as error:
            if error.code != ACKNOWLEDGED:
                raise
        # As much of Discord's answer as is known; the interaction's id is where a webhook's is.
        return {"interaction": {"id": route.webhook_id, "type": 0}}


async def _resent_if_lost(send: Callable[[], Awaitable[_T]]) -> _T:
    """Send again what a broken connection lost; discord.py itself does it after errors."""
    for pause in PAUSES:
        try:
            return await send()
        except LOST:
            await asyncio.sleep(pause)
    return await send()


def resend() -> None:
    """Let everything that this task and those that it starts send by a token be sent again."""
    use_webhook_adapter(ResendingAdapter())  # type: ignore[no-untyped-call]
