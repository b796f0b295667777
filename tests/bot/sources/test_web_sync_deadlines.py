"""Visits end at their deadline and at a stop, whatever a host answers, for each kind of source."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.config.settings import DataSettings, Settings
from bot.sources.web_sync import visit_sources
from bot.storage.derived_data import open_entries
from knowledge.sources.addition import (
    crawl_location,
    page_location,
    repository_location,
    service_location,
)
from knowledge.sources.kinds.registry import KINDS
from knowledge.sources.net import safe_network
from knowledge.sources.source import SyncStep
from knowledge.values.documents import SHARED
from tests.bot.sources.test_web_sync import local_fetcher
from tests.knowledge.answering_host import AT, Answer, AnsweringHost
from tests.knowledge.web_server import Reply

# What each request takes, by the clock of the deadline's test.
REQUEST_SECONDS: Final = 40
VISIT_SECONDS: Final = 300
# Requests, or pieces of an answer, after which a test stops the visit.
STOP: Final = 7


def mediawiki(host: AnsweringHost, number: int, request: Any) -> Any:
    asked = {name: value for name, [value] in parse_qs(urlsplit(request.path).query).items()}
    if "generator" in asked:
        # A page of another namespace.
        page = {"pageid": number, "ns": 1}
        more = {"gapcontinue": str(number), "continue": "-||"}
        return {"batchcomplete": True, "continue": more, "query": {"pages": [page]}}
    site = {"general": {"sitename": "W"}, "namespaces": {"0": {"id": 0, "name": ""}}}
    return {"curtimestamp": AT, "query": site}


def dokuwiki(host: AnsweringHost, number: int, sent: Any) -> Any:
    # Its list has one part, so each of its pages stands for a part.
    if sent["method"] == "core.getPageHTML":
        return {"result": "<h1>Ferry</h1>"}
    return {"result": [{"id": f"p{page}", "revision": 1, "size": 9} for page in range(1_000)]}


def bookstack(host: AnsweringHost, number: int, request: Any) -> Any:
    return {"data": [{"id": number, "draft": True, "template": False}], "total": 9_999}


def outline(host: AnsweringHost, number: int, sent: Any) -> Any:
    return {"data": [{"id": "draft"}] * 100}


def discourse(host: AnsweringHost, number: int, request: Any) -> Any:
    if request.path.startswith("/categories"):
        return {"category_list": {"categories": []}}
    topic = {"id": number, "bumped_at": AT, "archetype": "banner"}
    return {"topic_list": {"topics": [topic], "more_topics_url": "/latest"}}


def tracker(host: AnsweringHost, number: int, request: Any) -> Reply:
    issue = {"number": number, "iid": number, "updated_at": AT, "state": "open", "labels": []}
    link = f'<{host.base}/x?page={number + 1}>; rel="next"'
    return Reply(json.dumps([issue]), headers={"Link": link}, kind="application/json")


def discussions(host: AnsweringHost, number: int, sent: Any) -> Any:
    pages = {"hasNextPage": True, "endCursor": str(number)}
    return {"data": {"repository": {"discussions": {"pageInfo": pages, "nodes": []}}}}


def sitemaps(host: AnsweringHost, number: int, request: Any) -> Reply:
    if number > 1:
        return Reply("<urlset/>", kind="application/xml")
    listed = "".join(f"<sitemap><loc>{host.base}/{at}</loc></sitemap>" for at in range(50))
    return Reply(f"<sitemapindex>{listed}</sitemapindex>", kind="application/xml")


def site(host: AnsweringHost, number: int, request: Any) -> Reply:
    links = "".join(f'<a href="/page{number}-{at}">Next</a>' for at in range(10))
    return Reply(f"<h1>Page</h1>{links}")


def endless(kind: str, piece: bytes) -> Answer:
    """An answer that never ends."""

    def send(host: AnsweringHost, number: int, request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.end_headers()
        try:
            while True:
                request.wfile.write(piece)
                host.happens()
        except OSError:
            # The reader has hung up.
            request.close_connection = True

    return send


BRANCHES: Final = b"0032" + b"0" * 40 + b" HEAD\n"


# By kind: the location of the source on a host, and the host's answers.
ENDLESS: Final[dict[str, tuple[Callable[[str], str], Answer]]] = {
    "mediawiki": (lambda base: service_location("mediawiki", base), mediawiki),
    "dokuwiki": (lambda base: service_location("dokuwiki", base), dokuwiki),
    "bookstack": (lambda base: service_location("bookstack", base), bookstack),
    "outline": (lambda base: service_location("outline", base), outline),
    "discourse": (lambda base: service_location("discourse", base), discourse),
    "github": (lambda base: service_location("github", f"{base}/o/n/issues"), tracker),
    "github discussions": (
        lambda base: service_location("github", f"{base}/o/n/discussions"),
        discussions,
    ),
    "gitlab": (lambda base: service_location("gitlab", f"{base}/g/p/-/issues"), tracker),
    "sitemap": (lambda base: page_location(f"{base}/sitemap.xml"), sitemaps),
    "crawl": (lambda base: crawl_location(f"{base}/"), site),
    "git": (
        lambda base: repository_location(f"{base}/handbook.git"),
        endless("application/x-git-upload-pack-advertisement", BRANCHES),
    ),
    "feed": (
        lambda base: service_location("feed", base),
        endless("application/atom+xml", b"<entry/>"),
    ),
}


@pytest.fixture(params=ENDLESS)
def host(request: pytest.FixtureRequest) -> Iterator[AnsweringHost]:
    location, answer = ENDLESS[request.param]
    with AnsweringHost(answer) as server:
        server.location = location(server.base)
        yield server


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets a request's time pass, by the clock of visits."""
    seconds = [0]

    def pass_time() -> None:
        seconds[0] += REQUEST_SECONDS

    monkeypatch.setattr(safe_network, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr("bot.sources.web_sync.VISIT_SECONDS", VISIT_SECONDS)
    return pass_time


def visit(folder: Path, location: str, stopping: threading.Event | None = None) -> list[SyncStep]:
    settings = Settings(data=DataSettings(folder=folder))
    steps = visit_sources(
        {location: [SHARED]}, settings, stopping=stopping, make_fetcher=local_fetcher
    )
    return list(steps)


def test_every_kind_has_an_endless_list() -> None:
    assert {*KINDS} <= {*ENDLESS}


def test_a_visit_ends_at_its_deadline(
    host: AnsweringHost, tmp_path: Path, pass_time: Callable[[], None]
) -> None:
    host.happens = pass_time
    visit(tmp_path, host.location)
    assert len(host.paths) <= VISIT_SECONDS / REQUEST_SECONDS + 1
    with open_entries(tmp_path, "") as pages:
        state = pages.state(host.location)
    # The next visit goes on, or the list is said to be cut.
    assert state.synced_at is None or state.reason


def test_a_visit_ends_at_a_stop(host: AnsweringHost, tmp_path: Path) -> None:
    stopping, events = threading.Event(), iter(range(1_000_000))

    def stop() -> None:
        if next(events) == STOP:
            stopping.set()

    host.happens = stop
    visit(tmp_path, host.location, stopping)
    assert stopping.is_set()
    assert len(host.paths) <= STOP + 1
    with open_entries(tmp_path, "") as pages:
        assert pages.state(host.location).synced_at is None


def test_a_list_cut_short_is_read(tmp_path: Path, pass_time: Callable[[], None]) -> None:
    def wiki(host: AnsweringHost, number: int, sent: Any) -> Any:
        page: dict[str, Any] = {
            "id": str(number),
            "title": f"Page {number}",
            "text": "Ferries.",
            "url": "/doc/x",
        }
        page |= {"revision": 1, "publishedAt": AT, "updatedAt": AT}
        return {"data": [page] * 100 if "offset" in sent else page}

    with AnsweringHost(wiki) as host:
        host.happens = pass_time
        location = service_location("outline", host.base)
        visit(tmp_path, location)
        lists = [path for path in host.paths if path.endswith(".list")]
        with open_entries(tmp_path, "") as pages:
            assert len(pages.keys(location)) == len(host.paths) - len(lists) > 1
