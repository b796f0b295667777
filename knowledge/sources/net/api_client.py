"""JSON client for the APIs of services, on the guarded network of the web reader.

The client pauses between requests, waits as long as a host asks (up to a limit), and retries
temporary failures. Redirects must stay on the host, so a token is sent to no other host.

Errors:
    RefusedError           the service refuses or fails; the message is the reason
    ├── LostError          the service or document is gone, or needs a login
    │   ├── LoginError     the service asks for a login, or refuses it
    │   └── MissingError   the service has no such document or path
    ├── BusyError          the host asks for a longer pause than the client waits
    └── EndlessError       a list has more pages than the client asks for
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpcore2

from knowledge.sources.net.addresses import host_of, normal_url, problem_with_url
from knowledge.sources.net.polite_fetcher import LONGEST_WAIT, REDIRECTS, Fetcher
from knowledge.sources.net.safe_network import (
    Header,
    LostError,
    RefusedError,
    error_text,
    read_bounded,
)

# DokuWiki lists 50,000 pages in one answer of about this size. A document's HTML fits, too: its
# parser takes 10 MB. The bot stands still while an answer is decoded, at most 0.4 seconds.
ANSWER_BYTES: Final = 16_000_000
# Commas and opening brackets: more values take longer to decode.
ANSWER_VALUES: Final = 600_000
# Items in a page of a list; services send 500 at most.
PAGE_VALUES: Final = 1_000
TRIES: Final = 3
# The first wait in seconds after a passing failure; it doubles.
FIRST_WAIT: Final = 2.0
# The most requests for one list.
LIST_REQUESTS: Final = 5_000

_BUSY: Final = frozenset({429, 503})
_PASSING: Final = frozenset({500, 502, 504})
_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})


class LoginError(LostError):
    """The service asks for a login, or refuses it."""


class MissingError(LostError):
    """The service has no such document or path."""


class BusyError(RefusedError):
    """The host asks for a longer pause than the client waits."""


class EndlessError(RefusedError):
    """The list has more pages than the client asks for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, its headers by lower-case name, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Decode the body; RefusedError if the body isn't JSON, or has too many values."""
        if sum(map(self.body.count, (b",", b"[", b"{"))) > ANSWER_VALUES:
            raise RefusedError(f"answers with more than {ANSWER_VALUES:,} values")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RefusedError("answers with no valid JSON") from error


def is_busy(answer: Answer) -> bool:
    """Whether the host asks the client to wait; GitHub may do so with status 403."""
    is_limited = answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status in _BUSY or (
        answer.status == 403 and (is_limited or "retry-after" in answer.headers)
    )


class ApiClient:
    """Client of one service, whose paths are appended to `base`; each request has the `headers`.

    `busy` tells whether an answer asks the client to wait.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        base: str,
        headers: Sequence[Header] = (),
        busy: Callable[[Answer], bool] = is_busy,
    ) -> None:
        self._fetcher = fetcher
        self._base = base.rstrip("/")
        self._headers = headers
        self._busy = busy

    def get(
        self, path: str, query: Mapping[str, str] | None = None, headers: Sequence[Header] = ()
    ) -> Answer:
        """Get a path below the base address, or a full address on the same host.

        The answer has status 200 or 304. Raises RefusedError if the request fails; the message is
        the rest of a sentence.
        """
        url = path if "://" in path else f"{self._base}{path}"
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        return self._answer("GET", url, headers, b"")

    def post(self, path: str, payload: Any) -> Answer:
        """Post JSON to a path or an address; otherwise like `get`."""
        url = path if "://" in path else f"{self._base}{path}"
        content = json.dumps(payload).encode()
        sent = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        return self._answer("POST", url, sent, content)

    def json(self, path: str, query: Mapping[str, str] | None = None, payload: Any = None) -> Any:
        """Get a path, or post `payload` to it, and decode the answer. Retries once."""

        def ask() -> Any:
            answer = self.get(path, query) if payload is None else self.post(path, payload)
            return answer.json()

        try:
            return ask()
        except RefusedError as error:
            if type(error) is not RefusedError:
                raise
            return ask()

    def _answer(self, method: str, url: str, headers: Sequence[Header], content: bytes) -> Answer:
        wait = FIRST_WAIT
        for _ in range(TRIES):
            problem: RefusedError
            try:
                answer = self._follow(method, url, headers, content)
            except (httpcore2.TimeoutException, httpcore2.NetworkError) as error:
                problem = RefusedError(f"can't be reached ({error_text(error)})")
            except httpcore2.LocalProtocolError:
                # Its text may have the token.
                raise RefusedError("can't be asked with this address or token") from None
            except (httpcore2.ProtocolError, OSError) as error:
                problem = RefusedError(f"can't be understood ({error_text(error)})")
            else:
                asked = _retry_after(answer)
                if self._busy(answer):
                    problem = BusyError("asks to be left alone for now")
                    if asked is not None and asked > LONGEST_WAIT:
                        raise problem
                    wait = max(wait, asked or 0.0)
                elif answer.status in _PASSING:
                    problem = RefusedError(f"fails (the host answers {answer.status})")
                else:
                    return _check(answer)
            self._fetcher.pause(url, wait)
            wait *= 2
        raise problem

    def _follow(self, method: str, url: str, headers: Sequence[Header], content: bytes) -> Answer:
        host = host_of(self._base)
        for _ in range(REDIRECTS + 1):
            if problem := problem_with_url(url):
                raise RefusedError(problem)
            if host_of(url) != host:
                raise RefusedError(f"leads to {host_of(url)}: add that address instead")
            answer = self._ask(method, url, headers, content)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTING or not location or method != "GET":
                return answer
            url = normal_url(location, url)
        raise RefusedError(f"is redirected more than {REDIRECTS} times")

    def _ask(self, method: str, url: str, headers: Sequence[Header], content: bytes) -> Answer:
        own: list[Header] = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            *self._headers,
            *headers,
        ]
        with (
            self._fetcher.connections(url) as connections,
            connections.request(method, url, own, content=content) as response,
        ):
            named = {
                name.decode("ascii", "replace").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            packed = named.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
            body = read_bounded(response.iter_stream(), ANSWER_BYTES, packed=packed)
        if body is None:
            raise RefusedError(f"answers with more than {ANSWER_BYTES / 1e6:,.0f} MB")
        return Answer(response.status, named, body)


def pages(
    ask: Callable[[str], tuple[Sequence[Any], str]], most: int = LIST_REQUESTS
) -> Iterator[Any]:
    """Iterate over a list in at most `most` pages.

    `ask` requests a page by its token, and returns its items and the next page's token; the token
    is empty for the first page and after the last. Raises EndlessError if the list has more pages,
    repeats a token, or has a huge page.
    """
    token, seen = "", {""}
    for _ in range(most):
        items, token = ask(token)
        if len(items) > PAGE_VALUES:
            break
        yield from items
        if not token:
            return
        if token in seen:
            break
        seen.add(token)
    raise EndlessError("sends a list without an end")


def _check(answer: Answer) -> Answer:
    if answer.status in (200, 304):
        return answer
    if answer.status in (401, 403):
        raise LoginError(f"asks for a login, or refuses it (the host answers {answer.status})")
    if answer.status in (404, 410):
        raise MissingError(f"has no such API, or is gone (the host answers {answer.status})")
    raise RefusedError(f"can't be read (the host answers {answer.status})")


def _retry_after(answer: Answer) -> float | None:
    """The seconds to wait, by Retry-After or the reset of the rate limit; None if not given."""
    for name in ("retry-after", "ratelimit-reset", "x-ratelimit-reset"):
        value = answer.headers.get(name, "").strip()
        if value.isascii() and value.isdigit() and len(value) < 12:
            return float(value) - (0.0 if name == "retry-after" else time.time())
    return None
