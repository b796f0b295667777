"""The HTTP server: tokens, sockets, connections, and the command."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.cli.console import UNUSABLE
from bot.config.host_names import LOOPBACK
from bot.programs import http_server
from bot.programs.http_limits import Limited
from bot.programs.http_server import (
    MOST_WAITING,
    TOKEN_CHARACTERS,
    ServingError,
    Tokens,
    address_of_socket,
    open_socket,
    serve,
)
from knowledge.dependencies import install_hint
from tests.bot.programs.served_processes import GIVEN, ROOT, TOKEN, environment, served
from tests.fork_server import ForkServer

VARIABLE = "COMMONPLACE_SERVE_TOKEN"


def _scope(*given: bytes) -> Scope:
    return {"headers": [(b"authorization", value) for value in given]}


def test_only_configured_tokens_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{TOKEN}, another token of mine")
    tokens = Tokens.of_environment(VARIABLE)
    assert tokens.holder(_scope(f"Bearer {TOKEN}".encode())) == 0
    assert tokens.holder(_scope(b"bearer another token of mine")) == 1
    for given in (b"", b"Bearer", b"Bearer ", b"Basic 0123456789abcdef", b"Bearer 0123456789abcde"):
        assert tokens.holder(_scope(given)) is None
    assert tokens.holder(_scope()) is None
    assert tokens.holder(_scope(b"Bearer wrong", f"Bearer {TOKEN}".encode())) is None
    assert TOKEN not in repr(tokens)


@pytest.mark.parametrize("token", ["", "short", f"{TOKEN},", f"{TOKEN},short", "ü" * 20])
def test_a_weak_token_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv(VARIABLE, token)
    with pytest.raises(ServingError, match=rf"{VARIABLE} .*{TOKEN_CHARACTERS} characters"):
        Tokens.of_environment(VARIABLE)


def test_taken_ports_and_unknown_hosts_are_explained() -> None:
    with open_socket(0, "--port") as taken:
        port = taken.getsockname()[1]
        assert address_of_socket(taken) == f"http://127.0.0.1:{port}"
        with pytest.raises(ServingError, match=f"port {port} .*Choose another --port"):
            open_socket(port, "--port")
    with pytest.raises(ServingError, match="is unknown"):
        open_socket(0, "--port", "host.invalid")


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def _serving(application: ASGIApp = _nothing, *, public: bool = False) -> AsyncIterator[int]:
    """Serve empty responses, and yield the port."""
    with open_socket(0, "--port") as sock:
        task = asyncio.create_task(serve(application, sock, public=public))
        try:
            yield sock.getsockname()[1]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _exchange(port: int, request: bytes) -> bytes:
    """All that a connection of its own gets for a request, up to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000], ids=["odd", "large"]
)
async def test_invalid_http_is_refused_with_a_problem(request_: bytes) -> None:
    async with _serving() as port:
        answer = await _exchange(port, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


async def test_a_late_head_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    async with _serving() as port:
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
            assert await _exchange(port, begun) == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 204 ")
            assert b"server:" not in answer.lower()
            # Idle for longer than a head may take.
            await asyncio.sleep(0.4)
        writer.close()


# Connections that keep others out.


STRANGERS = MOST_WAITING + 44
_DRIPPING = b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
_ASKING = f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


def _limited() -> Limited:
    return Limited(_nothing, Tokens((TOKEN.encode(),)), LOOPBACK, per_second=0)


async def _status(port: int) -> bytes:
    """The status line that a client with the token gets on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_ASKING)
        return await reader.readline()
    finally:
        writer.close()


async def test_bodies_that_drip_without_a_token_keep_nobody_out() -> None:
    async with _serving(_limited()) as port:
        strangers = []
        for _ in range(STRANGERS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_DRIPPING)
            assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
            strangers.append((reader, writer))
        assert {await _status(port) for _ in range(5)} == {b"HTTP/1.1 204 No Content\r\n"}
        for reader, writer in strangers:
            # The end of the connection.
            await reader.read()
            writer.close()


async def test_strangers_that_say_nothing_and_come_again_keep_nobody_out() -> None:
    left = iter(range(3 * STRANGERS))

    async def come_again(port: int) -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                with suppress(ConnectionError):
                    await reader.read()
            finally:
                writer.close()

    async with _serving(_limited()) as port:
        strangers = [asyncio.create_task(come_again(port)) for _ in range(STRANGERS)]
        statuses = [await _status(port) for _ in left]
        for task in strangers:
            task.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
    assert set(statuses) == {b"HTTP/1.1 204 No Content\r\n"}


async def test_a_connection_that_has_shown_a_token_is_kept_when_strangers_come() -> None:
    async with _serving(_limited()) as port:
        kept, asked = await asyncio.open_connection("127.0.0.1", port)
        asked.write(_ASKING)
        await kept.readuntil(b"\r\n\r\n")
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * STRANGERS)]
        asked.write(_ASKING)
        assert (await kept.readline()).startswith(b"HTTP/1.1 204 ")
        for _, writer in [*strangers, (kept, asked)]:
            writer.close()


# A server without tokens.


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 30000\r\n\r\na",
        _DRIPPING,
    ],
    ids=["silent", "half a head", "kept alive", "dripping GET", "dripping POST"],
)
async def test_strangers_keep_nobody_out_of_a_public_server(begun: bytes) -> None:
    async with _serving(public=True) as port:
        strangers = []
        for _ in range(3 * STRANGERS):
            stranger = await asyncio.open_connection("127.0.0.1", port, limit=1)
            stranger[1].write(begun)
            strangers.append(stranger)
        assert {await _status(port) for _ in range(5)} == {b"HTTP/1.1 204 No Content\r\n"}
        for _, writer in strangers:
            writer.transport.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
async def test_one_addresss_crowd_displaces_no_other() -> None:
    async with _serving(public=True) as port:
        reader, kept = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * STRANGERS)]
        kept.write(_ASKING)
        assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
        for _, writer in [*strangers, (reader, kept)]:
            writer.close()


def _slow_application(go_on: asyncio.Event) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await go_on.wait()
        await _nothing(scope, receive, send)

    return answer


@asynccontextmanager
async def _readers(port: int, number: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections of one address that have sent a request each, the oldest first."""
    streams = []
    for _ in range(number):
        streams.append(await asyncio.open_connection("127.0.0.1", port))
        streams[-1][1].write(_ASKING)
    yield [reader for reader, _ in streams]
    for _, writer in streams:
        writer.close()


async def test_readers_behind_one_proxy_are_all_served() -> None:
    go_on = asyncio.Event()
    async with (
        _serving(_slow_application(go_on), public=True) as port,
        _readers(port, STRANGERS) as readers,
    ):
        go_on.set()
        statuses = {await reader.readline() for reader in readers}
    assert statuses == {b"HTTP/1.1 204 No Content\r\n"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this machine")
async def test_crowd_responses_keep_no_address_out() -> None:
    go_on = asyncio.Event()
    async with (
        _serving(_slow_application(go_on), public=True) as port,
        _readers(port, 2 * STRANGERS) as crowd,
    ):
        assert (await crowd[-1].readline()).startswith(b"HTTP/1.1 503 ")
        other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
        other[1].write(_ASKING)
        # The crowd's oldest connection makes room.
        assert await crowd[0].read() == b""
        go_on.set()
        assert (await other[0].readline()).startswith(b"HTTP/1.1 204 ")
        other[1].close()


async def test_an_unread_response_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "READ_SECONDS", 0.2)
    ended = asyncio.Event()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(100):
                # More than a connection's buffers hold.
                await send(
                    {"type": "http.response.body", "body": bytes(500_000), "more_body": True}
                )
            ended.set()

    async with _serving(large, public=True) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await ended.wait()
        writer.close()


async def test_nothing_is_logged_of_strangers(caplog: pytest.LogCaptureFixture) -> None:
    head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    requests = (b"GARBAGE\r\n\r\n", head + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    async with _serving(_limited()) as port:
        for request in requests:
            await _exchange(port, request)
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_defect_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raise RuntimeError

    async with _serving(broken) as port:
        assert (await _status(port)).startswith(b"HTTP/1.1 500 ")
    assert "Exception in ASGI application" in caplog.text


# The command.


@pytest.mark.slow
async def test_the_command_serves_whoever_knows_the_token(models_folder: Path) -> None:
    with served(models_folder, "serve", "--port", "0") as address:
        base_url = address.removesuffix("/openapi.json")
        async with httpx2.AsyncClient(base_url=base_url, headers=GIVEN, timeout=60) as http:
            answer = await http.post("/ask", json={"question": "What is open source AI?"})
            assert answer.json()["evidence"] == "strong"
            assert "server" not in answer.headers
            document = answer.json()["quotes"][0]["document"]
            assert (await http.get("/get", params={"document": document})).status_code == 200
            stranger = await http.get("/openapi.json", headers={"Authorization": "Bearer wrong"})
            assert stranger.status_code == 401
            rebound = await http.get("/openapi.json", headers={"Host": "evil.example"})
            assert rebound.status_code == 421


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        (("serve",), "", "openssl rand"),
        (("serve", "--guild", "general"), TOKEN, "is no server's id"),
        (("mcp", "--http", "0"), "", "openssl rand"),
        (("mcp", "--guild", "general"), "", "is no server's id"),
    ],
)
def test_a_command_that_can_not_serve_says_why(
    tmp_path: Path, commands: ForkServer, arguments: Sequence[str], token: str, said: str
) -> None:
    done = commands.run("dev", *arguments, environment=environment(tmp_path, token))
    assert done.returncode == UNUSABLE
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ImportError('no fastapi')")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "dev", "serve"],
        cwd=ROOT,
        env={**os.environ, VARIABLE: TOKEN, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNUSABLE
    assert install_hint("serve") in " ".join(done.stderr.split())
