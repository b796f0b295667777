"""Git over HTTP: dulwich's client on the guarded network of the web reader.

Imported only to fetch a repository from the web, because dulwich is an optional dependency. The
client sends no name or password, ignores the user's Git settings, and doesn't offer to fetch packs
from other addresses (packfile URIs).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import urljoin

import httpcore2
from dulwich.client import AbstractHttpGitClient

from knowledge.sources.net.addresses import URL_CHARACTERS, host_of, normal_url, problem_with_url
from knowledge.sources.net.polite_fetcher import REDIRECTS, Fetcher
from knowledge.sources.net.safe_network import LostError, RefusedError, user_agent

# Limit of the list of branches.
REFS_BYTES: Final = 20_000_000
# Timeout for a pack: the largest one needs 650 kB a second.
PACK_SECONDS: Final = 300.0

_LOST: Final = frozenset({401, 403, 404, 410})
_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
NO_REMOTE: Final = "is no public Git repository"


class _Answer:
    """A response with the interface that dulwich expects, read in pieces up to a limit."""

    def __init__(self, response: httpcore2.Response, opened: ExitStack, limit: int) -> None:
        headers = {name.lower(): value for name, value in response.headers}
        self.status = response.status
        self.content_type = headers.get(b"content-type", b"").decode("latin-1")
        self.encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        self.location = headers.get(b"location", b"").decode("latin-1")
        self.redirect_location = ""
        self._chunks: Iterator[bytes] = response.iter_stream()
        self._opened = opened
        self._left = limit
        self._limit = limit
        self._buffer = bytearray()

    def close(self) -> None:
        self._opened.close()

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes (fewer only at the end), because dulwich expects whole lines.

        Raises RefusedError if the response has more bytes than the limit.
        """
        while len(self._buffer) < size:
            more = next(self._chunks, b"")
            if not more:
                break
            self._buffer += more
            self._left -= len(more)
            if self._left < 0:
                raise RefusedError(f"sends more than {self._limit / 1e6:,} MB")
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class GuardedGitClient(AbstractHttpGitClient):
    """Git client for one repository, with the guards and pauses of a `Fetcher`."""

    def __init__(self, url: str, fetcher: Fetcher, pack_bytes: int) -> None:
        super().__init__(url, thin_packs=False, quiet=True)
        self._fetcher = fetcher
        self._pack_bytes = pack_bytes
        self._fetch_capabilities = {
            name for name in self._fetch_capabilities if not name.startswith(b"packfile-uris")
        }

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Any]:
        """Send one request for dulwich; follows redirects only of GET requests.

        Raises RefusedError if the request fails; the message is the rest of a sentence.
        """
        content = data if isinstance(data, bytes | None) else b"".join(data)
        asked = [
            *(headers or {}).items(),
            ("Accept-Encoding", "identity"),
            # Without the prefix "git/", some hosts answer with a web page.
            ("User-Agent", f"git/dulwich ({user_agent()})"),
        ]
        named = [(name, value) for name, value in asked if name.lower() != "content-length"]
        at = url
        for _ in range(REDIRECTS + 1):
            answer = self._answer(at, named, content)
            if answer.status not in _REDIRECTING or not answer.location or content is not None:
                break
            answer.close()
            at = _redirect_target(at, answer.location)
        else:
            raise RefusedError(f"is redirected more than {REDIRECTS} times")
        if problem := _problem(answer, is_first=content is None):
            answer.close()
            raise LostError(problem) if answer.status in _LOST else RefusedError(problem)
        answer.redirect_location = at if at != url else ""
        return answer, answer.read

    def _answer(self, url: str, headers: list[tuple[str, str]], content: bytes | None) -> _Answer:
        opened = ExitStack()
        own = [*headers, *([("Content-Length", str(len(content)))] if content else [])]
        with ExitStack() as opening:
            connections = opening.enter_context(self._fetcher.connections(url))
            response = opening.enter_context(
                connections.request(
                    "GET" if content is None else "POST",
                    url,
                    own,
                    content=content or b"",
                    whole_seconds=None if content is None else PACK_SECONDS,
                )
            )
            opened = opening.pop_all()
        return _Answer(response, opened, REFS_BYTES if content is None else self._pack_bytes)


def _redirect_target(at: str, location: str) -> str:
    """A redirect's address; RefusedError if it's invalid, or leaves https."""
    target = normal_url(urljoin(at, location[:URL_CHARACTERS]))
    if problem := problem_with_url(target):
        raise RefusedError(f"is redirected to what {problem}")
    if at.startswith("https:") and not target.startswith("https:"):
        raise RefusedError(f"is redirected to {host_of(target)}, without https")
    return target


def _problem(answer: _Answer, *, is_first: bool) -> str:
    """The problem with an answer, as the rest of a sentence; empty if there is none.

    `is_first` is whether this is the answer to the first request, which asks for the branches.
    """
    if answer.status in (401, 403):
        return (
            "asks for a login: the repository is missing or private, and only public ones can be "
            "followed"
        )
    if answer.status in (404, 410):
        return f"{NO_REMOTE} (the host answers {answer.status})"
    if answer.status in (429, 503):
        return f"asks to be left alone for now ({answer.status})"
    if answer.status != 200:
        return f"can't be fetched (the host answers {answer.status})"
    if is_first and not answer.content_type.startswith(_ADVERTISEMENT):
        return NO_REMOTE
    if answer.encoding not in ("", "identity"):
        return f"comes compressed as {answer.encoding[:40]}, which was not asked for"
    return ""
