"""Locations: each is read as a source of its kind, and written as people write it."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.kinds import registry
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import Channel, Folder, source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import DEPTH, MOST_DEPTH, MOST_PAGES, PAGES, Site
from knowledge.sources.net.addresses import is_web
from knowledge.sources.source import Service
from tests.knowledge.sources.wiki_server import API, WikiPage, WikiServer
from tests.knowledge.web_server import Reply, local_fetcher

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize(
    ("location", "kind", "url", "parts"),
    [
        ("https://a.org/x", Page, "https://a.org/x", ()),
        ("git+https://a.org/r.git", GitRepository, "https://a.org/r.git", ("", "")),
        ("git+https://a.org/r@x/y#docs", GitRepository, "https://a.org/r", ("x/y", "docs")),
        ("git+file:///srv/a%20b.git@main", GitRepository, "/srv/a b.git", ("main", "")),
        ("crawl+https://a.org/b/#depth=2&pages=50", Site, "https://a.org/b/", ()),
        ("dokuwiki+https://a.org#namespace=b", Service, "https://a.org", ["namespace=b"]),
    ],
)
def test_location_is_read_as_its_kind(
    location: str, kind: type, url: str, parts: object, internal: bool
) -> None:
    location = f"internal+{location}" if internal else location
    source = source_at(location)
    assert isinstance(source, kind)
    assert (source.url, source.parts, source.location) == (url, parts, location)
    assert (source.is_visited, source.is_internal) == (True, internal)


def test_paths_and_channels_are_not_visited() -> None:
    folder, channel = source_at("/srv/#docs"), source_at("channel:7")
    assert (type(folder), folder.path, folder.is_visited) == (Folder, "/srv/#docs", False)
    assert (type(channel), Channel.id_of(channel.location), channel.path) == (Channel, 7, "")
    assert Channel.id_of("/srv/docs") is None


@given(st.sampled_from(["https://a.org/", "/srv/"]), NAMES, NAMES, NAMES)
def test_any_branch_and_folder_is_read(root: str, name: str, branch: str, folder: str) -> None:
    # Addresses come percent-encoded, and without a fragment.
    name = name.replace("#", "").replace("%", "") if is_web(root) else name
    source = source_at(GitRepository.locate_branch(root + name, branch, folder))
    assert isinstance(source, GitRepository)
    assert (source.url, source.branch, source.folder) == (root + name, branch, folder)


@pytest.mark.parametrize(
    ("limits", "read"),
    [
        ("depth=2&pages=50", (2, 50)),
        ("depth=99&pages=99999999", (MOST_DEPTH, MOST_PAGES)),
        ("depth=x", (DEPTH, PAGES)),
    ],
)
def test_limits_of_a_crawl_are_bounded(limits: str, read: tuple[int, int]) -> None:
    site = source_at(f"crawl+https://a.org/#{limits}")
    assert isinstance(site, Site)
    assert (site.depth, site.pages) == read


# Recognition of a service behind an address.


Recognise = Callable[[str], Service | None]
GENERATOR = '<meta name="generator" content="MediaWiki 1.43.1">'
RSD = '<link rel="EditURI" type="application/rsd+xml" href="/w/api.php?action=rsd">'
IS_MAIN = '<script>RLCONF={"wgPageName":"Main_Page","wgIsMainPage":true};</script>'


@pytest.fixture
def wiki() -> Iterator[WikiServer]:
    with WikiServer() as server:
        server.content = {1: WikiPage("Ferry")}
        server.pages["/"] = Reply("", 301, {"Location": "/wiki/Main_Page"})
        server.pages["/wiki/Main_Page"] = Reply(GENERATOR + RSD + IS_MAIN)
        server.pages["/wiki/Ferry"] = Reply(GENERATOR + RSD)
        yield server


@pytest.fixture
def recognise(wiki: WikiServer) -> Iterator[Recognise]:
    with local_fetcher() as fetcher:
        yield lambda path: registry.recognise(f"{wiki.base}{path}", fetcher)


@pytest.mark.parametrize("path", ["", "/", "/wiki/Main_Page"])
def test_root_and_main_page_are_the_wiki(wiki: WikiServer, recognise: Recognise, path: str) -> None:
    assert recognise(path) == source_at(f"mediawiki+{wiki.base}")


def test_a_specific_page_of_a_wiki_stays_a_page(recognise: Recognise) -> None:
    assert recognise("/wiki/Ferry") is None


def test_a_wiki_that_answers_nobody_stays_a_page(wiki: WikiServer, recognise: Recognise) -> None:
    wiki.first = [Reply("", 403)] * 9
    assert recognise("/") is None
    wiki.first = []
    wiki.always = lambda asked: {"error": {"code": "readapidenied", "info": "Log in."}}
    assert recognise("/") is None


def test_api_php_stands_for_the_wiki(wiki: WikiServer, recognise: Recognise) -> None:
    wiki.pages[API] = Reply(GENERATOR)
    assert recognise(API) == source_at(f"mediawiki+{wiki.base}")


@pytest.mark.parametrize(
    "html",
    [
        '<meta name="generator" content="WordPress 6.8">' + RSD,
        "<meta content=generator name=description>",
        "<p>MediaWiki</p>",
    ],
)
def test_other_sites_are_not_recognised(wiki: WikiServer, recognise: Recognise, html: str) -> None:
    wiki.pages["/"] = Reply(html)
    assert recognise("/") is None


def test_generator_tells_other_kinds(wiki: WikiServer, recognise: Recognise) -> None:
    wiki.pages["/"] = Reply('<meta content="DokuWiki" name="generator"/>')
    wiki.pages["/lib/exe/jsonrpc.php"] = Reply(
        '{"result": [{"id": "ferry", "revision": 1, "size": 9}]}', kind="application/json"
    )
    assert recognise("/") == source_at(f"dokuwiki+{wiki.base}")
    del wiki.pages["/lib/exe/jsonrpc.php"]
    assert recognise("/") is None


def test_the_operator_is_named_to_hosts(wiki: WikiServer) -> None:
    with local_fetcher() as it:
        it.set_contact("ops@harbour.example")
        it.fetch(f"{wiki.base}/")
    assert {told["user-agent"].partition(" ")[2] for _, told in wiki.requests} == {
        "(ops@harbour.example)"
    }
