"""HTTP server for other programs: bearer tokens, the listening socket and its connections.

The server is used for MCP, for the HTTP interface and for the public page. A connection is closed
if the line and headers of a request don't arrive by a deadline. No response names this program or
its version.

If too many connections have sent no request yet, the oldest of them is closed, first of addresses
with many. The application refuses requests without a token, and closes their connections
(`bot.programs.http_limits`). The page has no tokens, so there any connection may be closed for a
newer one, but not within the first seconds of a response, because all readers may come through one
proxy. Each request of the page has a deadline until its response has been read.

Errors:
    Exception
    └── ServingError     the server can't be started; the message says what to do
"""

import hmac
import json
import logging
import os
import socket
from asyncio import TimerHandle
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

import h11
import uvicorn
from starlette.types import ASGIApp, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from knowledge.dependencies import require

PROBLEM_TYPE: Final = "application/problem+json"

# Sends a refusal: status, a sentence with finding and remedy, headers.
Refuse = Callable[[Send, int, str, Mapping[str, str]], Awaitable[None]]


def problem_body(status: int, detail: str) -> bytes:
    """Return a problem as JSON; `detail` explains it and names a remedy."""
    problem = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return json.dumps(problem).encode()


async def send_problem(send: Send, status: int, detail: str, headers: Mapping[str, str]) -> None:
    await send_refusal(send, status, problem_body(status, detail), PROBLEM_TYPE, headers)


async def send_refusal(
    send: Send, status: int, body: bytes, media_type: str, headers: Mapping[str, str]
) -> None:
    said = {"content-type": media_type, "content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


# Parts of uvicorn's connection class used here, because uvicorn has no deadline for a slow head.
USED: Final = (
    "uvicorn.protocols.http.h11_impl:H11Protocol.connection_made",
    "uvicorn.protocols.http.h11_impl:H11Protocol.connection_lost",
    "uvicorn.protocols.http.h11_impl:H11Protocol.data_received",
    "uvicorn.protocols.http.h11_impl:H11Protocol.send_400_response",
    "uvicorn.protocols.http.h11_impl:H11Protocol.client",
    "uvicorn.protocols.http.h11_impl:H11Protocol.conn",
    "uvicorn.protocols.http.h11_impl:H11Protocol.cycle",
    "uvicorn.protocols.http.h11_impl:H11Protocol.transport",
)

require("uvicorn", USED)

HOST: Final = "127.0.0.1"
# Shorter tokens can be guessed.
TOKEN_CHARACTERS: Final = 16
# Deadline in seconds for a request's line and headers.
HEAD_SECONDS: Final = 10.0
_HEAD_BYTES: Final = 16 * 1024
# Keep-alive in seconds.
_KEEP_SECONDS: Final = 15
# Deadline in seconds from a public request's head until its response has been read.
READ_SECONDS: Final = 120.0
# Connections that have not sent a request; on a public server, also those with slow responses.
MOST_WAITING: Final = 256
# For so long, no other connection of its address ends the response to a public request.
_RESPONSE_SECONDS: Final = 5.0
# A browser opens six; an address with more than this is the first to lose one.
_MANY: Final = 16
# All connections; beyond that, even holders of a token are told to come later. With a file for
# each, a process has fewer than the usual 1,024 open files.
_CONNECTIONS: Final = 448
# Connections accepted in one turn of the event loop. A request that comes with its connection is
# read three turns later, before newer connections push it out.
_BACKLOG: Final = 64
# Grace period for running requests at shutdown.
_STOP_SECONDS: Final = 5


class ServingError(Exception):
    """The server can't be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Accepted tokens. While a token is being replaced, the old and the new one are accepted."""

    known: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of_environment(cls, variable: str) -> "Tokens":
        """The comma-separated tokens in a variable; ServingError if none or one is unfit."""
        tokens = [token.strip() for token in os.environ.get(variable, "").split(",")]
        if any(
            len(token) < TOKEN_CHARACTERS or not token.isascii() or not token.isprintable()
            for token in tokens
        ):
            raise ServingError(
                f"{variable} must have {TOKEN_CHARACTERS} characters or more, letters, digits and "
                "signs of ASCII: make one with `openssl rand -hex 32`."
            )
        return cls(tuple(token.encode() for token in tokens))

    def holder(self, scope: Scope) -> int | None:
        """Return the index of a request's token, or None if the token is missing or unknown."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
        # All are compared, so that timing doesn't leak the nearest one.
        right = [hmac.compare_digest(token.strip(), known) for known in self.known]
        return right.index(True) if scheme.lower() == b"bearer" and any(right) else None


def open_socket(port: int, option: str, host: str = HOST) -> socket.socket:
    """Listen on a port, 0 for any; ServingError, with the `option`, if that is impossible."""
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family)
    except socket.gaierror as error:
        raise ServingError(f"The address {host} is unknown ({error.strerror}).") from error
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServingError(
            f"The port {port} of {host} can't be used ({error}). Choose another {option}."
        ) from error


def address_of_socket(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# Anybody could fill the log with warnings about invalid or refused requests.
_defects: Final = logging.getLogger("uvicorn.error.defects")
_defects.setLevel(logging.ERROR)


class _Connection(H11Protocol):
    """Connection with a deadline for request heads, and problem details for invalid HTTP."""

    _deadline: TimerHandle | None = None
    _since: float = 0.0

    def connection_made(self, transport: object) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.logger = _defects
        self._since = self.loop.time()
        self._set_deadline()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._set_deadline()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cancel_deadline()

    def send_400_response(self, msg: str) -> None:
        """Refuse invalid HTTP unless a response has begun, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self.cycle is None:
            body = problem_body(400, msg)
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
                b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            )
        self.transport.close()

    @property
    def _is_expendable(self) -> bool:
        """Whether the connection may be closed for a newer one."""
        return self.cycle is None

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _siblings(self) -> "set[_Connection]":
        """All connections of the server, this one too."""
        return cast("set[_Connection]", self.connections)

    def _make_room(self) -> None:
        """Close the oldest expendable connections, if there are too many."""
        expendable = [connection for connection in self._siblings if connection._is_expendable]
        of_address = Counter(connection._address for connection in expendable)
        crowd = [connection for connection in expendable if of_address[connection._address] > _MANY]
        self._close_oldest(crowd or expendable, len(expendable) - MOST_WAITING)

    def _close_oldest(self, connections: "Iterable[_Connection]", number: int) -> None:
        oldest = sorted(connections, key=lambda connection: connection._since)
        for connection in oldest[: max(0, number)]:
            # Stop counting it now, not when the event loop has closed it.
            self.connections.discard(connection)
            connection.transport.abort()

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _PublicConnection(_Connection):
    """Connection of a server without tokens, with a deadline for each request and its response."""

    _read_deadline: TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_read_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._since = self.loop.time()
            self._cancel_read_deadline()
            # Not `close`, which waits until the client has read everything.
            self._read_deadline = self.loop.call_later(READ_SECONDS, self.transport.abort)

    @property
    def _is_expendable(self) -> bool:
        is_responding = self.conn.our_state in (h11.SEND_RESPONSE, h11.SEND_BODY)
        return not is_responding or self.loop.time() - self._since > _RESPONSE_SECONDS

    def _make_room(self) -> None:
        """Close also a crowd's oldest connection for one of another address, if all are taken."""
        super()._make_room()
        of_address = Counter(connection._address for connection in self._siblings)
        [(address, number)] = of_address.most_common(1)
        if len(self._siblings) >= _CONNECTIONS and of_address[self._address] <= _MANY < number:
            crowd = [sibling for sibling in self._siblings if sibling._address == address]
            self._close_oldest(crowd, 1)

    def _cancel_read_deadline(self) -> None:
        if self._read_deadline is not None:
            self._read_deadline.cancel()


async def serve(application: ASGIApp, sock: socket.socket, *, public: bool = False) -> None:
    """Serve an application until stopped; a `public` one has no tokens."""
    config = uvicorn.Config(
        application,
        http=_PublicConnection if public else _Connection,
        ws="none",
        log_config=None,
        access_log=False,
        # Clients are identified by token, not by a proxy's address headers.
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    await uvicorn.Server(config).serve([sock])
