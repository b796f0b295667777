"""Discord in memory on a simulated clock: hours of an outage pass in a second.

The bot's shards and discord.py's websockets are real. Replaced is what leaves the process: the
websocket's bytes, and the one request for the day's sessions.
"""

import asyncio
import json
import selectors
from collections import Counter, defaultdict
from collections.abc import Coroutine
from enum import StrEnum, auto
from typing import Any, Final, TypeVar

import aiohttp
import discord

from bot.interactions.kit.discord_internals import resume_shards
from bot.process.sharded_client import ShardedClient

DAY: Final = 86_400.0
COMMON: Final = "wss://gateway.example"
RESUMING: Final = "wss://resume.example"
_USER: Final = {"id": "1", "username": "commonplace", "discriminator": "0", "avatar": None}
# discord.py sends heartbeats from a thread, by another clock: never, as far as a test goes.
_HEARTBEAT_MS: Final = 10**9

_T = TypeVar("_T")


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: "_Loop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self._loop.seconds += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.seconds


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end, on such a clock."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


class State(StrEnum):
    """How Discord is."""

    UP = auto()
    # Nothing takes connections.
    UNREACHABLE = auto()
    # A HELLO, then a close after any packet.
    CLOSING = auto()
    # The same, and sessions are lost: a RESUME is answered by operation 9.
    FORGETFUL = auto()
    # Operation 9 is the answer to everything.
    INVALID = auto()
    # A HELLO, and nothing more.
    SILENT = auto()
    # READY or RESUMED, and a close after it.
    FLAPPING = auto()


class _Socket:
    """The bot's end of one connection."""

    def __init__(self, gateway: "SimulatedGateway") -> None:
        self._gateway = gateway
        self._received: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()
        self.shard = -1
        self.ready = False
        self.close_code: int | None = None
        self.tell({"op": 10, "d": {"heartbeat_interval": _HEARTBEAT_MS}})

    @property
    def closed(self) -> bool:
        return self.close_code is not None

    def tell(self, packet: dict[str, Any] | int) -> None:
        """Send a packet, or close with a code."""
        self._received.put_nowait(packet)

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:  # noqa: ASYNC109
        # Heartbeats would be answered meanwhile.
        packet = await asyncio.wait_for(self._received.get(), None if self.ready else timeout)
        if isinstance(packet, int):
            self.close_code = packet
            return aiohttp.WSMessage(aiohttp.WSMsgType.CLOSE, packet, "")
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, json.dumps(packet), "")

    async def send_str(self, text: str) -> None:
        packet = json.loads(text)
        if packet["op"] in (2, 6):
            self._gateway.take(self, packet["op"], packet["d"])

    async def close(self, *, code: int = 4000) -> None:
        self.close_code = self.close_code or code
        self._gateway.lose(self)


class SimulatedGateway:
    """Discord's gateway; a bot's violation fails the test."""

    def __init__(self, shards: int, max_concurrency: int = 1, remaining: int = 1_000) -> None:
        self.shards = shards
        self.max_concurrency = max_concurrency
        self.remaining = remaining
        self.state = State.UP
        # The affected shards, if not all.
        self.only: set[int] | None = None
        # The invalid address.
        self.gone: tuple[str, ...] = ()
        # Whether `/gateway/bot` answers.
        self.rest = True
        self.resets_at = 1_000.0 + DAY
        self.connections = 0
        self.resumes: Counter[int] = Counter()
        # Times, by shard.
        self.identifies: defaultdict[int, list[float]] = defaultdict(list)
        self._buckets: defaultdict[int, float] = defaultdict(lambda: -DAY)
        self._sessions: dict[str, int] = {}
        self._ready: dict[int, _Socket] = {}
        # Set while every shard is connected.
        self.complete = asyncio.Event()

    @property
    def ready(self) -> set[int]:
        """The connected shards."""
        return set(self._ready)

    def lose(self, socket: _Socket) -> None:
        """Note an ended or ending connection."""
        if self._ready.get(socket.shard) is socket:
            del self._ready[socket.shard]
            self.complete.clear()

    def _end(self, packet: dict[str, Any] | int) -> None:
        """Let every connection end by a packet, or with a code."""
        for socket in [*self._ready.values()]:
            self.lose(socket)
            socket.tell(packet)

    async def connect(self, url: str, **_: Any) -> _Socket:
        """In the place of `HTTPClient.ws_connect`."""
        self.connections += 1
        if url.startswith(self.gone) or self.state is State.UNREACHABLE:
            raise aiohttp.ClientConnectionError("away")
        # Earliest time of a connection.
        await asyncio.sleep(0.1)
        return _Socket(self)

    async def limits(self) -> tuple[int, str, dict[str, int]]:
        """In the place of `HTTPClient.get_bot_gateway`."""
        if not self.rest:
            raise discord.GatewayNotFound
        self._renew()
        left = asyncio.get_running_loop().time()
        return (
            self.shards,
            COMMON,
            {
                "total": 1_000,
                "remaining": self.remaining,
                "reset_after": round((self.resets_at - left) * 1_000),
                "max_concurrency": self.max_concurrency,
            },
        )

    def _renew(self) -> None:
        while self.resets_at <= asyncio.get_running_loop().time():
            self.remaining, self.resets_at = 1_000, self.resets_at + DAY

    def take(self, socket: _Socket, operation: int, data: dict[str, Any]) -> None:
        """Take IDENTIFY (2) or RESUME (6)."""
        if operation == 2:
            self._identify(socket, data["shard"][0])
        else:
            socket.shard = self._sessions.get(data["session_id"], -1)
            self.resumes[socket.shard] += 1
        state = self._state_of(socket)
        lost = state in (State.INVALID, State.FORGETFUL) or socket.shard < 0
        if state is State.SILENT:
            return
        if state is State.INVALID or (operation == 6 and lost):
            socket.tell({"op": 9, "d": False})
        elif state in (State.CLOSING, State.FORGETFUL):
            socket.tell(4000)
        else:
            self._begin(socket, operation)

    def _state_of(self, socket: _Socket) -> State:
        return self.state if self.only is None or socket.shard in self.only else State.UP

    def _identify(self, socket: _Socket, shard: int) -> None:
        now = asyncio.get_running_loop().time()
        self._renew()
        self.remaining -= 1
        assert self.remaining >= 0, "Discord resets the token"
        bucket = shard % self.max_concurrency
        assert now - self._buckets[bucket] >= 5, "Discord limits IDENTIFY"
        self._buckets[bucket] = now
        self.identifies[shard].append(now)
        socket.shard = shard

    def _begin(self, socket: _Socket, operation: int) -> None:
        session = f"{socket.shard}-{len(self.identifies[socket.shard])}"
        if operation == 6:
            socket.tell({"op": 0, "t": "RESUMED", "s": 2, "d": {}})
        else:
            self._sessions[session] = socket.shard
            ready: dict[str, Any] = {"user": _USER, "session_id": session, "guilds": []}
            ready["resume_gateway_url"] = RESUMING
            ready["shard"] = [socket.shard, self.shards]
            ready["application"] = {"id": "1", "flags": 0}
            socket.tell({"op": 0, "t": "READY", "s": 1, "d": ready})
        if self._state_of(socket) is State.FLAPPING:
            socket.tell(4000)
            return
        socket.ready, self._ready[socket.shard] = True, socket
        if len(self._ready) == self.shards:
            self.complete.set()

    def become(self, state: State) -> None:
        """Change the state, which ends every connection."""
        self.state = state
        self._end(4000)

    def ask_to_reconnect(self) -> None:
        """Operation 7, to every shard."""
        self._end({"op": 7, "d": None})

    def cut(self) -> None:
        """Let every connection break without a word."""
        self._end(1006)


class SimulatedBot(ShardedClient):
    """The connections of a bot, without the bot."""

    def __init__(self, gateway: SimulatedGateway) -> None:
        super().__init__(command_prefix=(), help_command=None, intents=discord.Intents(guilds=True))
        http: Any = self.http
        http.ws_connect, http.get_bot_gateway = gateway.connect, gateway.limits
        self.gateway = gateway

    async def __aenter__(self) -> "SimulatedBot":
        """Connect every shard."""
        resume_shards()
        await super().__aenter__()
        self._running = asyncio.create_task(self.connect())
        await self.until_ready()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        await self._running

    async def until_ready(self) -> float:
        """Wait until every shard is connected; returns the seconds taken."""
        began = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(self.gateway.complete.wait())
        await asyncio.wait([waiting, self._running], return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done(), self._running.result()
        return asyncio.get_running_loop().time() - began
