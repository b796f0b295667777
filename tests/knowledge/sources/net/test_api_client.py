from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

import pytest

from knowledge.sources.net.api_client import (
    PAGE_VALUES,
    ApiClient,
    BusyError,
    EndlessError,
    LoginError,
    MissingError,
    pages,
)
from knowledge.sources.net.safe_network import RefusedError
from tests.knowledge.web_server import Reply, WebServer, local_fetcher

JSON = Reply("[1]", kind="application/json")
TORN = replace(JSON, content="[1")
BUSY = Reply("", 429)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(server: WebServer, slept: list[float]) -> Iterator[ApiClient]:
    with local_fetcher(sleep=slept.append) as fetcher:
        yield ApiClient(fetcher, server.url(""))


def answer_with(server: WebServer, *replies: Reply) -> None:
    """Answer requests for /list with these replies in turn; the last one also answers the rest."""
    left = [*replies]

    def answer(request: BaseHTTPRequestHandler) -> None:
        server.send(request, left.pop(0) if len(left) > 1 else left[0])

    server.pages["/list"] = answer


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        *((Reply("", status), 2) for status in (500, 502, 504)),
        (Reply("", 503), 2),
        (BUSY, 2),
        (replace(BUSY, headers={"Retry-After": "9"}), 9),
        (Reply("", 403, {"Retry-After": "9"}), 9),
        (TORN, 0),
        (Reply("<html>Just a moment</html>"), 0),
    ],
)
def test_a_passing_failure_is_retried_after_the_wait_that_the_host_asks_for(
    server: WebServer, client: ApiClient, slept: list[float], failure: Reply, seconds: int
) -> None:
    answer_with(server, failure, JSON)
    assert client.json("/list") == [1]
    assert [round(one) for one in slept] == ([seconds] if seconds else [])


@pytest.mark.parametrize(
    ("reply", "kind", "reason", "requests"),
    [
        (BUSY, BusyError, "asks to be left alone for now", 3),
        (replace(BUSY, headers={"Retry-After": "900"}), BusyError, "asks to be left alone", 1),
        (replace(BUSY, headers={"RateLimit-Reset": "9999999999"}), BusyError, "asks to be", 1),
        (
            Reply("", 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}),
            BusyError,
            "asks to be left alone",
            1,
        ),
        (Reply("", 500), RefusedError, r"fails \(the host answers 500\)", 6),
        (Reply("", 401), LoginError, r"asks for a login, or refuses it \(the host answers 401", 1),
        (Reply("", 403), LoginError, "asks for a login, or refuses it", 1),
        (Reply("", 404), MissingError, "has no such API, or is gone", 1),
        (Reply("", 418), RefusedError, r"can't be read \(the host answers 418\)", 2),
        (TORN, RefusedError, "answers with no valid JSON", 2),
        (
            Reply("", 302, {"Location": "/list"}),
            RefusedError,
            "is redirected more than 5 times",
            12,
        ),
        (Reply("", 302, {"Location": "http://b.test/"}), RefusedError, "leads to http://b.test", 2),
    ],
)
def test_a_refusal_has_its_kind_and_reason(
    server: WebServer,
    client: ApiClient,
    reply: Reply,
    kind: type[RefusedError],
    reason: str,
    requests: int,
) -> None:
    answer_with(server, reply)
    with pytest.raises(RefusedError, match=f"^{reason}") as refused:
        client.json("/list")
    assert type(refused.value) is kind
    assert len(server.requests) == requests


# Lists in pages.

NUMBERS = count()


@pytest.mark.parametrize(
    ("ask", "items"),
    [
        (lambda token: ([1], str(next(NUMBERS))), 5),
        (lambda token: ([1], "same"), 2),
        (lambda token: ([1] * (PAGE_VALUES + 1), ""), 0),
    ],
    ids=["too many pages", "a page twice", "too long a page"],
)
def test_endless_list_is_left(ask: Callable[[str], tuple[Sequence[Any], str]], items: int) -> None:
    listed = pages(ask, 5)
    assert [next(listed) for _ in range(items)] == [1] * items
    with pytest.raises(EndlessError):
        next(listed)
