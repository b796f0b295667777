"""Gateway websocket of the fake Discord: resumable sessions, compression, and failures."""

import asyncio
import contextlib
import json
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.bot.wire.state import APPLICATION, TOKEN, Json, State

HEARTBEAT_MS: Final = 41_250
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
_FIRST_CODE: Final = 1_000
_PRIVILEGED: Final = (1 << 1) | (1 << 8) | CONTENT


@dataclass
class Session:
    """Session begun by one IDENTIFY; it keeps its events for a RESUME."""

    intents: int
    shard: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list[Json] = field(default_factory=list)


@dataclass
class _Line:
    """One socket and the state of its compressed stream."""

    socket: web.WebSocketResponse
    compressor: Any
    transport: asyncio.Transport

    async def send(self, packet: Mapping[str, Any]) -> None:
        text = json.dumps(packet)
        if self.compressor is None:
            await self.socket.send_str(text)
            return
        data = self.compressor.compress(text.encode()) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        # Discord splits what is long over several frames.
        half = len(data) // 2 if len(data) > 4_096 else 0
        for part in (data[:half], data[half:]):
            if part:
                await self.socket.send_bytes(part)


@dataclass
class Gateway:
    """Sends events to the bot."""

    state: State
    # What the application is allowed in the portal.
    privileged: int = 0
    unavailable: set[int] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    # How many connections were begun, sessions and resumed sessions among them.
    connections: int = 0
    identified: int = 0
    resumed: int = 0
    silent: bool = False
    # What connections are refused with: an HTTP status, or a code that closes the websocket once
    # something is sent.
    refusing: int = 0
    heartbeat_ms: int = HEARTBEAT_MS
    problems: list[str] = field(default_factory=list)
    # How many shards the bot is told to run, and how many of them may identify in five seconds.
    shards: int = 1
    max_concurrency: int = 1
    remaining: int = 1_000
    reset_after_ms: int = 14_400_000
    # Which shard identified when.
    identifies: list[tuple[int, float]] = field(default_factory=list)
    _sessions: dict[int, Session] = field(default_factory=dict)
    _lines: dict[int, _Line] = field(default_factory=dict)
    # Of a shard that another process has identified, too: Discord tells both of them.
    _former: list[tuple[_Line, Session]] = field(default_factory=list)

    def recommended(self) -> Json:
        """The response of `GET /gateway/bot`."""
        return {
            "url": f"{self.state.address}/gateway/".replace("http", "ws"),
            "shards": self.shards,
            "session_start_limit": {
                "total": 1_000,
                "remaining": self.remaining,
                "reset_after": self.reset_after_ms,
                "max_concurrency": self.max_concurrency,
            },
        }

    def _shard_of(self, guild_id: Any) -> int:
        """The shard that a guild belongs to; direct messages go to the first one."""
        return (int(guild_id) >> 22) % self.shards if guild_id else 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if 0 < self.refusing < _FIRST_CODE:
            return web.Response(status=self.refusing)
        if request.query.get("v") != "10" or request.query.get("encoding") != "json":
            self.problems.append(f"gateway: {request.query_string}")
        compressed = request.query.get("compress") == "zlib-stream"
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        line = _Line(socket, zlib.compressobj() if compressed else None, request.transport)
        await line.send(
            {"op": 10, "d": {"heartbeat_interval": self.heartbeat_ms}, "s": None, "t": None}
        )
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if len(message.data) > 4_096:
                await socket.close(code=4002)
                break
            await self._take(line, json.loads(message.data))
        self._former = [one for one in self._former if one[0] is not line]
        for shard in [number for number, one in self._lines.items() if one is line]:
            self._lose(shard)
        return socket

    def _lose(self, shard: int) -> _Line:
        self.connected.clear()
        return self._lines.pop(shard)

    async def _take(self, line: _Line, packet: Json) -> None:
        if self.silent:
            return
        operation, data = packet["op"], packet.get("d") or {}
        if operation == 1:
            # Sooner than this no network answers; discord.py would take it for a late one.
            await asyncio.sleep(0.02)
            with contextlib.suppress(ConnectionError):
                await line.send({"op": 11, "d": None, "s": None, "t": None})
        elif operation == 2:
            await self._identify(line, data)
        elif operation == 6:
            await self._resume(line, data)
        elif line not in [*self._lines.values(), *(one for one, _ in self._former)]:
            await line.socket.close(code=4003)
        elif operation not in (3, 4, 8):
            await line.socket.close(code=4001)

    async def _identify(self, line: _Line, data: Json) -> None:
        self.identified += 1
        self.remaining -= 1
        if self.remaining < 0:
            self.problems.append("gateway: the token is reset")
        if self.refusing:
            await line.socket.close(code=self.refusing)
            return
        if data["token"] != TOKEN:
            await line.socket.close(code=4004, message=b"Authentication failed.")
            return
        if data["intents"] & _PRIVILEGED & ~self.privileged:
            await line.socket.close(code=4014, message=b"Disallowed intent(s).")
            return
        shard, count = data.get("shard", (0, 1))
        if count != self.shards or not 0 <= shard < count:
            await line.socket.close(code=4010, message=b"Invalid shard.")
            return
        self.identifies.append((shard, time.monotonic()))
        session = Session(data["intents"], shard)
        self.sessions[session.id] = session
        self._begin(session, line)
        named = [one for one in self.state.guilds if self._shard_of(one) == shard]
        guilds = [{"id": str(one), "unavailable": True} for one in named]
        await self._send(
            line,
            session,
            "READY",
            {
                "v": 10,
                "user": self.state.me,
                "guilds": guilds,
                "session_id": session.id,
                "resume_gateway_url": f"{self.state.address}/gateway/".replace("http", "ws"),
                "shard": [shard, count],
                "application": {"id": str(APPLICATION), "flags": 0},
                "private_channels": [],
                "session_type": "normal",
            },
        )
        for guild_id in named:
            if guild_id not in self.unavailable:
                await self._send(line, session, "GUILD_CREATE", self.state.guilds[guild_id])
        self._complete()

    def _begin(self, session: Session, line: _Line) -> None:
        before = self._lines.get(session.shard)
        if before is not None and before is not line:
            self._former.append((before, self._sessions[session.shard]))
        self._sessions[session.shard], self._lines[session.shard] = session, line

    def _complete(self) -> None:
        """Mark the bot as connected once every shard is."""
        if len(self._lines) == self.shards:
            self.connected.set()

    async def _resume(self, line: _Line, data: Json) -> None:
        session = self.sessions.get(str(data["session_id"]))
        if data["token"] != TOKEN:
            await line.socket.close(code=4004)
        elif session is None or data["seq"] is None:
            await line.send({"op": 9, "d": False, "s": None, "t": None})
        elif self.refusing:
            await line.socket.close(code=self.refusing)
        else:
            self.resumed += 1
            self._begin(session, line)
            for packet in [one for one in session.events if one["s"] > data["seq"]]:
                await line.send(packet)
            await self._send(line, session, "RESUMED", {"_trace": []})
            self._complete()

    async def emit(self, event: str, data: Any) -> None:
        """Send an event to the bot; while it is disconnected, keep the event for a RESUME."""
        await self._tell(self._shard_of(data.get("guild_id")), event, data)

    async def _tell(self, shard: int, event: str, data: Any) -> None:
        for former, session in [one for one in self._former if one[1].shard == shard]:
            await self._send(former, session, event, data)
        if shard in self._sessions:
            await self._send(self._lines.get(shard), self._sessions[shard], event, data)

    async def _send(self, line: _Line | None, session: Session, event: str, data: Any) -> None:
        if event == "MESSAGE_CREATE" or event == "MESSAGE_UPDATE":
            needed = GUILD_MESSAGES if data.get("guild_id") else DIRECT_MESSAGES
            if not session.intents & needed:
                return
            data = self._as_seen(data, session)
        packet = {"op": 0, "t": event, "s": len(session.events) + 1, "d": data}
        session.events.append(packet)
        if line is not None and not self.silent:
            try:
                await line.send(packet)
            except ConnectionError:
                self._lines = {key: one for key, one in self._lines.items() if one is not line}
                self._former = [one for one in self._former if one[0] is not line]

    def _as_seen(self, message: Json, session: Session) -> Json:
        """A message without the fields that need a privileged intent."""
        mine = message["author"]["id"] == str(APPLICATION)
        mentioned = any(one["id"] == str(APPLICATION) for one in message["mentions"])
        if mine or mentioned or not message.get("guild_id") or session.intents & CONTENT:
            return message
        return {**message, "content": "", "embeds": [], "attachments": [], "components": []}

    # Bad days, of one shard.

    async def ask_to_reconnect(self, shard: int = 0) -> None:
        """Operation 7."""
        self.connected.clear()
        await self._lines[shard].send({"op": 7, "d": None, "s": None, "t": None})

    async def invalidate(self, shard: int = 0) -> None:
        """Operation 9: the session is over."""
        del self.sessions[self._sessions[shard].id]
        self.connected.clear()
        await self._lines[shard].send({"op": 9, "d": False, "s": None, "t": None})

    async def close(self, code: int, shard: int = 0) -> None:
        await self._lose(shard).socket.close(code=code)

    async def go_away(self, refusing: int) -> None:
        """Close every connection, and refuse others as `refusing` says."""
        self.refusing = refusing
        for shard in list(self._lines):
            await self.close(4000, shard)

    def cut(self, shard: int = 0) -> None:
        """Break the connection without a close code."""
        self._lose(shard).transport.abort()
