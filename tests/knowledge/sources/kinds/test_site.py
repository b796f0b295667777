"""Crawls of a small site with traps: scope, limits, robots.txt, sitemaps, later visits."""

import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.corpus import source_states
from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.site import QUERIES, SITEMAPS, TrapGuard, is_page, page_url, scope_of
from knowledge.sources.net.addresses import host_of
from knowledge.sources.net.polite_fetcher import REDIRECTS
from knowledge.store.store import Store
from knowledge.values.documents import SHARED
from tests.knowledge.sources.crawled_site import World, sitemap_of
from tests.knowledge.web_server import Reply, WebServer


@pytest.fixture
def world(server: WebServer, pages: EntryStore) -> World:
    return World(server, pages)


def test_the_pages_that_links_lead_to_are_documents(world: World, store: Store) -> None:
    world.page("/docs/", "a", "b/")
    world.page("/docs/a", "b/")
    world.page("/docs/b/", "../a", "c")
    world.page("/docs/b/c", "/docs/")
    steps = world.sync()
    assert world.titles() == ["docs", "docs a", "docs b", "docs b c"]
    assert world.asked == ["/docs/", "/docs/a", "/docs/b/", "/docs/b/c"]
    assert [(step.done, step.total) for step in steps] == [(0, 0), (1, 1), (2, 3), (3, 3), (4, 4)]
    assert world.reasons == []
    store.add_source(world.location, SHARED, "")
    [state] = source_states(store, {}, world.pages)
    assert (state.files, state.documents) == (4, 4)


def test_nothing_outside_the_folder_is_asked_for(world: World) -> None:
    world.page(
        "/docs/",
        "/",
        "/blog/a",
        "/docs/../admin",
        "/docs/%2e%2e/admin",
        "//b.test/docs/",
        "https://b.test/docs/a",
        "mailto:me@a.org",
        "a",
    )
    world.page("/docs/a")
    world.page("/admin")
    world.sync()
    assert world.asked == ["/docs/", "/docs/a"]


def test_a_redirect_out_is_not_followed(world: World) -> None:
    world.page("/docs/", "out", "far", "in", "private")
    world.page("/docs/a")
    world.page("/admin")
    for path, target in {
        "/docs/out": "/admin",
        "/docs/far": "http://b.test/",
        "/docs/private": "http://169.254.169.254/latest",
        "/docs/in": "/docs/a",
    }.items():
        world.server.pages[path] = Reply(status=302, headers={"Location": target})
    world.sync()
    assert world.titles() == ["docs", "docs a"]
    assert "/admin" not in world.asked
    assert world.reasons == []


def test_an_address_that_leads_elsewhere_from_the_start_is_told(world: World) -> None:
    world.server.pages["/docs/"] = Reply(status=301, headers={"Location": "https://b.test/docs/"})
    world.sync()
    assert world.reasons == ["leads out of what is read, to https://b.test/docs/."]


def test_the_depth_and_the_number_of_pages_have_an_end(world: World) -> None:
    for number in range(20):
        world.page(f"/docs/{number}", str(number + 1))
    world.page("/docs/", "0")
    world.start(depth=2)
    world.sync()
    assert world.asked == ["/docs/", "/docs/0", "/docs/1"]
    world.start(depth=0)
    world.sync()
    assert world.asked == ["/docs/"]
    world.start(depth=10, pages=3)
    world.page("/docs/", *map(str, range(20)))
    world.sync()
    assert len(world.asked) == 3
    assert world.reasons[0].startswith("has more than 3 pages; so many are asked for")


def test_a_calendar_without_an_end_is_left(world: World) -> None:
    def month(request: BaseHTTPRequestHandler) -> None:
        number = int((re.search(r"\d+", request.path) or ["0"])[0]) + 1
        link = f'<h1>Month</h1><a href="?month={number}&sid={number}">next</a>'
        world.server.send(request, Reply(link))

    for number in range(QUERIES + 5):
        world.server.pages[f"/docs/calendar?month={number}"] = month
    world.server.pages["/docs/calendar"] = month
    world.page("/docs/", "calendar")
    world.start(depth=10)
    world.sync()
    assert len(world.asked) == 2 + QUERIES


def test_robots_txt_is_obeyed(world: World) -> None:
    world.server.pages["/robots.txt"] = Reply(
        "User-agent: *\nDisallow: /docs/secret\nCrawl-delay: 7\n", kind="text/plain"
    )
    world.page("/docs/", "secret", "a")
    world.page("/docs/secret")
    world.page("/docs/a")
    waited: list[float] = []
    list(world.steps(sleep=waited.append))
    assert world.asked == ["/docs/", "/docs/a"]
    assert world.reasons == []
    assert waited
    assert max(waited) > 6


def test_disallowed_page_is_quoted_for_the_grace(world: World) -> None:
    world.page("/docs/", "a")
    world.page("/docs/a")
    world.sync()
    world.server.pages["/robots.txt"] = Reply(
        "User-agent: *\nDisallow: /docs/a\n", kind="text/plain"
    )
    for day in (1, 8, 15):
        world.sync(days=day)
        assert "/docs/a" not in world.asked
    assert world.titles() == ["docs"]


def test_noindex_pages_links_are_followed(world: World) -> None:
    world.page("/docs/", "hidden", "header")
    world.page("/docs/hidden", "a", head='<meta name="robots" content="noindex">')
    world.page("/docs/header", "b", X_Robots_Tag="noindex, nofollow")
    world.page("/docs/a")
    world.page("/docs/b")
    world.sync()
    assert world.titles() == ["docs", "docs a"]
    assert "/docs/b" not in world.asked
    assert world.reasons == []


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_a_start_with_noindex_is_a_failure(world: World, path: str) -> None:
    world.page(path, "a", head='<meta name="robots" content="noindex">')
    world.page("/docs/a")
    world.start(path)
    world.sync()
    assert len(world.reasons) == len([one for one in world.reasons if "noindex" in one]) == 1


def test_page_beside_its_folder_names_the_folder(world: World) -> None:
    world.page("/docs/a", "/docs/b")
    world.page("/docs/b")
    world.start("/docs/a")
    for day in range(2):
        world.sync(days=day)
        [reason] = world.reasons
        assert reason.endswith(f"for the pages beside it, name {world.server.url('/docs/')}.")
    world.page("/docs/a", "a/c")
    world.page("/docs/a/c")
    world.sync(days=2)
    assert world.reasons == []


def test_a_wikis_tools_are_not_asked_for(world: World) -> None:
    world.page("/wiki/Ferry")
    world.page("/wiki/Category:Ferries")
    tools = '<a href="/wiki/Special:Random">Random</a><a href="/wiki/Talk:Lisbon">Talk</a>'
    world.server.pages["/wiki/Lisbon"] = Reply(
        f'<meta name="generator" content="MediaWiki 1.43.1"><nav>{tools}</nav><h1>Lisbon</h1>'
        '<div id="mw-content-text"><div class="mw-parser-output"><p>By <a href="Ferry">ferry</a>.'
        '<h2>A<span class="mw-editsection"><a href="?action=edit">edit</a></span></h2>'
        '<a class="new" href="Porto">Porto</a></div><div class="printfooter"><a href="?oldid=1">x'
        '</a></div></div><div id="catlinks"><a href="/wiki/Special:Categories">In</a>'
        '<ul><li><a href="/wiki/Category:Ferries">Ferries</a></ul></div>'
    )
    world.start("/wiki/")
    world.page("/wiki/", "Lisbon")
    world.sync()
    assert world.asked == ["/wiki/", "/wiki/Lisbon", "/wiki/Ferry", "/wiki/Category:Ferries"]


def test_links_with_nofollow_are_not_followed(world: World) -> None:
    world.page("/docs/meta", "a", head='<meta name="robots" content="nofollow">')
    world.page("/docs/header", "b", X_Robots_Tag="nofollow")
    world.server.pages["/docs/c"] = Reply("<h1>C</h1>")
    world.server.pages["/docs/rel"] = Reply('<h1>R</h1><a rel="nofollow" href="c">C</a>')
    world.page("/docs/", "meta", "header", "rel")
    world.sync()
    assert world.asked == ["/docs/", "/docs/meta", "/docs/header", "/docs/rel"]


def test_canonical_page_is_quoted_once(world: World) -> None:
    world.page("/docs/", "a?print=yes&v=1", "loop1", "loop2", "elsewhere")
    world.page("/docs/a?v=1", head='<link rel="canonical" href="/docs/a">')
    world.page("/docs/a", head='<link rel="canonical" href="/docs/a">')
    world.page("/docs/loop1", head='<link rel="canonical" href="/docs/loop2">')
    world.page("/docs/loop2", head='<link rel="canonical" href="/docs/loop1">')
    world.page("/docs/elsewhere", head='<link rel="canonical" href="https://b.test/x">')
    world.sync()
    assert world.titles() == ["docs", "docs a", "docs elsewhere", "docs loop1", "docs loop2"]
    assert world.asked.count("/docs/a") == 1


def test_a_sitemap_is_found_by_itself_and_used_first(world: World) -> None:
    world.page("/docs/", "z")
    for name in "abz":
        world.page(f"/docs/{name}")
    world.page("/blog/a")
    world.server.pages["/sitemap.xml"] = sitemap_of(world.server, "/blog/a", "/docs/b", "/docs/a")
    world.sync()
    assert world.asked == ["/docs/", "/docs/b", "/docs/a", "/docs/z"]


def test_robots_txts_sitemaps_of_its_host_are_read(world: World) -> None:
    world.server.pages["/robots.txt"] = Reply(
        f"Sitemap: http://b.test:{world.server.port}/evil/sitemap.xml\n"
        f"Sitemap: {world.server.url('/maps/sitemap.xml')}\n",
        kind="text/plain",
    )
    world.server.pages["/evil/sitemap.xml"] = sitemap_of(world.server, "/docs/evil")
    world.server.pages["/maps/sitemap.xml"] = sitemap_of(
        world.server, "/maps/one/sitemap.xml", "http://b.test/sitemap.xml", kind="sitemap"
    )
    world.server.pages["/maps/one/sitemap.xml"] = sitemap_of(
        world.server, "/docs/a", "http://b.test/docs/b", "/blog/c"
    )
    for path in ("/docs/", "/docs/a", "/docs/evil"):
        world.page(path)
    world.sync()
    assert world.asked == ["/docs/", "/docs/a"]
    assert "/evil/sitemap.xml" not in world.server.paths


def test_a_sitemap_that_is_damaged_or_leads_away_stops_nothing(world: World) -> None:
    world.page("/docs/", "a")
    world.page("/docs/a")
    world.server.pages["/sitemap.xml"] = Reply("<urlset><url><loc>", kind="text/xml")
    world.server.pages["/docs/sitemap.xml"] = Reply(
        status=302, headers={"Location": "http://b.test/sitemap.xml"}
    )
    world.sync()
    assert world.titles() == ["docs", "docs a"]


PATHS = [f"/docs/{name}" for name in ("", "a", "b", "a/c", "a/c/d", "x?y=1", "x?y=2")]
LINKS = [*PATHS, "/", "/blog", "../..", "http://b.test/docs/a", "?y=3&y=4", "a/../../../e", "#top"]
SITES = st.dictionaries(st.sampled_from(PATHS), st.lists(st.sampled_from(LINKS), max_size=5))
REDIRECTED = st.dictionaries(st.sampled_from(PATHS[1:]), st.sampled_from(LINKS), max_size=3)


@given(SITES, REDIRECTED, st.integers(1, 6), st.integers(0, 4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_site_links_no_crawl_leaves_its_scope_or_its_limits(
    world: World,
    site: Mapping[str, list[str]],
    redirected: Mapping[str, str],
    pages: int,
    depth: int,
) -> None:
    world.server.pages.clear()
    for path, links in site.items():
        world.page(path, *links)
    for path, target in redirected.items():
        world.server.pages[path] = Reply(status=302, headers={"Location": target})
    world.start(pages=pages, depth=depth)
    world.pages.forget_others([])
    world.sync()
    assert all(path.startswith("/docs/") or path == "/docs" for path in world.asked)
    assert len(world.asked) <= pages * (REDIRECTS + 1)
    maps = [path for path in world.server.paths if path.endswith("sitemap.xml")]
    assert len(maps) <= SITEMAPS
    hosts = {headers["host"] for _, headers in world.server.requests}
    assert hosts <= {f"docs.test:{world.server.port}"}


# Later visits, and pages and hosts that fail.


def test_a_second_visit_asks_only_for_what_may_have_changed(world: World) -> None:
    world.server.pages["/sitemap.xml"] = sitemap_of(world.server, "/docs/a", modified="2026-01-01")
    world.page("/docs/", "b")
    world.page("/docs/a", "c")
    world.page("/docs/b")
    world.page("/docs/c")
    world.sync()
    world.page("/docs/b", "d")
    world.page("/docs/d")
    world.sync(days=1)
    # What the sitemap says is as it was is not asked for, and what it leads to is still known.
    assert world.asked == ["/docs/", "/docs/b", "/docs/c", "/docs/d"]
    conditions = {path: headers.get("if-none-match") for path, headers in world.server.requests}
    assert conditions["/docs/"]
    assert conditions["/docs/d"] is None
    assert world.titles() == ["docs", "docs a", "docs b", "docs c", "docs d"]


def test_unlinked_pages_are_quoted_for_the_grace(world: World) -> None:
    world.page("/docs/", "a", "b")
    world.page("/docs/a")
    world.page("/docs/b")
    world.sync()
    world.page("/docs/", "b")
    world.sync(days=1)
    assert world.titles() == ["docs", "docs a", "docs b"]
    assert world.reasons[0].startswith("is no longer linked, or closed to programs; its text")
    for day in (8, 15):
        world.sync(days=day)
    assert world.titles() == ["docs", "docs b"]


def test_broken_links_are_nobodys_news(world: World) -> None:
    world.page("/docs/", "gone", "data", "photo.png")
    world.server.pages["/docs/data"] = Reply(b"\x00", kind="application/octet-stream")
    world.sync()
    assert world.reasons == []
    assert world.asked == ["/docs/", "/docs/gone", "/docs/data"]


def test_failing_page_stops_no_other(world: World) -> None:
    def hangs_up(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True

    world.page("/docs/", "huge", "silent", "a")
    world.server.pages["/docs/huge"] = Reply(b"x" * 10_000_001)
    world.server.pages["/docs/silent"] = hangs_up
    world.page("/docs/a")
    world.sync()
    assert world.titles() == ["docs", "docs a"]
    assert world.reasons[0] == "has more than 10 MB."
    assert world.reasons[1].startswith("can't be reached")


def test_a_page_that_takes_too_long_stops_no_other(world: World) -> None:
    ended = threading.Event()

    def waits(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "1000")
        request.end_headers()
        ended.wait()

    world.page("/docs/", "slow", "a")
    world.page("/docs/a")
    world.server.pages["/docs/slow"] = waits
    list(world.steps(whole_seconds=0.3))
    ended.set()
    assert world.titles() == ["docs", "docs a"]
    assert world.reasons == ["did not answer in time."]


#

START = "https://a.org/docs/"


@pytest.mark.parametrize(
    ("start", "folder"),
    [
        ("https://a.org", "/"),
        ("https://a.org/docs", "/docs/"),
        ("https://a.org/docs/", "/docs/"),
        ("https://a.org/docs/index.html", "/docs/"),
        ("https://a.org/v1.2/", "/v1.2/"),
    ],
)
def test_a_crawl_stays_in_the_folder_where_it_begins(start: str, folder: str) -> None:
    assert scope_of(start).folder == folder
    assert scope_of(start).has(start)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.org/docs/a",
        "https://a.org/docs/a/b?c=d",
        "https://a.org/docs",
        "https://a.org:443/docs/a",
        "https://A.org/docs/a",
    ],
)
def test_what_is_inside(url: str) -> None:
    assert scope_of(START).has(page_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.org/docs/a",
        "https://a.org:8443/docs/a",
        "https://b.org/docs/a",
        "https://a.org.b.org/docs/a",
        "https://a.org@b.org/docs/a",
        "https://a.org/docsearch",
        "https://a.org/docs/../admin",
        "https://a.org/docs/%2e%2e/admin",
        "https://a.org/docs/%252e%252e/admin",
        "https://a.org/docs/..%2fadmin",
        "https://a.org/docs/..%5cadmin",
        "https://a.org/docs/x/..;/..%2f..",
        "ftp://a.org/docs/a",
        "javascript:alert(1)",
        "//b.org/docs/",
    ],
)
def test_what_is_outside_however_it_is_written(url: str) -> None:
    assert not scope_of(START).has(url)
    assert not scope_of(START).has(page_url(url, START))


PIECES = st.sampled_from(
    [
        *("..", ".", "%2e%2e", "%2E.", "%2f", "%5c", "\\", "/", "//", "docs", "a", "?x=..", "#"),
        *("@", ":", "https://b.org", "//b.org", "https:", "b.org", ";", "&", "%", " ", "\t"),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_no_link_however_it_is_written_leads_out(href: str) -> None:
    scope = scope_of(START)
    url = page_url(href, START)
    if not url or not scope.has(url):
        return
    assert host_of(url) == "https://a.org"
    # As a server would see it that undoes what is escaped.
    path = urlsplit(url).path
    for undone in (path, path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/")):
        assert urlsplit(urljoin("https://a.org", undone)).path.startswith("/docs")


def test_addresses_of_one_page_have_one_form() -> None:
    for same in (
        "https://a.org/docs/a?b=1&a=2",
        "https://A.org/docs/a?a=2&b=1#part",
        "https://a.org/docs/a?utm_source=x&a=2&PHPSESSID=77&b=1&fbclid=9",
        "https://a.org/docs/a;jsessionid=1A2B?a=2&b=1",
        "https://a.org/docs/x/../a?a=2&b=1",
    ):
        assert page_url(same) == "https://a.org/docs/a?a=2&b=1"
    assert page_url("https://a.org") == "https://a.org/"
    assert page_url("b?sid=1", "https://a.org/docs/a") == "https://a.org/docs/b"


@given(st.text(max_size=30))
def test_the_form_of_a_form_is_itself(query: str) -> None:
    once = page_url(f"https://a.org/docs/a?{query}")
    assert page_url(once) == once


def test_a_calendar_has_an_end() -> None:
    traps = TrapGuard()
    months = [f"https://a.org/docs/calendar?month={number}" for number in range(100)]
    assert [url for url in months if traps.allows(url)] == months[:QUERIES]
    assert traps.allows("https://a.org/docs/calendar")
    assert traps.allows("https://a.org/docs/other?month=1")


def test_folders_that_repeat_themselves_are_a_circle() -> None:
    traps = TrapGuard()
    assert traps.allows("https://a.org/docs/a/b/a/b/a/")
    assert not traps.allows("https://a.org/docs/a/b/a/b/a/b/a/")
    assert not traps.allows("https://a.org/" + "/".join(map(str, range(21))))


def test_pictures_and_the_like_are_not_asked_for() -> None:
    assert not is_page("https://a.org/a/b.PNG")
    assert not is_page("https://a.org/a/b.tar.gz?x")
    assert is_page("https://a.org/a/v1.2/b")
    assert is_page("https://a.org/a/b.html")
    assert is_page("https://a.org/a/b.pdf")
