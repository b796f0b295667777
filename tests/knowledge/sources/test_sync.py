"""Sync of a service: changes, failures, and visits that are interrupted."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.values.documents import Document, Scope
from tests.knowledge.sources.visited import VisitedService
from tests.knowledge.web_server import Reply, WebServer

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


class World(VisitedService):
    """A wiki as a source."""

    def __init__(self, server: WebServer, pages: EntryStore) -> None:
        super().__init__("dokuwiki", server.url("").rstrip("/"), pages)
        self.wiki = Wiki(server)
        self.server = server

    @property
    def texts(self) -> dict[str, str]:
        return {title: one.text for title, one in self.documents.items()}


@pytest.fixture
def world(server: WebServer, pages: EntryStore) -> World:
    world = World(server, pages)
    world.wiki.pages = {"ferry": (1, "It leaves at six."), "pier": (2, "It is closed.")}
    return world


def test_each_document_has_its_title_text_and_address(world: World) -> None:
    world.sync()
    first, _ = world.found(Scope(7))
    assert isinstance(first, Document)
    assert (first.title, first.scope) == ("Ferry", Scope(7))
    assert "It leaves at six." in first.text
    assert first.link == f"{world.server.url('')}/doku.php?id=ferry"
    assert first.id == f"dokuwiki:7:{world.server.url('')}:ferry"


def test_a_failed_document_keeps_its_text_and_is_tried_again(world: World) -> None:
    world.sync()
    world.wiki.pages["ferry"] = (3, "It leaves at seven.")
    world.wiki.broken = {"ferry"}
    world.sync(1)
    assert "six" in world.texts["Ferry"]
    [failure] = world.failures
    assert failure.source == f"{world.server.url('')} › Ferry"
    assert failure.reason == "refuses core.getPageHTML: broken."
    world.wiki.broken = set()
    world.sync(2)
    assert "seven" in world.texts["Ferry"]
    assert world.reasons == []


def test_a_service_without_documents_says_so(world: World) -> None:
    world.wiki.pages = {}
    world.sync()
    assert world.reasons == ["lists no document that can be quoted."]
    world.wiki.pages = {"ferry": (1, "It leaves at six.")}
    world.sync(1)
    assert (world.reasons, [*world.texts]) == ([], ["Ferry"])


def test_an_empty_listing_is_a_failure_not_a_deletion(world: World) -> None:
    world.sync()
    world.wiki.pages = {}
    world.sync(1)
    assert sorted(world.texts) == ["Ferry", "Pier"]
    assert world.reasons == ["lists no document any more, so the earlier ones are kept."]


def test_an_unreadable_listing_keeps_the_documents(world: World) -> None:
    world.sync()
    listing = world.server.pages[INTERFACE]
    world.server.pages[INTERFACE] = Reply('{"result": 7}')
    world.sync(1)
    assert world.reasons == ["answers in a form that can't be understood."]
    assert sorted(world.texts) == ["Ferry", "Pier"]
    world.server.pages[INTERFACE] = listing
    world.sync(2)
    assert world.reasons == []
