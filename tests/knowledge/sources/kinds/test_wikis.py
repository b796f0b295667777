from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from indexer.text.passages import heading_lines
from knowledge.files.site_addresses import anchors
from knowledge.sources.entries import EntryStore
from tests.knowledge.sources.described_server import Asked, DescribedServer
from tests.knowledge.sources.visited import NOW, VisitedService
from tests.knowledge.web_server import Reply

# Entries in an answer of a BookStack whose owner allows few.
PER_ANSWER = 3


@dataclass
class Page:
    """A page of a wiki: its words below a heading, its book or collection, and further fields."""

    title: str
    words: str = "Two coins."
    day: float = 0
    book: str = "Guides"
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def updated_at(self) -> str:
        return (NOW + timedelta(days=self.day)).isoformat().replace("+00:00", ".000000Z")


class Wiki:
    """A wiki with these pages, as a kind of service describes its API."""

    kind: str
    # The path of a request for one page, and the fields of those that aren't public.
    one: str
    hidden: tuple[dict[str, Any], ...]

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {1: Page("Ferry"), 2: Page("Pier")}
        self.server = DescribedServer(self.kind, "/api")
        self.server.answers = self.answers()

    def answers(self) -> dict[str, Callable[[Asked], Any]]:
        raise NotImplementedError

    @property
    def books(self) -> list[str]:
        return sorted({one.book for one in self.pages.values()})

    @property
    def got(self) -> list[str]:
        """The pages that were asked for."""
        return [asked["id"] for path, asked in self.server.asked if path == self.one]


class BookStack(Wiki):
    kind, one = "bookstack", "/pages/{id}"
    hidden = ({"draft": True}, {"template": True})

    def answers(self) -> dict[str, Callable[[Asked], Any]]:
        return {"/pages": self._pages, "/books": self._books, self.one: self._page}

    def _listed(self, entries: list[dict[str, Any]], asked: Asked) -> Any:
        found = [one for one in entries if one["id"] > int(asked.get("filter[id:gt]", 0))]
        return {"data": found[:PER_ANSWER], "total": len(found)}

    def _books(self, asked: Asked) -> Any:
        named = [{"id": at, "slug": one.lower()} for at, one in enumerate(self.books, start=1)]
        wanted = asked.get("filter[slug]")
        return self._listed([one for one in named if wanted in (None, one["slug"])], asked)

    def _pages(self, asked: Asked) -> Any:
        wanted = asked.get("filter[book_id]")
        told = [self._told(key) for key in sorted(self.pages)]
        return self._listed([one for one in told if wanted in (None, str(one["book_id"]))], asked)

    def _told(self, key: int) -> dict[str, Any]:
        page = self.pages[key]
        told = {"id": key, "name": page.title, "updated_at": page.updated_at}
        return {**told, "book_id": self.books.index(page.book) + 1, **page.fields}

    def _page(self, asked: Asked) -> Any:
        if (key := int(asked["id"])) not in self.pages:
            return Reply('{"error": {"message": "Not found", "code": 404}}', 404)
        page = self.pages[key]
        html = f'<h2 id="bkmrk-fares">Fares</h2><p>{page.words} <a href="/books/a">Here</a>.</p>'
        return {**self._told(key), "html": html}


class Outline(Wiki):
    kind, one = "outline", "/documents.info"
    hidden = ({"publishedAt": None}, {"archivedAt": "2026-01-01"}, {"deletedAt": "2026-01-01"})

    def answers(self) -> dict[str, Callable[[Asked], Any]]:
        return {
            "/documents.list": self._documents,
            "/collections.list": self._collections,
            self.one: self._info,
        }

    def _part(self, entries: list[dict[str, Any]], asked: Asked) -> Any:
        start = int(asked["offset"])
        return {"data": entries[start : start + int(asked["limit"])]}

    def _collections(self, asked: Asked) -> Any:
        return self._part([{"id": f"c-{one}", "name": one} for one in self.books], asked)

    def _documents(self, asked: Asked) -> Any:
        wanted = asked.get("collectionId")
        told = [self._told(key) for key in sorted(self.pages)]
        return self._part([one for one in told if wanted in (None, one["collectionId"])], asked)

    def _told(self, key: int) -> dict[str, Any]:
        page = self.pages[key]
        told = {"id": str(key), "title": page.title, "text": f"## Fares\n\n{page.words}"}
        moments = {"updatedAt": page.updated_at, "publishedAt": page.updated_at}
        url = f"/doc/{page.title.lower().replace(' ', '-')}-AbcdeFghi{key}"
        return {**told, **moments, "url": url, "collectionId": f"c-{page.book}", **page.fields}

    def _info(self, asked: Asked) -> Any:
        if (key := int(asked["id"])) not in self.pages:
            return Reply('{"ok": false, "error": "not_found", "status": 404}', 404)
        return {"data": self._told(key)}


@pytest.fixture(params=[BookStack, Outline])
def wiki(request: pytest.FixtureRequest) -> Iterator[Wiki]:
    wiki: Wiki = request.param()
    with wiki.server:
        yield wiki
    assert wiki.server.problems == []


@pytest.fixture
def source(wiki: Wiki, pages: EntryStore) -> VisitedService:
    return VisitedService(wiki.kind, wiki.server.base, pages)


def later(wiki: Wiki, source: VisitedService, days: float = 1) -> None:
    wiki.server.asked.clear()
    source.sync(days)


def test_a_page_has_its_title_its_date_and_no_others(wiki: Wiki, source: VisitedService) -> None:
    wiki.pages |= {10 + at: Page("Secret", fields=one) for at, one in enumerate(wiki.hidden)}
    source.sync()
    assert sorted(source.documents) == ["Ferry", "Pier"]
    found = source.documents["Ferry"]
    assert "Two coins." in found.text
    assert found.verified == date(2026, 3, 10)
    assert source.reasons == []


def test_a_token_is_sent_with_every_request(wiki: Wiki, source: VisitedService) -> None:
    source.token = "id:secret"  # noqa: S105 - no real one
    source.sync()
    sent = {headers.get("authorization") for _, headers in wiki.server.requests[1:]}
    assert sent == {"Token id:secret" if wiki.kind == "bookstack" else "Bearer id:secret"}


def test_unchanged_wiki_is_only_listed(
    wiki: Wiki, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.sources.kinds.wikis._OUTLINE_LIST", 4)
    entries = PER_ANSWER if wiki.kind == "bookstack" else 4
    wiki.pages = {key: Page(f"Page {key}") for key in range(1, entries + 2)}
    source.sync()
    assert len(source.documents) == entries + 1
    later(wiki, source)
    assert wiki.got == []
    assert len(wiki.server.asked) == 2


def test_a_book_or_collection_has_its_pages_alone(wiki: Wiki, pages: EntryStore) -> None:
    wiki.pages[3] = Page("Rules", book="Staff")
    filters = {"bookstack": ("book", "guides"), "outline": ("collection", "guides")}
    some = VisitedService(wiki.kind, wiki.server.base, pages, (filters[wiki.kind],))
    some.sync()
    assert sorted(some.documents) == ["Ferry", "Pier"]
    wiki.pages[2].book = "Staff"
    later(wiki, some)
    assert sorted(some.documents) == ["Ferry"]
    name, _ = filters[wiki.kind]
    none = VisitedService(wiki.kind, wiki.server.base, pages, ((name, "quests"),))
    none.sync()
    assert none.reasons == [f"has no {name} quests that its token may read."]


def test_page_deleted_after_listing_does_no_harm(wiki: Wiki, source: VisitedService) -> None:
    steps = source.steps()
    next(steps)
    kept = wiki.server.answers[wiki.one]
    wiki.server.answers[wiki.one] = lambda asked: Reply("{}", 404)
    next(steps)
    wiki.server.answers[wiki.one] = kept
    assert len([*steps]) == 1
    assert len(source.documents) == 1
    assert source.reasons == []


# Citations.


def test_a_bookstacks_page_is_cited_by_its_permanent_address(pages: EntryStore) -> None:
    wiki = BookStack()
    with wiki.server:
        source = VisitedService(wiki.kind, wiki.server.base, pages)
        source.sync()
        found = source.documents["Ferry"]
    assert found.link == f"{wiki.server.base}/link/1"
    assert found.text.startswith("## Fares {#bkmrk-fares}")
    assert f"[Here]({wiki.server.base}/books/a)" in found.text


def test_an_outlines_document_is_cited_at_its_heading(pages: EntryStore) -> None:
    wiki = Outline()
    words = "[Two](/doc/two-a1) coins.\n\n## At night (*new*)\n\nThree.\n\n## Fähre\n\nOne."
    wiki.pages[1].words = f"{words}\n\n## Fares"
    with wiki.server:
        source = VisitedService(wiki.kind, wiki.server.base, pages)
        source.sync()
        found = source.documents["Ferry"]
    assert found.link == f"{wiki.server.base}/doc/ferry-AbcdeFghi1"
    assert f"[Two]({wiki.server.base}/doc/two-a1) coins." in found.text
    headings = [words for _, _, words in filter(None, heading_lines(found.text))]
    named = anchors(found.anchors or "", headings)
    assert [*named] == ["h-fares", "h-at-night-new", "", "h-fares-1"]
