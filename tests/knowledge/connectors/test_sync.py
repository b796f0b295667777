import json
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bot.storage.derived_data import open_pages
from knowledge.connectors.sync import document_ids, documents, failures, sync
from knowledge.values.documents import SHARED, Document, Failure, Scope
from knowledge.values.source_locations import ServiceLocation
from knowledge.web.crawl import CrawlStep
from knowledge.web.page_store import PageStore
from knowledge.web.polite_fetcher import Fetcher
from tests.knowledge.web_server import Reply, WebServer

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)
INTERFACE = "/lib/exe/jsonrpc.php"


class Wiki:
    """A DokuWiki with these pages, by id: their revisions and words."""

    def __init__(self, server: WebServer) -> None:
        self.pages: dict[str, tuple[int, str]] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.server = server
        server.pages[INTERFACE] = self.answer

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length", 0))
        asked = json.loads(request.rfile.read(length))
        method, page = asked["method"], str(asked["params"].get("page", ""))
        self.asked.append(f"{method.removeprefix('core.')} {page}".strip())
        if page in self.broken:
            told: dict[str, Any] = {"error": {"code": 1, "message": "broken"}}
        elif method == "core.listPages":
            told = {
                "result": [
                    {"id": key, "revision": at, "size": len(words)}
                    for key, (at, words) in self.pages.items()
                ]
            }
        else:
            words = self.pages[page][1]
            told = {"result": f'<h1 id="{page}">{page.title()}</h1><p>{words}</p>'}
        self.server.send(request, Reply(json.dumps(told), kind="application/json"))


class World:
    """A wiki, and the documents that are kept of it."""

    def __init__(self, server: WebServer, pages: PageStore) -> None:
        self.wiki = Wiki(server)
        self.server = server
        self.pages = pages
        self.location = str(ServiceLocation("dokuwiki", server.url("").rstrip("/")))

    def steps(self, days: float = 0, most: int | None = None) -> Generator[CrawlStep, None, None]:
        self.wiki.asked.clear()
        with Fetcher(
            0,
            problem_with=lambda address: "",
            resolve=lambda host, port: ["127.0.0.1"],
            sleep=lambda seconds: None,
        ) as fetcher:
            now = NOW + timedelta(days=days)
            yield from sync(self.location, self.pages, fetcher, now, GRACE, most=most)

    def sync(self, days: float = 0, most: int | None = None) -> list[CrawlStep]:
        return list(self.steps(days, most))

    @property
    def texts(self) -> dict[str, str]:
        found = documents([(self.location, SHARED)], self.pages)
        return {one.title: one.text for one in found if isinstance(one, Document)}

    @property
    def reasons(self) -> list[str]:
        return [one.reason for one in failures(self.pages, self.location, SHARED)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with WebServer() as server, open_pages(tmp_path, "") as pages:
        world = World(server, pages)
        world.wiki.pages = {"ferry": (1, "It leaves at six."), "pier": (2, "It is closed.")}
        yield world


def test_each_document_has_its_title_text_and_address(world: World) -> None:
    world.sync()
    first, _ = documents([(world.location, Scope(7))], world.pages)
    assert isinstance(first, Document)
    assert (first.title, first.scope) == ("Ferry", Scope(7))
    assert "It leaves at six." in first.text
    assert first.link == f"{world.server.url('')}/doku.php?id=ferry"
    assert first.id in document_ids(world.location, Scope(7), world.pages)


def test_an_unchanged_service_costs_only_its_listing(world: World) -> None:
    world.sync()
    world.sync(1)
    assert world.wiki.asked == ["listPages"]


def test_a_changed_document_is_fetched_anew_and_a_missing_one_is_dropped(world: World) -> None:
    world.sync()
    world.wiki.pages = {"ferry": (3, "It leaves at seven.")}
    world.sync(1)
    assert list(world.texts) == ["Ferry"]
    assert "seven" in world.texts["Ferry"]


def test_an_interrupted_sync_goes_on_without_asking_twice(world: World) -> None:
    steps = world.steps()
    next(steps)
    next(steps)
    steps.close()
    world.sync()
    assert "getPageHTML ferry" not in world.wiki.asked
    assert sorted(world.texts) == ["Ferry", "Pier"]


def test_a_failed_document_keeps_its_text_and_is_tried_again(world: World) -> None:
    world.sync()
    world.wiki.pages["ferry"] = (3, "It leaves at seven.")
    world.wiki.broken = {"ferry"}
    world.sync(1)
    assert "six" in world.texts["Ferry"]
    assert world.reasons == ["refuses core.getPageHTML: broken."]
    world.wiki.broken = set()
    world.sync(2)
    assert "seven" in world.texts["Ferry"]
    assert world.reasons == []


def test_an_empty_listing_is_a_failure_not_a_deletion(world: World) -> None:
    world.sync()
    world.wiki.pages = {}
    world.sync(1)
    assert sorted(world.texts) == ["Ferry", "Pier"]
    assert world.reasons == ["lists no document any more, so the earlier ones are kept."]


def test_a_lost_service_is_quoted_for_the_time_of_grace(world: World) -> None:
    world.sync()
    world.server.pages[INTERFACE] = Reply("", status=403)
    world.sync(1)
    assert sorted(world.texts) == ["Ferry", "Pier"]
    world.sync(8)
    world.sync(16)
    assert world.texts == {}


def test_a_busy_service_is_left_alone_until_the_next_visit(world: World) -> None:
    listing = world.server.pages[INTERFACE]
    busy = Reply("", status=429, headers={"Retry-After": "3600"})
    world.server.pages[INTERFACE] = busy
    world.sync()
    assert world.reasons == ["asks to be left alone for now; the rest waits for the next look."]
    world.server.pages[INTERFACE] = listing
    world.sync(1)
    assert world.reasons == []


def test_failures_are_told_by_their_document(world: World) -> None:
    world.wiki.broken = {"pier"}
    world.sync()
    [failure] = failures(world.pages, world.location, SHARED)
    assert failure == Failure(
        f"{world.server.url('')} › pier", "refuses core.getPageHTML: broken.", ""
    )
