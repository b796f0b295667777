"""Problem details: the JSON format of refusals by the HTTP servers.

Source:
    RFC 9457, "Problem Details for HTTP APIs".
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.types import Send

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
