"""An endpoint that does what a test says, and is strict about what it is sent.

Requests that OpenAI's interface would not take, or that hold what must never leave, are noted as
`complaints`, which are asserted to be none when the endpoint is closed.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs
from aiohttp import web

KEY: Final = "sk-scripted-0123456789"
MODEL: Final = "scripted-1"
Behaviour = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
_FIELDS: Final = ("model", "messages", "temperature", "response_format")
_NEVER_SENT: Final = ("<|", "<start_of_turn>", "[INST]", "http://", "https://", "<@", "\u200b", KEY)


@dataclass
class ScriptedEndpoint:
    """What it did and was sent; `bodies` are the requests as JSON, in order."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    key: str = KEY
    _next: deque[Behaviour] = field(default_factory=deque)
    _always: Behaviour | None = None

    def will(self, *behaviours: Behaviour) -> None:
        """Answer the next requests like this, one after another."""
        self._next.extend(behaviours)

    def always(self, behaviour: Behaviour) -> None:
        """Answer all other requests like this."""
        self._always = behaviour

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw)
            self._check(request, body)
        except Exception as error:
            self.complaints.append(repr(error))
            raise
        self.bodies.append(body)
        self.arrived.set()
        behaviour = self._next.popleft() if self._next else self._always
        if behaviour is None:
            self.complaints.append("a request that no test expects")
            return web.Response(status=500)
        return await behaviour(request, body)

    def _check(self, request: web.Request, body: dict[str, Any]) -> None:
        assert request.headers.get("Authorization") == (f"Bearer {self.key}" if self.key else None)
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Accept-Encoding"] == "identity"
        assert "Cookie" not in request.headers
        limit = "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        assert {*body, "temperature"} == {*_FIELDS, limit}
        assert body["model"] == MODEL
        assert body.get("temperature", 0) == 0
        assert 0 < body[limit] <= 1_000
        system, user = body["messages"]
        assert (system["role"], user["role"]) == ("system", "user")
        assert "JSON" in system["content"]
        for mark in _NEVER_SENT:
            assert mark not in user["content"], f"{mark} was sent"
        form = body["response_format"]
        if form["type"] == "json_schema":
            assert form["json_schema"]["strict"] is True
            jsonschema_rs.meta.validate(form["json_schema"]["schema"])
        else:
            assert form == {"type": "json_object"}
        sent(body)


def sent(body: dict[str, Any]) -> dict[str, Any]:
    """The data of a request: question and passages."""
    first, *inside, last = body["messages"][1]["content"].split("\n")
    assert first == last
    assert len(first) >= 16
    [line] = inside
    assert first not in line
    data: dict[str, Any] = json.loads(line)
    return data


def ids(body: dict[str, Any], containing: str = "") -> list[str]:
    """The ids of the sentences that were sent, of those that have some words in them."""
    return [
        key
        for passage in sent(body)["passages"]
        for key, text in passage["sentences"].items()
        if containing in text
    ]


def completion(content: str | None, *, finish_reason: str = "stop") -> dict[str, Any]:
    """A chat completion as OpenAI's interface has it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_764_140_000,
        # As llama.cpp has it.
        "model": "/srv/models/scripted.gguf",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 210, "completion_tokens": 17, "total_tokens": 227},
    }


def says(content: object, *, finish_reason: str = "stop") -> Behaviour:
    """Reply with a text, or with what is JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(text, finish_reason=finish_reason))

    return behave


def chooses(*containing: str, answers: bool = True) -> Behaviour:
    """Choose the sentences that have these words in them, in this order."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        found = [key for words in containing for key in ids(body, words)]
        text = json.dumps({"sentences": found, "answers": answers})
        return web.json_response(completion(text))

    return behave


def answers_with(reply: Callable[[dict[str, Any]], object]) -> Behaviour:
    """Reply with the JSON that is made of what was sent."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(json.dumps(reply(body))))

    return behave


def fails(status: int, body: str = "{}", **headers: str) -> Behaviour:
    """Answer with a status; `Retry_After` is the header `Retry-After`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def behave(request: web.Request, sent_body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(
            status=status, text=body, headers=named, content_type="application/json"
        )

    return behave


def refuses_schemas(otherwise: Behaviour) -> Behaviour:
    """Take no JSON schema, as many a server does."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if body["response_format"]["type"] == "json_schema":
            return web.json_response({"error": {"message": "unsupported"}}, status=400)
        return await otherwise(request, body)

    return behave


def refuses(field: str, said: str, otherwise: Behaviour) -> Behaviour:
    """Take no request with a field, and say so, as reasoning models do."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if field in body:
            return web.json_response({"error": {"message": said}}, status=400)
        return await otherwise(request, body)

    return behave


def waits(endpoint: ScriptedEndpoint, then: Behaviour) -> Behaviour:
    """Answer once the test says `released`."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await endpoint.released.wait()
        return await then(request, body)

    return behave


def drips(piece: bytes = b" ") -> Behaviour:
    """Answer for ever, one byte after another."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(0.01)

    return behave


def floods(size: int = 10_000_000) -> Behaviour:
    """Answer with so many bytes, without saying how many there will be."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(size // 50_000):
            await response.write(b"x" * 50_000)
        return response

    return behave


def sends_bytes(raw: bytes) -> Behaviour:
    """Send bytes in place of HTTP, and hang up."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.write(raw)
        transport.close()
        raise asyncio.CancelledError

    return behave


def says_as(content_type: str, content: str | bytes, **headers: str) -> Behaviour:
    """Answer with something of another type than JSON, or packed."""
    raw = content.encode() if isinstance(content, str) else content
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=raw, headers={"Content-Type": content_type, **named})

    return behave


@asynccontextmanager
async def scripted_endpoint(key: str = KEY) -> AsyncIterator[ScriptedEndpoint]:
    """An endpoint on a free port of this machine; `url` is the base of its interface."""
    endpoint = ScriptedEndpoint(key=key)
    application = web.Application()
    application.router.add_post("/v1/chat/completions", endpoint.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port, *_ = runner.addresses[0]
    endpoint.url = f"http://{host}:{port}/v1"
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        await runner.cleanup()
    assert endpoint.complaints == []
