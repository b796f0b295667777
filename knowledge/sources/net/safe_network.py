"""Network backend that connects to checked addresses only, with deadlines per request and visit.

The backend resolves a name, checks all of its addresses, and connects to a checked address. So the
name can't resolve to another address in between (DNS rebinding). No proxy is used, because proxies
resolve names themselves. TLS still compares certificates with the name.

Errors:
    Exception
    └── RefusedError       the request is refused or fails; the message is the reason
        └── LostError      the source is gone or no longer public
    BaseException
    └── VisitOverError     the visit's time is over, or the program stops
"""

import math
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import httpcore2
import httpx2

from knowledge.files.robots_meta import NAME

Resolve = Callable[[str, int], Sequence[str]]
# The problem with an address of a host at a port, as "is …"; empty if it may be connected to.
Guard = Callable[[str, int, str], str]


class RefusedError(Exception):
    """The request is refused or fails; the message is the reason."""


class LostError(RefusedError):
    """The source is gone or no longer public; its text is quoted only for a grace period."""


class VisitOverError(BaseException):
    """The visit's time is over, or the program stops.

    No `Exception`, like `asyncio.CancelledError`: no handler of a failed request swallows it.
    """


def system_addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def read_bounded(chunks: Iterable[bytes], limit: int, *, packed: bool) -> bytes | None:
    """Join the chunks, decompressed if `packed`; None if there are more than `limit` bytes.

    Decompression stops at the limit, so a small bomb can't fill the memory. Raises RefusedError if
    the packed data is damaged.
    """
    unpacked = bytearray()
    inflating = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if packed else None
    for chunk in chunks:
        if inflating is None:
            unpacked += chunk
        elif not inflating.eof:
            try:
                unpacked += inflating.decompress(chunk, limit - len(unpacked) + 1)
            except zlib.error as error:
                raise RefusedError("comes damaged") from error
        if len(unpacked) > limit:
            return None
    return bytes(unpacked)


class Clock:
    """The deadlines of a visit to a source, and of its current request.

    Without `begin_visit`, a visit has no end. All requests look at the clock, so that no reader of
    a source can go on after the end of its visit.
    """

    def __init__(self) -> None:
        self._end = 0.0
        self._visit_end = math.inf
        self._stopping = threading.Event()

    def begin_visit(self, seconds: float, stopping: threading.Event | None = None) -> None:
        """Begin a visit, which ends after `seconds`, or as soon as `stopping` is set."""
        self._visit_end = time.monotonic() + seconds
        self._stopping = stopping or threading.Event()

    def halfway(self) -> float:
        """The moment when half of the visit's time left is over."""
        return (time.monotonic() + self._visit_end) / 2

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """End the visit at a moment in the `with` block, unless it ends before."""
        end = self._visit_end
        self._visit_end = min(end, moment)
        try:
            yield
        finally:
            self._visit_end = end

    def check_visit(self, wait: float = 0.0) -> None:
        """Raise VisitOverError if the visit ends within the next `wait` seconds."""
        if self._stopping.is_set() or time.monotonic() + wait >= self._visit_end:
            raise VisitOverError

    def start(self, seconds: float) -> None:
        """Set the deadline of a request to `seconds` from now."""
        self.check_visit()
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """The smaller of `timeout` and the seconds left; raises if a deadline has passed."""
        self.check_visit()
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("The whole took too long.")
        return left if timeout is None else min(left, timeout)


class CheckedNetwork(httpcore2.NetworkBackend):
    """Network backend for httpcore that checks addresses and enforces the deadline."""

    def __init__(self, guard: Guard, resolve: Resolve, clock: Clock) -> None:
        self._guard = guard
        self._resolve = resolve
        self._clock = clock
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Check all addresses of the host, then connect to the first one that answers."""
        with _as_network_error(host):
            found = list(dict.fromkeys(self._resolve(host.strip("[]"), port)))
        for address in found:
            # One forbidden address is enough: any of them might be connected to.
            if problem := self._guard(host, port, address):
                raise RefusedError(f"leads to {address}, which {problem}")
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in found:
            try:
                stream = self._network.connect_tcp(
                    address, port, self._clock.left(timeout), local_address, socket_options
                )
                return _TimedStream(stream, self._clock)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


@contextmanager
def _as_network_error(host: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} has no address") from error


class _TimedStream(httpcore2.NetworkStream):
    """A connection that ends at the deadline, even if the host still sends."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout))
        return _TimedStream(secured, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


# Requests.

STEP_SECONDS: Final = 10.0
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")

Header = tuple[bytes | str, bytes | str]


class Connections:
    """A pool of connections to hosts whose addresses pass the `guard`.

    `whole_seconds` limits one request with its response; the default of `trusted` are the
    authorities of browsers. Callers decide about pauses, redirects and content.
    """

    def __init__(
        self,
        guard: Guard,
        resolve: Resolve,
        whole_seconds: float,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._whole_seconds = whole_seconds
        # The operator's contact for the hosts.
        self.contact = ""
        self.clock = Clock()
        self._pool = httpcore2.ConnectionPool(
            max_connections=4,
            keepalive_expiry=15.0,
            ssl_context=trusted,
            network_backend=CheckedNetwork(guard, resolve, self.clock),
        )

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def request(
        self,
        method: str,
        url: str,
        headers: Sequence[Header],
        *,
        content: bytes = b"",
        whole_seconds: float | None = None,
    ) -> Iterator[httpcore2.Response]:
        """Send a request; its response can be read inside the context, until the deadline.

        Raises RefusedError if the host leads to a forbidden address, httpcore2.TimeoutException,
        NetworkError or ProtocolError if the request fails, and VisitOverError if the visit is over.
        """
        parsed = httpx2.URL(url)
        named = {name.lower() for name, _ in headers if isinstance(name, str)}
        agent: list[Header] = []
        if "user-agent" not in named:
            agent = [("User-Agent", user_agent(self.contact))]
        own: list[Header] = [("Host", parsed.netloc), *agent, *headers]
        target = httpcore2.URL(
            scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
        )
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), STEP_SECONDS)
        self.clock.start(whole_seconds or self._whole_seconds)
        with self._pool.stream(
            method, target, headers=own, content=content, extensions={"timeout": timeouts}
        ) as response:
            yield response


def error_text(error: Exception) -> str:
    """Describe an error in words; for a certificate error, its verification message."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not to be trusted: {cause.verify_message.rstrip('.')}"
        cause = cause.__cause__ or cause.__context__
    # Without the number that the system gives: "[Errno 111] Connection refused".
    return _ERRNO.sub("", " ".join(str(error).split()))[:200] or type(error).__name__


# Cached, because reading the version parses the package's metadata, and each request asks for it.
@cache
def user_agent(contact: str = "") -> str:
    """The User-Agent header, with the operator's contact."""
    try:
        name = f"{NAME}/{version('commonplace-bot')}"
    except PackageNotFoundError:
        name = f"{NAME}/0"
    return f"{name} ({contact})" if contact else name
