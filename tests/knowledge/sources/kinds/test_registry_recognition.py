from collections.abc import Callable, Iterator

import pytest

from knowledge.sources.kinds import registry
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.source import Service
from tests.knowledge.sources.wiki_server import API, WikiPage, WikiServer
from tests.knowledge.web_server import Reply, local_fetcher

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
def test_a_wikis_root_and_main_page_stand_for_the_wiki(
    wiki: WikiServer, recognise: Recognise, path: str
) -> None:
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
    "page",
    [
        '<meta name="generator" content="WordPress 6.8">' + RSD,
        "<meta content=generator name=description>",
        "<p>MediaWiki</p>",
    ],
)
def test_other_sites_are_not_recognised(wiki: WikiServer, recognise: Recognise, page: str) -> None:
    wiki.pages["/"] = Reply(page)
    assert recognise("/") is None


def test_other_kinds_are_recognised_by_their_generator(
    wiki: WikiServer, recognise: Recognise
) -> None:
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
