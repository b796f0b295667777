"""Polite HTTP fetcher: robots.txt, a delay between requests, few redirects, bounded responses.

Failures are normal on the web, so an outcome is a value (`Fetched`, `Unchanged`, `Gone`, `Failed`),
never an exception. A `Fetcher` reads robots.txt first, pauses between two requests to a host,
follows a few redirects, and accepts only some content types up to a size. It connects only to
public addresses, or only to internal hosts (`addresses`).
"""

import codecs
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self

import httpcore2
from protego import Protego

from knowledge.files.parsed_file import MAX_PACKED_BYTES
from knowledge.files.robots_meta import NAME, hiding_rule, nofollow_rule
from knowledge.sources.net import addresses
from knowledge.sources.net.addresses import InternalHosts, host_of, normal_url, problem_with_url
from knowledge.sources.net.safe_network import (
    Clock,
    Connections,
    Header,
    RefusedError,
    Resolve,
    error_text,
    read_bounded,
    system_addresses,
)

WHOLE_SECONDS: Final = 60.0
REDIRECTS: Final = 5
ROBOTS_BYTES: Final = 500_000
# The longest wait in seconds that a host may ask for, between two requests or before a retry.
LONGEST_WAIT: Final = 60.0

PAGE_TYPES: Final = frozenset(
    {
        "",
        "text/html",
        "application/xhtml+xml",
        "text/plain",
        "text/markdown",
        "text/x-markdown",
        "application/pdf",
    }
)
LIST_TYPES: Final = frozenset(
    {"application/xml", "text/xml", "application/gzip", "application/x-gzip"}
)

_ROBOTS_TAG: Final = "x-robots-tag"
_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({429, 503})
# Python's own codecs: no page uses them, and decoding a large one from the first takes hours.
_NO_CHARSETS: Final = frozenset(
    {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched page; `url` is its address after redirects.

    `hidden` is the host's rule against quoting the page, if any. `nofollow` is whether the host
    forbids programs to follow the page's links.
    """

    url: str
    content: bytes
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    hidden: str = ""
    nofollow: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The page is unchanged since the last fetch; the fields mean the same as in `Fetched`."""

    hidden: str = ""
    nofollow: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The page is gone; `reason` continues a sentence about it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The page could not be fetched; `reason` continues a sentence about it.

    `busy`: the host asks for a longer pause than the fetcher makes. `down`: the host or its
    robots.txt can't be reached, or fails. `no_page`: the address leads to another content type, or
    out of the scope.
    """

    reason: str
    busy: bool = False
    down: bool = False
    no_page: bool = False


FetchOutcome = Fetched | Unchanged | Gone | Failed


class _NoPageError(RefusedError):
    """The address leads to another content type, or out of the scope; the message says which."""


class _NoRobotsError(RefusedError):
    """The host's robots.txt can't be fetched, so nothing of the host may be."""


@dataclass(frozen=True, slots=True)
class _Response:
    """A response; `content` is empty unless its status is 200."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class Fetcher:
    """Fetches pages during one sync of sources; caches each host's robots.txt.

    `delay_seconds` is the least time between two requests to a host; robots.txt may ask for more.
    `problem_with` an IP address is empty if connections are allowed. Only `internal` hosts are
    connected to, if given. A stopping program can interrupt `sleep`. `whole_seconds` limits one
    request; the default of `trusted` are the authorities of browsers.
    """

    def __init__(
        self,
        delay_seconds: float = 1.0,
        *,
        problem_with: Callable[[str], str] = addresses.problem_with,
        internal: InternalHosts | None = None,
        resolve: Resolve = system_addresses,
        sleep: Callable[[float], object] = time.sleep,
        whole_seconds: float = WHOLE_SECONDS,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._delay = delay_seconds
        self._sleep = sleep
        guard = internal.problem_with if internal else lambda host, port, at: problem_with(at)
        self._connections = Connections(guard, resolve, whole_seconds, trusted)
        self._robots: dict[str, Protego | Failed] = {}
        self._asked: dict[str, float] = {}

    @property
    def clock(self) -> Clock:
        """The deadlines of the visit; a request or a pause behind its end raises VisitOverError."""
        return self._connections.clock

    def set_contact(self, contact: str) -> None:
        """Set the operator's contact in the User-Agent header."""
        self._connections.contact = contact

    def close(self) -> None:
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        types: frozenset[str] = PAGE_TYPES,
        limit: int = MAX_PACKED_BYTES,
        inside: Callable[[str], bool] = lambda at: True,
    ) -> FetchOutcome:
        """Fetch a page, unless it is unchanged since this ETag and date.

        `types` are the accepted content types, `limit` is the maximum number of bytes after
        decompression. `inside` decides whether an address, also a redirect's, may be requested.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        known = {name: value for name, value in headers.items() if value}
        try:
            return self._outcome(url, known, types, limit, inside)
        except _NoPageError as error:
            return Failed(str(error), no_page=True)
        except RefusedError as error:
            return Failed(str(error), down=isinstance(error, _NoRobotsError))
        except httpcore2.TimeoutException:
            return Failed("did not answer in time", down=True)
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            return Failed(f"can't be reached ({error_text(error)})", down=True)

    def _outcome(
        self,
        url: str,
        known: Mapping[str, str],
        types: frozenset[str],
        limit: int,
        inside: Callable[[str], bool],
    ) -> FetchOutcome:
        def permit(at: str) -> None:
            if not inside(at):
                raise _NoPageError(f"leads out of what is read, to {at}")
            self._may_fetch(at)

        final, response = self._follow_redirects(url, known, limit, permit, types)
        headers = response.headers
        rules = headers.get(_ROBOTS_TAG, "").split("\n")
        hidden, nofollow = hiding_rule(rules), bool(nofollow_rule(rules))
        if response.status == 304 and known:
            return Unchanged(hidden, nofollow)
        if response.status in (404, 410):
            return Gone(f"is gone (the host answers {response.status})")
        if response.status == 429 or _retry_after(response) is not None:
            return Failed(f"asks to be left alone for now ({response.status})", busy=True)
        if response.status != 200:
            reason = f"can't be fetched (the host answers {response.status})"
            return Failed(reason, down=response.status >= 500)
        return Fetched(
            url=final,
            content=_as_utf8(response.content, headers.get("content-type", "")),
            content_type=_content_type(headers),
            etag=headers.get("etag", "")[:500],
            last_modified=headers.get("last-modified", "")[:100],
            hidden=hidden,
            nofollow=nofollow,
        )

    def _follow_redirects(
        self,
        url: str,
        headers: Mapping[str, str],
        limit: int,
        permit: Callable[[str], object],
        types: frozenset[str] | None,
    ) -> tuple[str, _Response]:
        """Follow redirects; returns the last address and its response."""
        url = normal_url(url)
        for _ in range(REDIRECTS + 1):
            if problem := problem_with_url(url):
                raise RefusedError(problem)
            permit(url)
            response = self._request_politely(url, headers, limit, types)
            location = response.headers.get("location", "")
            if response.status not in _REDIRECTING or not location:
                return url, response
            url = normal_url(location, url)
        raise RefusedError(f"is redirected more than {REDIRECTS} times")

    def _request_politely(
        self, url: str, headers: Mapping[str, str], limit: int, types: frozenset[str] | None
    ) -> _Response:
        """Send one request after the host's pause; retry once if the host asks for a short wait."""
        robots = self._robots.get(host_of(url))
        asked = robots.crawl_delay(NAME) if isinstance(robots, Protego) else None
        self.pause(url, max(self._delay, min(asked or 0.0, LONGEST_WAIT)))
        response = self._ask(url, headers, limit, types)
        wait = _retry_after(response)
        if response.status in _BUSY and wait is not None and wait <= LONGEST_WAIT:
            self.pause(url, max(wait, self._delay))
            response = self._ask(url, headers, limit, types)
        return response

    def pause(self, url: str, seconds: float) -> None:
        """Wait until `seconds` have passed since the last request to the address's host."""
        host = host_of(url)
        waited = time.monotonic() - self._asked.get(host, float("-inf"))
        if waited < seconds:
            self.clock.check_visit(seconds - waited)
            self._sleep(seconds - waited)

    def _ask(
        self, url: str, headers: Mapping[str, str], limit: int, types: frozenset[str] | None
    ) -> _Response:
        own: list[Header] = [
            ("Accept-Encoding", "gzip"),
            ("Accept", "text/html, text/markdown, text/plain, application/pdf, */*;q=0.5"),
            # Unchanged bytes: some ETags have non-ASCII letters.
            *((name, value.encode("latin-1")) for name, value in headers.items()),
        ]
        with self._recording_request(url), self._connections.request("GET", url, own) as response:
            return _read(response, limit, types)

    @contextmanager
    def _recording_request(self, url: str) -> Iterator[None]:
        """Record the time when the request in the `with` block ends.

        The pause before the next request to the host is counted from this time.
        """
        try:
            yield
        finally:
            self._asked[host_of(url)] = time.monotonic()

    @contextmanager
    def connections(self, url: str) -> Iterator[Connections]:
        """Wait until the pause between requests is over, then provide connections for a request.

        robots.txt isn't consulted, because it covers pages only. The caller follows redirects.
        Raises RefusedError if the address can't be fetched.
        """
        if problem := problem_with_url(url):
            raise RefusedError(problem)
        self.pause(url, self._delay)
        with self._recording_request(url):
            yield self._connections

    # robots.txt

    def allows(self, url: str) -> bool:
        """Whether the host's robots.txt allows fetching a page."""
        try:
            self._may_fetch(url)
        except RefusedError:
            return False
        return True

    def sitemaps(self, url: str) -> list[str]:
        """The sitemap addresses in the robots.txt of an address's host, unchecked."""
        self.allows(url)
        robots = self._robots.get(host_of(url))
        return list(robots.sitemaps) if isinstance(robots, Protego) else []

    def _may_fetch(self, url: str) -> None:
        """Refuse an address that the host's robots.txt disallows."""
        host = host_of(url)
        if host not in self._robots:
            self._robots[host] = self._robots_of(host)
        robots = self._robots[host]
        if isinstance(robots, Failed):
            raise (_NoRobotsError if robots.down else RefusedError)(robots.reason)
        if not robots.can_fetch(url, NAME):
            raise RefusedError(f"is closed to programs by {host}/robots.txt")

    def _robots_of(self, host: str) -> Protego | Failed:
        """A host's robots.txt; a missing one allows everything (RFC 9309), a failure nothing."""
        try:
            url = f"{host}/robots.txt"
            _, response = self._follow_redirects(url, {}, ROBOTS_BYTES, lambda at: None, None)
        except RefusedError as error:
            return Failed(str(error))
        except (httpcore2.TimeoutException, httpcore2.NetworkError, OSError) as error:
            return Failed(f"can't be reached ({error_text(error)})", down=True)
        except httpcore2.ProtocolError as error:
            return Failed(f"can't be understood ({error_text(error)})", down=True)
        if response.status >= 500 or response.status == 429:
            reason = f"can't be fetched, for {host}/robots.txt answers {response.status}"
            return Failed(reason, down=True)
        text = response.content.decode("utf-8", "replace") if response.status == 200 else ""
        return Protego.parse(text)


def _read(response: httpcore2.Response, limit: int, types: frozenset[str] | None) -> _Response:
    """Read a response; the body only if the status is 200.

    `types` is None for robots.txt: any type is accepted, and a file above `limit` counts as empty.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("ascii", "replace").lower(), raw_value.decode("latin-1")
        # This header may occur several times, each for another program.
        several = name == _ROBOTS_TAG and name in headers
        headers[name] = f"{headers[name]}\n{value}" if several else value
    if response.status != 200:
        return _Response(response.status, headers)
    kind = _content_type(headers)
    if types is not None and kind not in types:
        raise _NoPageError(f"is {kind}, which can't be read")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise RefusedError(f"comes compressed as {encoding[:40]}, which was not asked for")
    packed = encoding in ("gzip", "x-gzip")
    content = read_bounded(response.iter_stream(), limit, packed=packed)
    if content is None:
        if types is not None:
            raise RefusedError(f"has more than {limit / 1e6:,.0f} MB")
        content = b""
    return _Response(response.status, headers, content)


def _as_utf8(content: bytes, content_type: str) -> bytes:
    """Re-encode text in UTF-8 with a byte-order mark if the headers give another encoding."""
    kind, _, rest = content_type.lower().partition(";")
    charset = rest.partition("charset=")[2].partition(";")[0].strip(" \"'")
    if not kind.strip().startswith("text/") or charset in ("", "utf-8", "utf8"):
        return content
    try:
        if codecs.lookup(charset).name.replace("_", "-") in _NO_CHARSETS:
            return content
        return codecs.BOM_UTF8 + content.decode(charset).encode()
    except (LookupError, ValueError):
        # The header is wrong; the page itself may declare its encoding.
        return content


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()[:100]


def _retry_after(response: _Response) -> float | None:
    """The seconds in a Retry-After header; None without one, or if it is a date."""
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 9 else None


# Makes a fetcher, from the pause between requests in seconds and a function that waits.
MakeFetcher = Callable[[float, Callable[[float], object]], Fetcher]
