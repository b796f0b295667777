"""Limits of HTTP servers: host names, tokens, rate, concurrency, bytes, seconds.

The limits are ASGI middleware, so a refused request never reaches MCP or the HTTP interface.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.config.host_names import host_without_port
from bot.programs.http_server import Refuse, Tokens, send_problem

# A question of 2,000 characters has at most 24,000 bytes if each is escaped.
BODY_BYTES: Final = 32 * 1024
# Concurrent requests: twice the worker's batch.
AT_ONCE: Final = 64
# Retry-After for a refusal because of concurrency.
_TRY_AGAIN_SECONDS: Final = 1
ANSWER_SECONDS: Final = 30.0
# Burst, in seconds of the average rate.
_BURST_SECONDS: Final = 2


@dataclass(slots=True)
class RateLimit:
    """Token bucket: an average rate, and bursts of two seconds' requests. The rate 0 is no limit.

    Source:
        The token bucket of RFC 2697, with one rate.
    """

    per_second: float
    clock: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self._most
        self._at = self.clock()

    @property
    def _most(self) -> float:
        return max(self.per_second * _BURST_SECONDS, 1.0)

    def seconds_until_next(self) -> float:
        """Take a token and return 0, or return the seconds until a token is free."""
        if not self.per_second:
            return 0.0
        now = self.clock()
        self._left = min(self._most, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self.per_second
        self._left -= 1
        return 0.0


@dataclass(slots=True)
class Limited:
    """Middleware that refuses other host names, unknown tokens, and requests above the limits.

    Each token has its own rate `per_second`. Names in `hosts` are in lower case; none mean any.
    `seconds` is the deadline to read and answer a request.
    """

    app: ASGIApp
    tokens: Tokens
    hosts: Collection[str]
    per_second: float
    at_once: int = AT_ONCE
    seconds: float = ANSWER_SECONDS
    clock: Callable[[], float] = time.monotonic
    refuse: Refuse = send_problem
    _rates: list[RateLimit] = field(init=False)
    _running: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._rates = [RateLimit(self.per_second, self.clock) for _ in self.tokens.known]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None:
            status, detail, headers = refused
            # The body isn't read, so the connection must be closed.
            await self.refuse(send, status, detail, {**headers, **_CLOSE})
            return
        self._running += 1
        try:
            await self._in_time(scope, receive, send)
        finally:
            self._running -= 1

    def _refusal(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        """Return status, detail and headers of a refusal, or None."""
        if self.hosts and _host(scope) not in self.hosts:
            detail = "This server has another name: the Host header must have one that it knows."
            return 421, detail, {}
        holder = self.tokens.holder(scope)
        if holder is None:
            detail = "Send the token of this server as `Authorization: Bearer …`."
            return 401, detail, {"www-authenticate": "Bearer"}
        if wait := self._rates[holder].seconds_until_next():
            seconds = math.ceil(wait)
            detail = (
                f"More than {self.per_second:g} requests a second were sent with this token: go on "
                f"in {seconds} s, and more slowly."
            )
            return 429, detail, {"retry-after": str(seconds)}
        if self._running >= self.at_once:
            detail = f"{self.at_once} requests are being answered already: try again in a second."
            return 503, detail, {"retry-after": str(_TRY_AGAIN_SECONDS)}
        if _content_length(scope) > BODY_BYTES:
            return 413, _TOO_LARGE, {}
        return None

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, started = _Body(receive, whole=not has_body(scope)), False

        async def answer(message: Message) -> None:
            nonlocal started
            if not started and not body.whole:
                # Otherwise a slow rest of the body could keep the connection open.
                message = {**message, "headers": [*message["headers"], CLOSE]}
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self.seconds):
                await self.app(scope, body.receive, answer)
        except TimeoutError:
            if started:
                raise
            if body.whole:
                detail = f"There was no answer within {self.seconds:g} seconds."
                await self.refuse(answer, 504, detail, {})
            else:
                detail = f"The request had not come within {self.seconds:g} seconds."
                await self.refuse(answer, 408, detail, {})


_CLOSE: Final = {"connection": "close"}
CLOSE: Final = (b"connection", b"close")
_TOO_LARGE: Final = f"A request has at most {BODY_BYTES:,} bytes."


@dataclass(slots=True)
class _Body:
    """Reads a request's body up to the size limit; `whole` tells whether its end has arrived."""

    source: Receive
    whole: bool
    _bytes: int = 0

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self.source()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.whole |= not message.get("more_body", False)
            if self._bytes > BODY_BYTES:
                raise HTTPException(413, _TOO_LARGE)
        return message


def _host(scope: Scope) -> str:
    headers = [value for name, value in scope["headers"] if name == b"host"]
    return host_without_port([value.decode("latin-1") for value in headers])


def has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"transfer-encoding" in names or _content_length(scope) > 0


def _content_length(scope: Scope) -> int:
    length: bytes = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
