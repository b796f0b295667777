"""A real web server on this machine whose pages are a dictionary, and which remembers requests."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from knowledge.sources.net.polite_fetcher import Fetcher


@dataclass
class Reply:
    """What the server answers; with an ETag it answers 304 to whoever knows it."""

    content: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "text/html"

    @property
    def body(self) -> bytes:
        return self.content.encode() if isinstance(self.content, str) else self.content


class _Quiet(ThreadingHTTPServer):
    """A server for which it is no news that somebody hangs up."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class WebServer:
    """Answers with `pages[path]`; a callable there is handed the request and does it all."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.scheme = "http" if tls is None else "https"
        self.pages: dict[str, Reply | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        if tls is not None:
            # The handshake is the connection's own thread's matter.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str, host: str = "docs.test") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, without robots.txt."""
        return [path for path, _ in self.requests if path != "/robots.txt"]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path, headers))
        reply = self.pages.get(request.path, Reply("Not here.", 404))
        if not isinstance(reply, Reply):
            reply(request)
            return
        self.send(request, reply)

    def send(self, request: BaseHTTPRequestHandler, reply: Reply) -> None:
        etag = reply.headers.get("ETag")
        known = etag is not None and request.headers.get("If-None-Match") == etag
        body = b"" if known else reply.body
        request.send_response(304 if known else reply.status)
        for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def local_fetcher(delay_seconds: float = 0, **options: Any) -> Fetcher:
    """A fetcher that waits for nothing; every host's name leads to this machine."""
    local = {
        "problem_with": lambda address: "",
        "resolve": lambda host, port: ["127.0.0.1"],
        "sleep": lambda seconds: None,
    }
    return Fetcher(delay_seconds, **local | options)
