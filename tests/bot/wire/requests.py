"""Requests read from the wire, and simulated failures of Discord to answer them."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.bot.wire.state import RefusedError

# By its number: a file's name, content and type.
Files = dict[int, tuple[str, bytes, str]]


@dataclass
class Sent:
    """A parsed request of the bot."""

    method: str
    path: str
    match: re.Match[str]
    query: dict[str, str]
    body: Any
    files: Files

    def number(self, name: str) -> int:
        return int(self.match[name])


@dataclass
class Fault:
    """A failure of Discord on requests to a matching route, some times.

    Attributes:
        method, path: which requests.
        status: what is answered; 0 cuts the connection.
        taken: whether the request takes effect before its answer is lost.
        times: how often.
        retry_after: seconds, of a 429.
    """

    method: str
    path: str
    status: int = 0
    taken: bool = False
    times: int = 1
    retry_after: float = 0.2
    code: int = 0
    met: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Whether this fault applies to a request."""
        fits = method == self.method and re.search(self.path, path) is not None
        if fits and self.met < self.times:
            self.met += 1
            return True
        return False


async def read(request: web.Request) -> tuple[Any, Files]:
    """The body and the files of a request, by their numbers."""
    files: Files = {}
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else None), files
    body: Any = {}
    form = await request.post()
    for name, value in form.items():
        number = re.fullmatch(r"files\[(\d+)\]", name)
        if name == "payload_json" and isinstance(value, str):
            body = json.loads(value)
        elif number and isinstance(value, web.FileField):
            files[int(number[1])] = (value.filename, value.file.read(), value.content_type)
        else:
            raise RefusedError(400, 50035, "Invalid Form Body", {name: {"_errors": []}})
    return body, files


def failed(request: web.Request, fault: Fault) -> web.Response:
    """The response to a failing request; None if the connection is cut."""
    if fault.status == 0:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault.status == 429:
        body = {
            "message": "You are being rate limited.",
            "retry_after": fault.retry_after,
            "global": False,
        }
        headers = {
            "Via": "1.1 google",
            "Retry-After": "1",
            "X-RateLimit-Scope": "user",
            "X-RateLimit-Bucket": "abc",
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": str(fault.retry_after),
            "X-RateLimit-Reset": str(time.time() + fault.retry_after),
        }
    else:
        body = {"message": f"{fault.status}", "code": fault.code}
        headers = {}
    return web.Response(
        body=json.dumps(body).encode(),
        status=fault.status,
        headers=headers,
        content_type="application/json",
    )
