"""Sync of a service: changes, failures, and visits that are interrupted."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from bot.storage.data_folder import data_folder
from bot.storage.derived_data import open_entries
from knowledge.sources.entries import EntryStore
from knowledge.sources.net.api_client import ANSWER_BYTES, ANSWER_VALUES
from knowledge.sources.sync import EMPTY, KEY_CHARACTERS, NAME_CHARACTERS
from knowledge.values.documents import Document, Scope
from tests.knowledge.answering_host import AT, AnsweringHost
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


# Answers that no honest service sends: each visit ends, and the next one still works.

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


# Answers at the limits of size and values: no step of a visit takes a second of processor time.

# Seconds of processor time.
MOST_SECONDS: Final = 1.0
# Characters of a field that fills an answer, and of one with two marks that JSON escapes.
FULL: Final = ANSWER_BYTES - 10_000
MARKS: Final = "\u0323\u0301"
ESCAPED: Final = FULL // 12
Fields = dict[str, Any]


def mediawiki(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    if "action=parse" in path:
        return {"parse": {"text": spoilt.get("text", "<p>At six.</p>")}}
    if "generator" in path:
        page = {"pageid": 1, "ns": 0, "title": "Ferry", "contentmodel": "wikitext", "lastrevid": 5}
        page |= {"canonicalurl": f"{host.base}/wiki/Ferry"}
        return {"batchcomplete": True, "query": {"pages": [page | spoilt, *spoilt.get("more", ())]}}
    names = {"0": {"id": 0, "name": ""}, **spoilt.get("namespaces", {})}
    about = {"general": {"sitename": "W"}, "namespaces": names, **spoilt.get("site", {})}
    return {"curtimestamp": AT, "query": about}


def dokuwiki(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    if sent["method"] == "core.getPageHTML":
        return {"result": spoilt.get("html", "<h1>Ferry</h1><p>At six.</p>")}
    return {"result": spoilt.get("list", [{"id": "ferry", "revision": 1, "size": 9}])}


def github(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    post = {"id": 1, "created_at": AT, "html_url": f"{host.base}/i", "user": {"login": "mira"}}
    if "comments" in path:
        answer = "The pan has to be hot first: wait for two minutes, then pour the batter."
        comment = {**post, "id": 2, "user": {"login": "ada"}, "author_association": "MEMBER"}
        return [{**comment, "body": answer} | spoilt.get("comment", {})] * spoilt.get("many", 1)
    issue = {**post, "number": 1, "title": "How do I bake?", "body": "It stays black."}
    issue |= {"state": "closed", "updated_at": AT, "comments": 1, "labels": []}
    return [issue | spoilt]


def discourse(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    topic = {"id": 1, "archetype": "regular", "visible": True, "posts_count": 2, "bumped_at": AT}
    if path.startswith("/categories"):
        return {"category_list": {"categories": []}}
    if path.startswith("/latest"):
        return {"topic_list": {"topics": [{**topic, "has_accepted_answer": True}]}}
    post: Fields = {"post_type": 1, "username": "ada", "created_at": AT, "cooked": "<p>At six.</p>"}
    post |= spoilt.get("post", {})
    posts = [{**post, "id": at, "post_number": at} for at in range(1, spoilt.get("many", 2) + 1)]
    stream = {"posts": posts, "stream": [1, 2]}
    answer = {"accepted_answer": {"post_number": 2}, "highest_post_number": 2}
    named = {"slug": "ferry", "title": "When does it leave?", "post_stream": stream}
    return topic | answer | named | spoilt


def outline(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    page: dict[str, Any] = {"id": "ferry", "title": "Ferry", "text": "At six.", "url": "/doc/ferry"}
    page |= {"revision": 1, "publishedAt": AT, "updatedAt": AT}
    return {"data": [page] if "offset" in sent else page | spoilt}


def bookstack(host: AnsweringHost, path: str, sent: Any, spoilt: Fields) -> Any:
    page = {"id": 1, "name": "Ferry", "html": "<p>At six.</p>", "draft": False, "template": False}
    page |= {"updated_at": AT}
    return {"data": [page], "total": 1} if "/pages?" in path else page | spoilt


# By name: the service's kind, and the fields that it spoils.
SPOILT: Final[dict[str, tuple[Callable[..., Any], Fields]]] = {
    "4,000 brackets": (mediawiki, {"text": ">" * 4_000}),
    "brackets": (mediawiki, {"text": ">" * FULL}),
    "one bracket": (mediawiki, {"text": ">" + "a" * (FULL // 2)}),
    "one page again and again": (mediawiki, {"more": [{"pageid": 1, "a": [1]}] * 40_000}),
    "many pages": (mediawiki, {"more": [{"pageid": at, "a": []} for at in range(2, 120_000)]}),
    "title of marks": (mediawiki, {"title": MARKS * ESCAPED}),
    "heading of marks": (mediawiki, {"text": f"<h1>{MARKS * ESCAPED}</h1><p>At six.</p>"}),
    "address": (mediawiki, {"canonicalurl": "http://" + "a." * (FULL // 2)}),
    "redirects": (
        mediawiki,
        {"redirects": [{"title": f"a{at}", "ns": 0} for at in range(200_000)]},
    ),
    "namespaces": (
        mediawiki,
        {"namespaces": {str(at): {"id": at, "name": str(at)} for at in range(1, 100_000)}},
    ),
    "licence": (
        mediawiki,
        {"site": {"rightsinfo": {"url": "creativecommons.org/licenses/" * 500_000}}},
    ),
    "list of keys": (dokuwiki, {"list": [{f"key{at}": at for at in range(ANSWER_VALUES - 10)}]}),
    "list of one key": (dokuwiki, {"list": [{"a": 1}] * (ANSWER_VALUES // 2 - 10)}),
    "list of lists": (dokuwiki, {"list": [[]] * (ANSWER_VALUES // 2 - 10)}),
    "long numbers": (dokuwiki, {"list": [int("7" * 4_000)] * 3_900}),
    "types": (dokuwiki, {"list": [{"id": {}, "revision": [], "size": None}] * 100_000}),
    "many headings": (dokuwiki, {"html": "<h1>" * (FULL // 4)}),
    "torn headings": (dokuwiki, {"html": "<h1 " * (FULL // 4)}),
    "first heading of marks": (dokuwiki, {"html": "<h1>" + MARKS * ESCAPED}),
    "torn comments": (github, {"body": "<!--" * (FULL // 4)}),
    "title of questions": (github, {"title": "how? " * (FULL // 5)}),
    "name": (github, {"user": {"login": "a]" * (FULL // 2)}}),
    "labels": (github, {"labels": ["question" + "a" * 50] * 200_000}),
    "comments": (github, {"many": 50_000}),
    "passwords": (github, {"comment": {"body": "password: hunter2 " * (FULL // 18)}}),
    "posts": (discourse, {"many": 60_000}),
    "post of brackets": (discourse, {"post": {"cooked": "<p>" + ">" * (FULL // 3)}}),
    "post of marks": (discourse, {"post": {"cooked": "<p>" + MARKS * (ESCAPED // 3)}}),
    "tags": (discourse, {"tags": ["harbour"] * 500_000}),
    "links": (outline, {"text": "](/" * (FULL // 4)}),
    "headings": (outline, {"text": "# a\n" * (FULL // 5)}),
    "line of marks": (outline, {"text": "# " + MARKS * ESCAPED}),
    "name of marks": (bookstack, {"name": MARKS * ESCAPED}),
}
ADDRESSES: Final = {github: "/o/n/issues"}


def dearest_step(name: str, folder: Path) -> float:
    """CPU seconds of a visit's dearest step, without the collection of the tests' own garbage."""
    service, spoilt = SPOILT[name]

    def answer(host: AnsweringHost, number: int, asked: Any) -> Any:
        sent = asked if isinstance(asked, dict) else {}
        return service(host, host.paths[-1], sent, spoilt)

    gc.disable()
    try:
        with AnsweringHost(answer) as host, open_entries(folder, "") as pages:
            address = f"{host.base}{ADDRESSES.get(service, '')}"
            steps = VisitedService(service.__name__, address, pages).steps()
            costs, before = [], time.thread_time()
            for _ in steps:
                after = time.thread_time()
                costs.append(after - before)
                before = after
            return max(*costs, time.thread_time() - before)
    finally:
        gc.enable()


@pytest.mark.parametrize("name", SPOILT)
def test_no_step_of_a_visit_takes_a_second_of_processor_time(name: str, tmp_path: Path) -> None:
    # Again, before a busy machine is taken for a dear answer.
    folders = (tmp_path / str(attempt) for attempt in range(3))
    assert any(dearest_step(name, data_folder(folder)) < MOST_SECONDS for folder in folders)
