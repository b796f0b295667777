"""Promises of the sync, kept by every kind of source."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import KINDS
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import Site
from tests.knowledge.git_server import GitServer
from tests.knowledge.sources.described_server import DescribedServer
from tests.knowledge.sources.kinds import test_discourse as discourse
from tests.knowledge.sources.kinds import test_tracker_github as github
from tests.knowledge.sources.kinds import test_tracker_gitlab as gitlab
from tests.knowledge.sources.kinds import test_wikis as wikis
from tests.knowledge.sources.test_sync import Wiki
from tests.knowledge.sources.visited import VisitedSource
from tests.knowledge.sources.wiki_server import WikiPage, WikiServer
from tests.knowledge.web_server import Reply, WebServer


class Origin:
    """A server with documents, each some words under a number, and the source's location."""

    location: str
    token = ""
    server: Any
    # Requests of a visit to two unchanged documents; days until a removed one is missed.
    requests = 1
    removal_days = 1

    def __init__(self) -> None:
        self.day = 0
        self.shown: dict[int, str] = {}

    def show(self, words: Mapping[int, str]) -> None:
        """Have exactly these documents from now on."""
        raise NotImplementedError

    def fail(self, status: int) -> None:
        """Answer every request with a status; 200 ends it."""
        if status == 200:
            del self.server.answer
        else:
            self.server.answer = lambda request: self._refuse(request, status)

    def lose(self) -> None:
        """Answer that the source is gone, or is nobody's to read; `fail(200)` ends it."""
        self.fail(404)

    def _refuse(self, request: BaseHTTPRequestHandler, status: int) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {"Retry-After": "3600"} if status == 429 else {}
        self.server.send(request, Reply("{}", status, headers, "application/json"))


class SitemapOrigin(Origin):
    requests, removal_days = 3, 15

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = WebServer()
        self.location = Page.locate(self.server.url("/sitemap.xml"))

    def show(self, words: Mapping[int, str]) -> None:
        listed = "".join(f"<url><loc>{self.server.url(f'/{at}')}</loc></url>" for at in words)
        self.server.pages.clear()
        self.server.pages["/sitemap.xml"] = Reply(f"<urlset>{listed}</urlset>", kind="text/xml")
        for at, text in words.items():
            page = f"<h1>Ferry {at}</h1><p>{text}</p>"
            self.server.pages[f"/{at}"] = Reply(page, headers={"ETag": f'"{hash(text)}"'})


class CrawlOrigin(Origin):
    requests, removal_days = 5, 15

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = WebServer()
        self.location = Site.locate_within(self.server.url("/docs/"), 4, 50)

    def show(self, words: Mapping[int, str]) -> None:
        self.server.pages.clear()
        links = "".join(f'<a href="{at}">to {at}</a> ' for at in words)
        self.server.pages["/docs/"] = Reply(f"<h1>Start</h1><p>All ferries: {links}</p>")
        for at, text in words.items():
            self.server.pages[f"/docs/{at}"] = Reply(f"<h1>Ferry {at}</h1><p>{text}</p>")


class GitOrigin(Origin):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = GitServer(folder / "served")
        self.server.repositories.make("o/n.git")
        self.location = GitRepository.locate_branch(self.server.url("o/n.git"))

    def show(self, words: Mapping[int, str]) -> None:
        files = {f"{at}.md": f"# Ferry {at}\n\n{text}\n" for at, text in words.items()}
        self.server.repositories.commit("o/n.git", files)

    def fail(self, status: int) -> None:
        def refuse(environ: object, start: Callable[[str, list[Any]], object]) -> list[bytes]:
            start(f"{status} No", [])
            return [b""]

        self.server.first = None if status == 200 else refuse


class FeedOrigin(Origin):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = WebServer()
        self.location = KINDS["feed"].locate(self.server.url("/feed.xml"))

    def show(self, words: Mapping[int, str]) -> None:
        entries = "".join(
            f"<entry><id>urn:{at}</id><title>Ferry {at}</title><link href='/{at}'/>"
            f"<updated>2026-03-0{9 - at}T08:00:00Z</updated>"
            f"<content type='html'>{escape(f'<p>{escape(text)}</p>')}</content></entry>"
            for at, text in words.items()
        )
        feed = f"<feed xmlns='http://www.w3.org/2005/Atom'>{entries}</feed>"
        self.server.pages["/feed.xml"] = Reply(feed, kind="application/atom+xml")


class DokuWikiOrigin(Origin):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = WebServer()
        self.wiki = Wiki(self.server)
        self.location = KINDS["dokuwiki"].locate(self.server.url("").rstrip("/"))

    def show(self, words: Mapping[int, str]) -> None:
        self.day += 1
        before = self.wiki.pages
        self.wiki.pages = {
            f"ferry {at}": before[f"ferry {at}"]
            if before.get(f"ferry {at}", (0, ""))[1] == text
            else (self.day, text)
            for at, text in words.items()
        }


class WikiOrigin(Origin):
    """A BookStack or an Outline."""

    def __init__(self, made: type[wikis.Wiki]) -> None:
        super().__init__()
        self.wiki = made()
        self.server = self.wiki.server
        self.location = KINDS[self.wiki.kind].locate(self.server.base)

    def show(self, words: Mapping[int, str]) -> None:
        self.day += 1
        before = self.wiki.pages
        self.wiki.pages = {
            at: before[at]
            if at in before and before[at].words == text
            else wikis.Page(f"Ferry {at}", text, self.day / 100)
            for at, text in words.items()
        }


class MediaWikiOrigin(Origin):
    # Its clock stands still, so its last changes are looked at again.
    requests = 2

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = WikiServer()
        self.location = KINDS["mediawiki"].locate(self.server.base)

    def show(self, words: Mapping[int, str]) -> None:
        self.server.pass_days(0.1)
        for at in {*self.shown} - {*words}:
            self.server.edit(at, title="")
        for at, text in words.items():
            if self.shown.get(at) != text:
                self.server.content.setdefault(at, WikiPage(f"Ferry {at}"))
                self.server.edit(at, title=f"Ferry {at}", html=f"<p>{text}</p>")
        self.shown = dict(words)


class PrivateWikiOrigin(MediaWikiOrigin):
    """A MediaWiki that comes to ask for a login, in words of its API."""

    def lose(self) -> None:
        denied = Reply('{"error": {"code": "readapidenied", "info": "No."}}')
        self.server.answer = lambda request: self.server.send(request, denied)


class DiscourseOrigin(Origin):
    requests, removal_days = 2, 7

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server = DescribedServer("discourse")
        self.forum = discourse.Forum(self.server)
        self.location = KINDS["discourse"].locate(self.server.base)

    def show(self, words: Mapping[int, str]) -> None:
        self.day += 1
        topics = self.forum.topics
        for at in {*topics} - {*words}:
            del topics[at]
        for at, text in words.items():
            if self.shown.get(at) != text:
                posts = [discourse.ASKED, ("ada", f"<p>It leaves soon. {text}</p>", {})]
                topics[at] = discourse.Topic(f"Ferry {at}", posts, 2, self.day / 100)
        self.shown = dict(words)


class TrackerOrigin(Origin):
    """Closed issues of a GitHub or a GitLab."""

    token = "hunter2"  # noqa: S105 - no password of anybody

    def __init__(self, made: type[github.Hub] | type[gitlab.Lab], path: str) -> None:
        super().__init__()
        self.server = made()
        kind = "github" if made is github.Hub else "gitlab"
        self.location = KINDS[kind].locate(f"{self.server.base}{path}")

    def show(self, words: Mapping[int, str]) -> None:
        self.day += 1
        for at in {*self.shown} - {*words}:
            state = "open" if isinstance(self.server, github.Hub) else "opened"
            self.server.issues[at] |= {"state": state, "updated_at": github.at(self.day / 100)}
        for at, text in words.items():
            if self.shown.get(at) != text:
                said = f"The pan has to be hot first: wait for two minutes. {text}"
                comment = ("ada", "MEMBER", said)
                if not isinstance(self.server, github.Hub):
                    comment = ("ada", said)  # type: ignore[assignment]
                self.server.add(at, f"Ferry {at}", comment, day=self.day / 100)
        self.shown = dict(words)


ORIGINS: Final[dict[str, Callable[[Path], Origin]]] = {
    "sitemap": SitemapOrigin,
    "crawl": CrawlOrigin,
    "git": GitOrigin,
    "feed": FeedOrigin,
    "dokuwiki": DokuWikiOrigin,
    "bookstack": lambda folder: WikiOrigin(wikis.BookStack),
    "outline": lambda folder: WikiOrigin(wikis.Outline),
    "mediawiki": MediaWikiOrigin,
    "private mediawiki": PrivateWikiOrigin,
    "discourse": DiscourseOrigin,
    "github": lambda folder: TrackerOrigin(github.Hub, "/o/n/issues"),
    "gitlab": lambda folder: TrackerOrigin(gitlab.Lab, "/g/s/p/-/issues"),
}


class World(VisitedSource):
    """A source at its origin."""

    def __init__(self, origin: Origin, pages: EntryStore, folder: Path) -> None:
        super().__init__(origin.location, pages, folder)
        self.origin = origin
        self.token = origin.token

    def read(self) -> dict[str, str]:
        """The documents about ferries: their texts by title."""
        return {
            title: document.text
            for title, document in self.documents.items()
            if title.startswith("Ferry")
        }


@pytest.fixture(params=ORIGINS)
def world(request: pytest.FixtureRequest, pages: EntryStore, tmp_path: Path) -> Iterator[World]:
    origin = ORIGINS[request.param](tmp_path)
    server: AbstractContextManager[object] = origin.server
    with server:
        yield World(origin, pages, tmp_path)


def test_every_kind_is_held_to_these_promises() -> None:
    assert {*KINDS} <= {*ORIGINS}


def test_added_changed_and_removed_documents_are_followed(world: World) -> None:
    world.origin.show({1: "At six.", 2: "At seven."})
    world.sync()
    ids = {title: document.id for title, document in world.documents.items()}
    assert [*world.read()] == ["Ferry 1", "Ferry 2"]
    world.origin.show({2: "At eight.", 3: "At nine."})
    for day in range(1, world.origin.removal_days + 1):
        world.sync(day)
    found = world.read()
    assert sorted(found) == ["Ferry 2", "Ferry 3"]
    assert "At eight." in found["Ferry 2"]
    assert world.documents["Ferry 2"].id == ids["Ferry 2"]


@pytest.mark.parametrize(("status", "days"), [(404, [1]), (429, [1, 20]), (500, [1, 20, 40])])
def test_an_outage_takes_no_document_away(world: World, status: int, days: list[int]) -> None:
    world.origin.show({1: "At six.", 2: "At seven."})
    world.sync()
    before = world.read()
    world.origin.fail(status)
    for day in days:
        world.sync(day)
        assert world.read() == before
        assert world.reasons
    world.origin.fail(200)
    world.sync(41)
    assert (world.read(), world.reasons) == (before, [])


def test_a_lost_source_is_quoted_for_the_time_of_grace(world: World) -> None:
    world.origin.show({1: "At six.", 2: "At seven."})
    world.sync()
    before = world.read()
    world.origin.lose()
    for day in (1, 8, 15):
        assert world.read() == before
        world.sync(day)
    assert world.read() == {}
    world.origin.fail(200)
    world.sync(22)
    assert (world.read(), world.reasons) == (before, [])


def test_an_unchanged_source_costs_few_requests(world: World) -> None:
    world.origin.show({1: "At six.", 2: "At seven."})
    world.sync()
    world.sync(1)
    before = world.read()
    world.origin.server.requests.clear()
    world.sync(2)
    asked = [request for request in world.origin.server.requests if "/robots.txt" not in request]
    assert len(asked) == world.origin.requests
    assert (world.read(), world.reasons) == (before, [])


def test_a_visit_interrupted_anywhere_is_continued(world: World) -> None:
    world.origin.show({at: f"At {at}." for at in range(1, 6)})
    read_at: dict[str, datetime | None] = {}
    for stop in range(1, 6):
        steps = world.steps(stop / 1000)
        for _ in range(stop):
            next(steps, None)
        steps.close()
        now = {entry.key: entry.checked_at for entry in world.pages.of(world.location)}
        # No visit reads what an earlier one has read.
        assert now.items() >= read_at.items()
        read_at = now
    world.sync(0.1)
    assert sorted(world.read()) == [f"Ferry {at}" for at in range(1, 6)]
    assert world.reasons == []


@pytest.mark.parametrize(
    "words",
    [
        "A\x00B \u202e\u2028 @everyone &lt;script&gt;",
        "**[x](javascript:alert(1))** <script>alert(1)</script> `",
        "](" * 5_000,
    ],
)
def test_hostile_words_harm_no_other_document(world: World, words: str) -> None:
    world.origin.show({1: words, 2: "At seven."})
    world.sync()
    assert "At seven." in world.read()["Ferry 2"]
    assert all("\x00" not in text for text in world.read().values())


def test_documents_fill_only_their_room(world: World) -> None:
    world.origin.show({at: f"At {at}. " * 300 for at in range(1, 7)})
    world.sync(most=8_000)
    assert world.pages.size(world.location) <= 8_000
    assert any("has no more room" in reason for reason in world.reasons)


def test_a_source_is_not_quoted_before_its_first_visit(world: World) -> None:
    assert world.reasons == ["has not been fetched yet: run `commonplace source sync`."]
    assert world.ids == []
