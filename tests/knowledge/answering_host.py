"""A web server whose answers a test's function makes, for services of any kind."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from tests.knowledge.web_server import Reply, WebServer

AT: Final = "2026-03-10T12:00:00Z"

# The answer to a host's request of a number: JSON, a reply, or None if it is written already.
Answer = Callable[["AnsweringHost", int, Any], Any]


class AnsweringHost(WebServer):
    """Answers by a function; after each answer is made, the test's event happens."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer
        self.happens: Callable[[], object] = lambda: None
        # The source to visit.
        self.location = ""

    @property
    def base(self) -> str:
        return self.url("").rstrip("/")

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        sent = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.requests.append((request.path, {}))
        if request.path == "/robots.txt":
            self.send(request, Reply("", 404))
            return
        made = self._answer(self, len(self.paths), json.loads(sent) if sent else request)
        self.happens()
        if isinstance(made, Reply):
            self.send(request, made)
        elif made is not None:
            self.send(request, Reply(json.dumps(made), kind="application/json"))
