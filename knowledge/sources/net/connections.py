"""Guarded connections: single HTTP requests to checked addresses, each with a total time limit.

All requests to hosts on the web use this module. Its callers (`polite_fetcher` for pages,
`api_client` for APIs, `knowledge.sources.git` for commits) decide about pauses, redirects and
content.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import httpcore2
import httpx2

from knowledge.files.robots_meta import NAME
from knowledge.sources.net.safe_network import CheckedNetwork, Clock, Guard, Resolve

STEP_SECONDS: Final = 10.0
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")

Header = tuple[bytes | str, bytes | str]


class Connections:
    """A pool of connections to hosts with checked addresses.

    Args:
        guard: returns the problem with a host's IP address; empty if connections are allowed.
        resolve: resolves a host to its addresses.
        whole_seconds: the time limit of one request and its response.
        trusted: the certificate authorities to trust; by default those of browsers.
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

        Raises:
            RefusedError: if the host leads to a forbidden address.
            httpcore2.TimeoutException, NetworkError, ProtocolError: if the request fails.
            VisitOverError: if the visit is over.
        """
        parsed = httpx2.URL(url)
        named = {name.lower() for name, _ in headers if isinstance(name, str)}
        agent: list[Header] = []
        if "user-agent" not in named:
            agent = [("User-Agent", user_agent(self.contact))]
        own: list[Header] = [("Host", parsed.netloc), *agent, *headers]
        target = httpcore2.URL(
            scheme=parsed.raw_scheme,
            host=parsed.raw_host,
            port=parsed.port,
            target=parsed.raw_path,
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
