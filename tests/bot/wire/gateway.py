"""The websocket: sessions that can be resumed, compressed as Discord does it, and its bad days."""

import asyncio
import json
import secrets
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
    """What one IDENTIFY began: its events are kept, so that it can be resumed."""

    intents: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    events: list[Json] = field(default_factory=list)


@dataclass
class _Line:
    """One socket, and how far its compressed stream is."""

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
    """Where the bot is told what happens."""

    state: State
    # What the application is allowed in the portal.
    privileged: int = 0
    unavailable: set[int] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    identified: int = 0
    resumed: int = 0
    silent: bool = False
    # What connections are refused with: an HTTP status, or a code that closes the websocket.
    refusing: int = 0
    problems: list[str] = field(default_factory=list)
    _session: Session | None = None
    _line: _Line | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        if 0 < self.refusing < _FIRST_CODE:
            return web.Response(status=self.refusing)
        if request.query.get("v") != "10" or request.query.get("encoding") != "json":
            self.problems.append(f"gateway: {request.query_string}")
        compressed = request.query.get("compress") == "zlib-stream"
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        line = _Line(socket, zlib.compressobj() if compressed else None, request.transport)
        await line.send({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MS}, "s": None, "t": None})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if len(message.data) > 4_096:
                await socket.close(code=4002)
                break
            await self._take(line, json.loads(message.data))
        if self._line is line:
            self._line = None
            self.connected.clear()
        return socket

    async def _take(self, line: _Line, packet: Json) -> None:
        if self.silent:
            return
        operation, data = packet["op"], packet.get("d") or {}
        if operation == 1:
            # Sooner than this no network answers; discord.py would take it for a late one.
            await asyncio.sleep(0.02)
            await line.send({"op": 11, "d": None, "s": None, "t": None})
        elif operation == 2:
            await self._identify(line, data)
        elif operation == 6:
            await self._resume(line, data)
        elif self._line is not line:
            await line.socket.close(code=4003)
        elif operation not in (3, 4, 8):
            await line.socket.close(code=4001)

    async def _identify(self, line: _Line, data: Json) -> None:
        self.identified += 1
        if self.refusing:
            await line.socket.close(code=self.refusing)
            return
        if data["token"] != TOKEN:
            await line.socket.close(code=4004, message=b"Authentication failed.")
            return
        if data["intents"] & _PRIVILEGED & ~self.privileged:
            await line.socket.close(code=4014, message=b"Disallowed intent(s).")
            return
        session = Session(data["intents"])
        self.sessions[session.id] = session
        self._session, self._line = session, line
        guilds = [{"id": str(one), "unavailable": True} for one in self.state.guilds]
        await self.emit(
            "READY",
            {
                "v": 10,
                "user": self.state.me,
                "guilds": guilds,
                "session_id": session.id,
                "resume_gateway_url": f"{self.state.address}/gateway/".replace("http", "ws"),
                "shard": [0, 1],
                "application": {"id": str(APPLICATION), "flags": 0},
                "private_channels": [],
                "session_type": "normal",
            },
        )
        for guild_id, guild in self.state.guilds.items():
            if guild_id not in self.unavailable:
                await self.emit("GUILD_CREATE", guild)
        self.connected.set()

    async def _resume(self, line: _Line, data: Json) -> None:
        session = self.sessions.get(str(data["session_id"]))
        if data["token"] != TOKEN:
            await line.socket.close(code=4004)
        elif session is None or data["seq"] is None:
            await line.send({"op": 9, "d": False, "s": None, "t": None})
        else:
            self.resumed += 1
            self._session, self._line = session, line
            for packet in [one for one in session.events if one["s"] > data["seq"]]:
                await line.send(packet)
            await self.emit("RESUMED", {"_trace": []})
            self.connected.set()

    async def emit(self, event: str, data: Any) -> None:
        """Tell the bot; what it can't be told now is kept for when it resumes."""
        session = self._session
        if session is None:
            return
        if event == "MESSAGE_CREATE" or event == "MESSAGE_UPDATE":
            needed = GUILD_MESSAGES if data.get("guild_id") else DIRECT_MESSAGES
            if not session.intents & needed:
                return
            data = self._as_seen(data, session)
        packet = {"op": 0, "t": event, "s": len(session.events) + 1, "d": data}
        session.events.append(packet)
        if self._line is not None and not self.silent:
            try:
                await self._line.send(packet)
            except ConnectionError:
                self._line = None

    def _as_seen(self, message: Json, session: Session) -> Json:
        """A message without what only a privileged intent shows."""
        mine = message["author"]["id"] == str(APPLICATION)
        mentioned = any(one["id"] == str(APPLICATION) for one in message["mentions"])
        if mine or mentioned or not message.get("guild_id") or session.intents & CONTENT:
            return message
        return {**message, "content": "", "embeds": [], "attachments": [], "components": []}

    # Bad days.

    async def ask_to_reconnect(self) -> None:
        """Operation 7."""
        assert self._line is not None
        self.connected.clear()
        await self._line.send({"op": 7, "d": None, "s": None, "t": None})

    async def invalidate(self) -> None:
        """Operation 9: the session is over."""
        assert self._line is not None
        assert self._session is not None
        del self.sessions[self._session.id]
        self.connected.clear()
        await self._line.send({"op": 9, "d": False, "s": None, "t": None})

    async def close(self, code: int) -> None:
        """Close the socket with a code."""
        assert self._line is not None
        line, self._line = self._line, None
        self.connected.clear()
        await line.socket.close(code=code)

    def cut(self) -> None:
        """Let the connection break without a word."""
        assert self._line is not None
        line, self._line = self._line, None
        self.connected.clear()
        line.transport.abort()
