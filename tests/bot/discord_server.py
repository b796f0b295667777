"""Fake Discord over HTTP and a websocket on this machine, with the few routes that one bot needs.

It serves bots in processes of their own, which can't reach simcord: tests of the start, the log
and the stop use it. Other routes answer 404.
"""

import asyncio
import atexit
import functools
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from tests.bot.world import text_of
from tests.fork_server import ForkServer, fork_server, number

ROOT: Final = Path(__file__).parents[2]
TOKEN: Final = "a-token-that-nobody-may-see"  # noqa: S105 - of a Discord that is none
INTERACTION_TOKEN: Final = "an-interactions-own-token"  # noqa: S105

# What a process may take on a machine that has other things to do.
SECONDS: Final = 60

_HELLO: Final = {"op": 10, "d": {"heartbeat_interval": 40_000}, "s": None, "t": None}
_ME: Final = {"id": "1", "username": "commonplace", "discriminator": "0", "avatar": None}
_MIA: Final = {"id": "7", "username": "mia", "discriminator": "0", "avatar": None}
_APPLICATION: Final = {
    "id": "1",
    "name": "Commonplace",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "",
    "flags": 0,
    "team": None,
    "owner": _ME,
}
_IDENTIFY: Final = 2
_DISALLOWED_INTENTS: Final = 4014
_NOT_FOUND: Final = {"code": 0, "message": "404: Not Found"}


@dataclass
class DiscordServer:
    """A Discord with one bot and one member, who writes to it directly."""

    address: str = ""
    gateway_is_there: bool = True
    content_is_given: bool = True
    guilds: list[dict[str, Any]] = field(default_factory=list)
    said: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))
    _socket: web.WebSocketResponse | None = None

    def application(self) -> web.Application:
        """Its routes."""
        app = web.Application()
        app.router.add_get("/api/users/@me", self._me)
        app.router.add_get("/api/oauth2/applications/@me", self._application)
        app.router.add_put("/api/applications/1/commands", self._commands)
        app.router.add_post("/api/interactions/{id}/{token}/callback", self._callback)
        app.router.add_patch("/api/webhooks/1/{token}/messages/@original", self._answer)
        app.router.add_get("/gateway/", self._gateway)
        self.add_routes(app.router)
        app.router.add_route("*", "/{anything:.*}", self._nothing)
        return app

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add routes of a subclass."""

    async def ask(self, question: str) -> None:
        """Send `/ask` as the member, in a direct message."""
        option = {"name": "question", "type": 3, "value": question}
        await self._send(
            "INTERACTION_CREATE",
            {
                "id": str(next(self._numbers)),
                "application_id": "1",
                "type": 2,
                "token": INTERACTION_TOKEN,
                "version": 1,
                "user": _MIA,
                "channel_id": "9",
                "channel": {"id": "9", "type": 1, "recipients": [_MIA]},
                "locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {},
                "context": 1,
                "attachment_size_limit": 0,
                "data": {"id": "5", "name": "ask", "type": 1, "options": [option]},
            },
        )

    async def _send(self, event: str, data: dict[str, Any]) -> None:
        assert self._socket is not None
        packet = {"op": 0, "t": event, "s": next(self._numbers), "d": data}
        await self._socket.send_str(json.dumps(packet))

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if not self.gateway_is_there:
            return await self._nothing(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        await socket.send_str(json.dumps(_HELLO))
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if json.loads(message.data)["op"] == 1:
                await socket.send_str('{"op": 11, "d": null, "s": null, "t": null}')
            elif json.loads(message.data)["op"] == _IDENTIFY and not self.content_is_given:
                await socket.close(code=_DISALLOWED_INTENTS)
            else:
                known = [{"id": guild["id"], "unavailable": True} for guild in self.guilds]
                ready = {"v": 10, "user": _ME, "guilds": known, "session_id": "s", "shard": [0, 1]}
                ready["resume_gateway_url"] = f"{self.address}/gateway/".replace("http", "ws")
                ready["application"] = {"id": "1", "flags": 0}
                await self._send("READY", ready)
                for guild in self.guilds:
                    await self._send("GUILD_CREATE", guild)
                self.connected.set()
        self.connected.clear()
        return socket

    async def _me(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return as_json({"code": 0, "message": "401: Unauthorized"}, status=401)
        return as_json(_ME)

    async def _application(self, request: web.Request) -> web.Response:
        return as_json(_APPLICATION)

    async def _commands(self, request: web.Request) -> web.Response:
        sent = await request.json()
        known = {"application_id": "1", "version": "1", "default_member_permissions": None}
        commands = [
            {"description": "", "options": [], **one, **known, "id": str(next(self._numbers))}
            for one in sent
        ]
        return as_json(commands)

    async def _callback(self, request: web.Request) -> web.Response:
        self.acknowledged.set()
        callback = {"id": request.match_info["id"], "type": 2, "response_message_loading": True}
        return as_json({"interaction": callback})

    async def _answer(self, request: web.Request) -> web.Response:
        sent = await request.json()
        content = text_of({"content": "", "components": [], **sent})
        self.said.put_nowait(content)
        message: dict[str, Any] = {
            "id": str(next(self._numbers)),
            "channel_id": "9",
            "author": _ME,
            "content": content,
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "components": [],
        }
        return as_json(message)

    async def _nothing(self, request: web.Request) -> web.Response:
        return as_json(_NOT_FOUND, status=404)


def as_json(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """A JSON response without a charset in its content type, as discord.py requires."""
    body = json.dumps(value).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


@asynccontextmanager
async def discord_server(made: DiscordServer | None = None) -> AsyncIterator[DiscordServer]:
    """A Discord on a free port."""
    made = made or DiscordServer()
    async with TestServer(made.application()) as server:
        made.address = str(server.make_url("")).rstrip("/")
        yield made


class Reachable(Protocol):
    """Address of a Discord, and the event of a connected bot."""

    @property
    def address(self) -> str:
        """Its address, without a path."""

    @property
    def connected(self) -> asyncio.Event:
        """Set while a bot is connected."""


@asynccontextmanager
async def bot_process(
    discord: Reachable,
    *arguments: str | Path,
    token: str = TOKEN,
    connected: bool = True,
    opening_seconds: float = 0,
    log: IO[bytes] | int = asyncio.subprocess.PIPE,
    root: Path = ROOT,
    **environment: str,
) -> AsyncIterator["BotProcess"]:
    """Run `commonplace` against `discord` in a process of its own, which is killed at the end.

    With `connected`, wait for its connection. Opening the core takes `opening_seconds`. Output goes
    to `log`; a pipe is read only at the end. `root` is the checkout of the program.
    """
    environment = {
        **os.environ,
        "DISCORD_TOKEN": token,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(root),
        "PYTHONWARNINGS": "ignore",
        "COLUMNS": "200",
        "OPENING_SECONDS": str(opening_seconds),
        **environment,
    }
    told = [discord.address, *map(str, arguments)]
    process: BotProcess
    if root == ROOT:
        process = await ForkedProcess.begun(told, environment, log)
    else:
        program = root / "tests" / "bot" / "bot_process.py"
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, *told, cwd=root, env=environment, stdout=log, stderr=log
        )
    try:
        if connected:
            await _connected(discord, process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class BotProcess(Protocol):
    """The part of `asyncio.subprocess.Process` that tests use."""

    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, or None while it runs."""

    async def wait(self) -> int:
        """Wait for its end; returns its exit code."""

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; returns what it says."""

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal, if it runs."""

    def terminate(self) -> None:
        """Tell it to stop."""

    def kill(self) -> None:
        """End it."""


@functools.cache
def _bots() -> ForkServer:
    """The fork server of bots, which ends with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(fork_server("tests.bot.bot_process"))


class ForkedProcess:
    """A bot forked from a process that has imported it."""

    _ending: asyncio.Task[int]

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None

    @classmethod
    async def begun(
        cls, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | int
    ) -> Self:
        """Start it with its output in `log`."""
        pid, ended, outs = _begun(arguments, environment, log)
        process = cls(pid)
        if outs:
            process.stdout, process.stderr = [await _reader(out) for out in outs]
        process._ending = asyncio.create_task(process._end(await _reader(ended)))
        return process

    async def _end(self, ended: asyncio.StreamReader) -> int:
        self.returncode = number(await ended.read())
        return self.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    async def communicate(self) -> tuple[bytes, bytes]:
        readers = [one for one in (self.stdout, self.stderr) if one is not None]
        said = await asyncio.gather(*(one.read() for one in readers))
        await self.wait()
        out, err = said or (b"", b"")
        return out, err

    def send_signal(self, which: int, /) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _begun(
    arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes] | int
) -> tuple[int, int, list[int]]:
    """Fork a copy; returns its id, the pipe of its exit code, and the pipes of its output."""
    with ExitStack() as stack:

        def open_here(stream: int) -> int:
            stack.callback(os.close, stream)
            return stream

        nothing = open_here(os.open(os.devnull, os.O_RDONLY))
        pipes = [os.pipe(), os.pipe()] if isinstance(log, int) else []
        outs = [open_here(writing) for _, writing in pipes]
        if not isinstance(log, int):
            outs = [log.fileno()] * 2
        pid, ended = _bots().start(arguments, [nothing, *outs], ROOT, environment)
    return pid, ended, [reading for reading, _ in pipes]


async def _reader(pipe: int) -> asyncio.StreamReader:
    """A reader of a pipe, which is closed at its end."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    return reader


async def _connected(discord: Reachable, process: BotProcess) -> None:
    """Wait until the bot has connected or ended."""
    there = asyncio.create_task(discord.connected.wait())
    ended = asyncio.create_task(process.wait())
    await asyncio.wait([there, ended], timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (there, ended):
        waiting.cancel()
    if not discord.connected.is_set():
        assert process.stderr is not None
        if process.returncode is None:
            process.kill()
        raise AssertionError((await process.stderr.read()).decode())
