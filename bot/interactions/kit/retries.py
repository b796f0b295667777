"""Retries of requests whose response was lost, idempotent so that nothing is sent twice.

discord.py tries again after most errors of Discord's, and gives up where a connection breaks. What
was sent may have been taken then. An interaction says of a second response that there is one; a
message is sent with a nonce, by which Discord knows it again; an edit may be done twice.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp
import discord

from bot.interactions.kit.discord_internals import WebhookAdapter, use_webhook_adapter

_T = TypeVar("_T")

# Short, because a member's client waits three seconds in all for the first response.
PAUSES: Final = (0.2, 0.8)

ACKNOWLEDGED: Final = 40060
# Discord's codes for a reply to what is not there, and without Read Message History.
_NO_REFERENCE: Final = frozenset({50035, 160002})
_BROKEN: Final = 500
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


async def reply_once(message: discord.Message, **shown: Any) -> discord.Message:
    """Answer a message once, also where it has been deleted meanwhile, or may not be referred to.

    Whatever becomes of the connection: Discord takes the nonce once.
    """
    reference = message.to_reference(fail_if_not_exists=False)
    send = functools.partial(
        message.channel.send,
        mention_author=False,
        nonce=f"r-{message.id}",
        **shown,
    )
    try:
        return await resent(functools.partial(send, reference=reference))
    except discord.HTTPException as error:
        if error.code not in _NO_REFERENCE:
            raise
        return await resent(send)


class ResendingAdapter(WebhookAdapter):
    """What discord.py sends by an interaction's token: responses, edits, further messages."""

    async def request(self, route: Any, session: aiohttp.ClientSession, **sent: Any) -> Any:
        """Send; a response that was taken before its answer was lost counts as taken."""

        async def send(through: Any = session) -> Any:
            for file in sent.get("files") or ():
                # discord.py rewinds for attempts of its own alone; at its end a file is empty.
                file.reset()
            return await super(ResendingAdapter, self).request(route, through, **sent)

        if not route.path.endswith("/callback"):
            return await _resent_if_lost(send)
        try:
            return await _resent_if_lost(send, functools.partial(send, _Impatient(session)))
        except discord.HTTPException as error:
            if error.code != ACKNOWLEDGED:
                raise
        # As much of Discord's answer as is known; the interaction's id is where a webhook's is.
        return {"interaction": {"id": route.webhook_id, "type": 0}}


class _Impatient:
    """A session in which an error of Discord's counts as a broken connection.

    discord.py waits a second after the first of them and three after the next: a member's client
    does not wait so long for the first response.
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
    """Send again what a broken connection lost; discord.py itself does it after errors.

    With `send_first`, that is how it is sent until the last time.
    """
    for pause in PAUSES:
        try:
            return await (send_first or send)()
        except LOST:
            await asyncio.sleep(pause)
    return await send()


def resend() -> None:
    """Let everything that this task and those that it starts send by a token be sent again."""
    use_webhook_adapter(ResendingAdapter())  # type: ignore[no-untyped-call]
