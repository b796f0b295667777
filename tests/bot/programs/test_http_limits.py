"""Limits before the HTTP interface: rate, requests at once, seconds."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.programs.http_limits import Limited, RateLimit
from bot.programs.http_server import Tokens

FIRST, SECOND = "first-token-of-two", "second-token-of-two"
TOKENS = Tokens((FIRST.encode(), SECOND.encode()))


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_allows_a_burst_first() -> None:
    clock = Clock()
    limit = RateLimit(5, clock)
    assert [limit.seconds_until_next() for _ in range(10)] == [0.0] * 10
    assert round(limit.seconds_until_next(), 6) == 0.2
    clock.now += 0.2
    assert limit.seconds_until_next() == 0
    assert limit.seconds_until_next() > 0
    clock.now += 1_000
    assert sum(limit.seconds_until_next() == 0 for _ in range(100)) == 10


def test_a_rate_of_zero_is_unlimited() -> None:
    limit = RateLimit(0, Clock())
    assert not any(limit.seconds_until_next() for _ in range(10_000))


async def _ok(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def _client(app: ASGIApp, token: str = FIRST) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_each_token_has_its_own_rate() -> None:
    clock = Clock()
    app = Limited(_ok, TOKENS, (), per_second=1, clock=clock)
    async with _client(app) as one, _client(app, SECOND) as other:
        assert [(await one.get("/")).status_code for _ in range(3)] == [204, 204, 429]
        refused = await one.get("/")
        assert refused.headers["retry-after"] == "1"
        assert "1 requests a second" in refused.json()["detail"]
        assert (await other.get("/")).status_code == 204
        clock.now += 1
        assert (await one.get("/")).status_code == 204


async def test_requests_without_a_token_use_up_no_rate() -> None:
    app = Limited(_ok, TOKENS, (), per_second=1, clock=Clock())
    async with _client(app, "x" * 20) as stranger, _client(app) as one:
        assert {(await stranger.get("/")).status_code for _ in range(10)} == {401}
        assert (await one.get("/")).status_code == 204


async def test_too_many_concurrent_requests_are_told_to_retry() -> None:
    go_on, entered = asyncio.Event(), asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await go_on.wait()
        await _ok(scope, receive, send)

    app = Limited(waits, TOKENS, (), per_second=0, at_once=1)
    async with _client(app) as client:
        first = asyncio.create_task(client.get("/"))
        await entered.wait()
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        go_on.set()
        assert (await first).status_code == 204
        assert (await client.get("/")).status_code == 204


async def test_a_late_answer_or_body_times_out() -> None:
    cancelled = asyncio.Event()

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with _client(Limited(never, TOKENS, (), per_second=0, seconds=0.01)) as client:
        assert (await client.get("/")).status_code == 504
    assert cancelled.is_set()
    async with _client(Limited(_ok, TOKENS, (), per_second=0, seconds=0.01)) as client:
        assert (await client.post("/", content=slowly())).status_code == 408


async def test_only_a_token_with_a_request_keeps_a_connection() -> None:
    async def unread(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})

    app = Limited(unread, TOKENS, (), per_second=0)
    async with _client(app) as one, _client(app, "x" * 20) as stranger:
        ended = [
            (await client.request(method, "/", content=content)).headers.get("connection")
            for client in (one, stranger)
            for method, content in (("GET", b""), ("POST", b"unread"))
        ]
    assert ended == [None, "close", "close", "close"]
