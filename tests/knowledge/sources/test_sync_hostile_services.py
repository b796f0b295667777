"""Answers that no honest service sends: each visit ends, and the next one still works."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.sources.net.api_client import ANSWER_VALUES
from knowledge.sources.sync import EMPTY, KEY_CHARACTERS, NAME_CHARACTERS
from tests.knowledge.sources.visited import VisitedService
from tests.knowledge.web_server import Reply, WebServer

INTERFACE = "/lib/exe/jsonrpc.php"
NO_FORM = "answers in a form that can't be understood."


class Service:
    """A wiki, a forum and a tracker in one, whose answers can be spoilt; visited as any of them."""

    def __init__(self, server: WebServer, visit: Callable[..., VisitedService]) -> None:
        self.server = server
        self.visit = visit
        self.page: dict[str, Any] = {"id": "ferry", "revision": 1, "size": 30}
        self.heading = "Ferry"
        self.release: dict[str, Any] = {
            "id": 1,
            "name": "1.0",
            "body": "It is **quieter**.",
            "draft": False,
            "html_url": f"{server.url('')}/o/n/releases/tag/1.0",
            "published_at": "2026-03-01T10:00:00Z",
        }
        self.topics: list[dict[str, Any]] = []
        server.pages |= {
            INTERFACE: self.answering(self.call),
            "/api/v3/repos/o/n/releases?per_page=100": self.answering(lambda _: [self.release]),
            "/categories.json?include_subcategories=true": self.answering(
                lambda _: {"category_list": {"categories": []}}
            ),
            "/latest.json?per_page=100&order=activity&solved=yes": self.answering(
                lambda _: {"topic_list": {"topics": self.topics}}
            ),
        }

    def call(self, sent: bytes) -> Any:
        if json.loads(sent)["method"] == "core.listPages":
            return {"result": [self.page]}
        return {"result": f"<h1>{self.heading}</h1><p>At six.</p>"}

    def answering(self, told: Callable[[bytes], Any]) -> Callable[[BaseHTTPRequestHandler], None]:
        def answer(request: BaseHTTPRequestHandler) -> None:
            sent = request.rfile.read(int(request.headers.get("Content-Length", 0)))
            self.server.send(request, Reply(json.dumps(told(sent)), kind="application/json"))

        return answer

    def wiki(self) -> VisitedService:
        return self.visit("dokuwiki", self.server.url("").rstrip("/"))

    def forum(self) -> VisitedService:
        return self.visit("discourse", self.server.url("").rstrip("/"))

    def releases(self) -> VisitedService:
        return self.visit("github", f"{self.server.url('')}/o/n/releases")


@pytest.fixture
def service(pages: EntryStore) -> Iterator[Service]:
    with WebServer() as server:
        yield Service(server, lambda kind, url: VisitedService(kind, url, pages))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"id": "\ud800"},
        {"id": "a\0b"},
        {"id": "k" * (KEY_CHARACTERS + 1)},
        {"revision": "9" * (KEY_CHARACTERS + 1)},
    ],
    ids=["half a character", "zero", "long key", "long revision"],
)
def test_unstorable_key_ends_the_visit(service: Service, spoilt: dict[str, Any]) -> None:
    wiki = service.wiki()
    service.page |= spoilt
    wiki.sync()
    assert wiki.reasons == [NO_FORM]
    service.page = {"id": "ferry", "revision": 1, "size": 30}
    wiki.sync(1)
    assert [*wiki.documents] == ["Ferry"]


@pytest.mark.parametrize("revision", [10**30, float("inf"), "no number", {}])
def test_a_field_of_another_form_is_refused(service: Service, revision: Any) -> None:
    wiki = service.wiki()
    service.page["revision"] = revision
    wiki.sync()
    assert wiki.reasons == [NO_FORM]


@pytest.mark.parametrize("link", [["x"], {}, 7, None])
def test_a_link_of_another_form_is_refused(service: Service, link: Any) -> None:
    releases = service.releases()
    service.release["html_url"] = link
    releases.sync()
    assert releases.reasons == [NO_FORM]


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://u:p@e.com/", "no address", "http://[", "h" * 3_000]
)
def test_what_is_no_address_of_the_web_is_no_citation(service: Service, link: str) -> None:
    releases = service.releases()
    service.release["html_url"] = link
    releases.sync()
    [document] = releases.documents.values()
    assert document.link == ""


def test_a_title_of_many_lines_is_one_short_line(service: Service) -> None:
    wiki = service.wiki()
    service.heading = "# Ferry\n@everyone\n" + "and so on " * 10_000
    wiki.sync()
    [title] = wiki.documents
    assert title.startswith("# Ferry @everyone and")
    assert len(title) == NAME_CHARACTERS


def test_an_answer_with_too_many_values_is_not_decoded(service: Service) -> None:
    wiki = service.wiki()
    service.page["content"] = [[]] * (ANSWER_VALUES // 2 + 1)
    wiki.sync()
    assert wiki.reasons == [f"answers with more than {ANSWER_VALUES:,} values."]


def test_a_state_that_a_service_spoilt_is_forgotten(service: Service) -> None:
    forum = service.forum()
    service.topics = [{"id": 1, "bumped_at": None, "posts_count": 1}]
    forum.sync()
    service.topics = []
    forum.sync(1)
    assert forum.reasons == [NO_FORM]
    forum.sync(2)
    assert forum.reasons == [f"{EMPTY}."]


@pytest.mark.parametrize("token", ["hunter2\n", "hunter\x002", "hünter2"])
def test_a_token_that_no_request_can_carry_is_not_told(service: Service, token: str) -> None:
    wiki = service.wiki()
    wiki.token = token
    wiki.sync()
    [reason] = wiki.reasons
    assert "nter" not in reason
