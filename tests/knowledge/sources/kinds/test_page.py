from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from knowledge.corpus import source_states
from knowledge.sources.entries import EntryStore
from knowledge.sources.source import SyncStep
from knowledge.sources.sync import FAILURES_IN_A_ROW, FULL
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope
from tests.knowledge.sources.visited import NOW, VisitedSource
from tests.knowledge.web_server import Reply, WebServer

TEXT = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>About {0}.</p></body></html>"


class World:
    """A web server, and what is kept of its pages."""

    def __init__(self, server: WebServer, pages: EntryStore) -> None:
        self.server = server
        self.pages = pages

    def at(self, path: str) -> VisitedSource:
        return VisitedSource(self.server.url(path), self.pages)

    def sync(self, path: str, days: float = 0, most: int | None = None) -> list[SyncStep]:
        """Look at a source so many days later."""
        self.server.requests.clear()
        return self.at(path).sync(days, most)

    def found(self, path: str, scope: Scope = SHARED) -> list[Document | Failure]:
        return self.at(path).found(scope)

    def titles(self, path: str) -> list[str]:
        return [*self.at(path).documents]

    def reasons(self, path: str) -> list[str]:
        return self.at(path).reasons

    def lists(self, *names: str, modified: str = "") -> None:
        """A sitemap of these pages."""
        mark = f"<lastmod>{modified}</lastmod>" if modified else ""
        urls = "".join(f"<url><loc>{self.server.url(f'/{n}')}</loc>{mark}</url>" for n in names)
        self.server.pages["/sitemap.xml"] = Reply(f"<urlset>{urls}</urlset>", kind="text/xml")

    def page(self, name: str) -> None:
        self.server.pages[f"/{name}"] = Reply(TEXT.format(name), headers={"ETag": f'"{name}"'})


@pytest.fixture
def world(server: WebServer, pages: EntryStore) -> World:
    return World(server, pages)


MAP = "/sitemap.xml"


def test_a_page_is_a_document_with_its_title_and_address(world: World) -> None:
    world.page("a")
    world.sync("/a")
    [made] = world.found("/a", Scope(7))
    assert made == Document(
        id=f"page:7:{world.server.url('/a')}",
        scope=Scope(7),
        kind=Kind.PAGE,
        title="a",
        text="# a\n\nAbout a.",
        link=world.server.url("/a"),
        anchors="own",
    )


def test_a_page_is_cited_where_redirects_have_led(world: World) -> None:
    world.page("new")
    world.server.pages["/old"] = Reply(status=301, headers={"Location": "/new"})
    world.sync("/old")
    [made] = world.found("/old")
    assert isinstance(made, Document)
    assert (made.id, made.link) == (f"page:{world.server.url('/new')}", world.server.url("/new"))


def test_markdown_text_and_pages_that_can_not_be_read(world: World) -> None:
    world.server.pages["/guide.md"] = Reply("# Guide\n\nText.", kind="text/plain")
    world.server.pages["/log"] = Reply("Just text.", kind="text/plain")
    world.server.pages["/empty"] = Reply("<html><body></body></html>")
    world.server.pages["/feed"] = Reply("<rss></rss>", kind="text/xml")
    for path in ("/guide.md", "/log", "/empty", "/feed"):
        world.sync(path)
    assert world.titles("/guide.md") == ["Guide"]
    assert world.titles("/log") == ["Log"]
    assert world.reasons("/empty") == ["is a page without text."]
    assert world.reasons("/feed") == ["is neither a page nor a sitemap."]


def test_sitemaps_pages_are_read_step_by_step(world: World) -> None:
    world.lists("a", "b")
    world.page("a")
    world.page("b")
    steps = world.sync(MAP)
    assert world.titles(MAP) == ["a", "b"]
    assert [(step.done, step.total) for step in steps] == [(0, 0), (1, 1), (2, 3), (3, 3)]
    assert world.reasons(MAP) == []


def test_pages_that_have_not_changed_are_not_sent_again(world: World) -> None:
    world.lists("a")
    world.page("a")
    world.sync(MAP)
    world.sync(MAP, days=1)
    [(_, headers)] = [request for request in world.server.requests if request[0] == "/a"]
    assert headers["if-none-match"] == '"a"'
    assert world.titles(MAP) == ["a"]


def test_unchanged_pages_wait_for_a_week(world: World) -> None:
    world.lists("a", modified="2026-03-01")
    world.page("a")
    world.sync(MAP)
    world.sync(MAP, days=1)
    assert world.server.paths == [MAP]
    world.sync(MAP, days=8)
    assert world.server.paths == [MAP, "/a"]
    world.lists("a", modified="2026-03-19")
    world.sync(MAP, days=9)
    assert world.server.paths == [MAP, "/a"]


def test_a_sitemap_index_is_followed(world: World) -> None:
    world.lists("a")
    inner = f"<sitemap><loc>{world.server.url(MAP)}</loc></sitemap>"
    missing = f"<sitemap><loc>{world.server.url('/gone.xml')}</loc></sitemap>"
    world.server.pages["/index.xml"] = Reply(
        f"<sitemapindex>{inner}{missing}</sitemapindex>", kind="text/xml"
    )
    world.page("a")
    world.sync("/index.xml")
    assert world.titles("/index.xml") == ["a"]
    [reason] = world.reasons("/index.xml")
    assert reason.endswith("/gone.xml, which is gone (the host answers 404).")


def test_a_sitemap_of_another_host_says_why_it_gives_nothing(world: World) -> None:
    address = "https://www.docs.test/a"
    world.server.pages[MAP] = Reply(f"<urlset><url><loc>{address}</loc></url></urlset>")
    world.sync(MAP)
    assert world.reasons(MAP) == ["lists no page of its own scheme, host and port."]


def test_an_llms_txt_is_a_list_of_pages(world: World) -> None:
    world.server.pages["/llms.txt"] = Reply("# Docs\n\n- [A](/a): first", kind="text/plain")
    world.page("a")
    world.sync("/llms.txt")
    assert world.titles("/llms.txt") == ["a"]


def test_vanished_page_is_retired_after_the_grace(world: World) -> None:
    world.lists("a", "b")
    world.page("a")
    world.page("b")
    world.sync(MAP)
    del world.server.pages["/b"]
    world.sync(MAP, days=1)
    assert world.titles(MAP) == ["a", "b"]
    assert world.reasons(MAP) == [
        "is gone (the host answers 404); its text is quoted until 25 Mar 2026."
    ]
    for days in (8, 15):
        world.sync(MAP, days=days)
    assert world.titles(MAP) == ["a"]
    assert world.reasons(MAP) == [
        "is gone (the host answers 404) since 11 Mar 2026, and is no longer quoted."
    ]
    world.page("b")
    world.sync(MAP, days=17)
    assert world.titles(MAP) == ["a", "b"]


def test_unlisted_page_is_retired_after_the_grace(world: World) -> None:
    world.lists("a", "b")
    world.page("a")
    world.page("b")
    world.sync(MAP)
    world.lists("a")
    world.sync(MAP, days=1)
    assert world.titles(MAP) == ["a", "b"]
    assert world.reasons(MAP) == ["is no longer listed; its text is quoted until 25 Mar 2026."]
    for days in (8, 15):
        world.sync(MAP, days=days)
    assert world.titles(MAP) == ["a"]


def test_a_damaged_sitemap_takes_no_page_away(world: World) -> None:
    world.lists("a")
    world.page("a")
    world.sync(MAP)
    world.server.pages[MAP] = Reply("<urlset><url>", kind="text/xml")
    for days in (1, 40):
        world.sync(MAP, days=days)
        assert world.titles(MAP) == ["a"]
        assert len(world.reasons(MAP)) == 1
    world.lists("a")
    world.sync(MAP, days=41)
    assert world.reasons(MAP) == []


def test_gone_sitemaps_pages_are_asked_for(world: World) -> None:
    world.lists("a", "b")
    world.page("a")
    world.page("b")
    world.sync(MAP)
    del world.server.pages[MAP], world.server.pages["/b"]
    world.sync(MAP, days=1)
    for days in (8, 15):
        world.sync(MAP, days=days)
    assert world.titles(MAP) == ["a"]
    assert "is gone (the host answers 404)." in world.reasons(MAP)


def test_a_page_that_fails_keeps_its_last_good_text(world: World) -> None:
    world.page("a")
    world.sync("/a")
    world.server.pages["/a"] = Reply(status=503)
    world.sync("/a", days=100)
    assert world.titles("/a") == ["a"]
    assert world.reasons("/a") == ["can't be fetched (the host answers 503)."]


def test_a_host_that_asks_for_peace_gets_it(world: World) -> None:
    world.lists("a", "b")
    world.server.pages["/a"] = Reply(status=429)
    world.page("b")
    world.sync(MAP)
    assert world.server.paths == [MAP, "/a"]
    assert world.reasons(MAP) == [
        "asks to be left alone for now (429); the rest waits for the next look."
    ]


def test_a_host_that_fails_again_and_again_is_left_alone(world: World) -> None:
    names = [f"p{number}" for number in range(FAILURES_IN_A_ROW + 5)]
    world.lists(*names)
    for name in names:
        world.server.pages[f"/{name}"] = Reply(status=500)
    world.sync(MAP)
    assert len(world.server.paths) == 1 + FAILURES_IN_A_ROW
    assert world.reasons(MAP)[0].startswith(f"failed {FAILURES_IN_A_ROW} times in a row")


def test_a_look_that_was_ended_goes_on_where_it_was(world: World) -> None:
    world.lists("a", "b")
    world.page("a")
    world.page("b")
    for step in world.at(MAP).steps():
        if step.done == 2:
            break
    assert world.titles(MAP) == ["a"]
    assert world.pages.state(world.server.url(MAP)).is_due(NOW, timedelta(days=1))
    world.sync(MAP)
    assert world.titles(MAP) == ["a", "b"]
    assert not world.pages.state(world.server.url(MAP)).is_due(NOW, timedelta(days=1))
    # The clock was a year ahead then.
    assert world.pages.state(world.server.url(MAP)).is_due(NOW - timedelta(days=365), timedelta(1))


def test_a_state_tells_what_a_source_gave(world: World, store: Store) -> None:
    world.lists("a", "b")
    world.page("a")
    world.sync(MAP)
    store.add_source(world.server.url(MAP), SHARED, "")
    [state] = source_states(store, {}, world.pages)
    assert (state.files, state.documents, state.read_at) == (2, 1, NOW)
    assert [failure.source for failure in state.failures] == [world.server.url("/b")]


def test_kept_pages_are_followed_within_their_room(world: World) -> None:
    for name in "abcd":
        world.page(name)
    world.lists("a", "b", "c", "d")
    world.sync(MAP)
    room = world.pages.size(world.server.url(MAP)) * 3 // 4
    world.pages.forget_others([])
    world.sync(MAP, most=room)

    assert 0 < world.pages.size(world.server.url(MAP)) <= room
    assert world.titles(MAP) == ["a", "b"]
    assert FULL in world.reasons(MAP)[0]
    assert "/d" not in [path for path, _ in world.server.requests]

    # A page that is kept is asked for again, grows no more than there is room, and may go.
    world.server.pages["/a"] = Reply(TEXT.format("a" * 10_000))
    del world.server.pages["/b"]
    for days in range(7, 42, 7):
        world.sync(MAP, days=days, most=room)

    assert world.titles(MAP)[0] == "a"
    assert "b" not in world.titles(MAP)
    assert world.pages.size(world.server.url(MAP)) <= room


def test_page_larger_than_its_room_is_not_kept(world: World) -> None:
    world.page("a")
    world.sync("/a", most=10)

    assert world.titles("/a") == []
    assert f"{FULL}." in world.reasons("/a")


# Pages that ask not to be shown.


META = '<head><meta name="robots" content="noindex, follow"></head>'


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (Reply(META + TEXT), "it says noindex"),
        (Reply(TEXT, headers={"X-Robots-Tag": "noindex"}), "its host says noindex"),
    ],
)
def test_page_asking_to_be_hidden_is_not_quoted(world: World, reply: Reply, rule: str) -> None:
    world.server.pages["/a"] = reply
    world.sync("/a")
    assert world.titles("/a") == []
    [reason] = world.reasons("/a")
    assert reason == f"asks programs not to show it ({rule}), so it is not quoted."


def test_page_is_quoted_while_it_may_be_shown(world: World) -> None:
    world.page("a")
    world.sync("/a")
    page = world.server.pages["/a"]
    assert isinstance(page, Reply)
    page.headers["X-Robots-Tag"] = "noindex"
    world.sync("/a", days=1)
    assert world.titles("/a") == []
    world.sync("/a", days=2)
    assert len(world.reasons("/a")) == 1
    del page.headers["X-Robots-Tag"]
    world.sync("/a", days=3)
    assert world.titles("/a") == ["a"]
    assert world.reasons("/a") == []


def test_each_of_several_headers_counts(world: World) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for rule in ("none", "googlebot: nofollow"):
            request.send_header("X-Robots-Tag", rule)
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"Hi")

    world.server.pages["/a"] = answer
    world.sync("/a")
    assert world.titles("/a") == []


def test_hidden_sitemap_is_a_list_all_the_same(world: World) -> None:
    world.page("a")
    world.lists("a")
    listed = world.server.pages[MAP]
    assert isinstance(listed, Reply)
    listed.headers["X-Robots-Tag"] = "noindex"
    world.sync(MAP)
    assert world.titles(MAP) == ["a"]
    assert world.reasons(MAP) == []
