from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from knowledge.sources.entries import EntryStore
from tests.knowledge.sources.visited import VisitedService
from tests.knowledge.sources.wiki_server import Asked, WikiPage, WikiServer
from tests.knowledge.web_server import Reply

FERRY = WikiPage("Ferry", '<p>It leaves at six.</p><h2 id="Fares">Fares</h2><p>Two coins.</p>')
# As the pages of wikis name their API: relative to the scheme, and absolute at Fandom and wiki.gg.
RSD = '<link rel="EditURI" type="application/rsd+xml" href="{at}/w/api.php?action=rsd">'


@pytest.fixture
def wiki() -> Iterator[WikiServer]:
    with WikiServer() as server:
        server.pages["/"] = Reply(RSD.format(at=f"//wiki.test:{server.port}"))
        server.content = {1: FERRY, 2: WikiPage("Pier"), 3: WikiPage("Boat", to="Ferry")}
        yield server


@pytest.fixture
def source(wiki: WikiServer, pages: EntryStore) -> VisitedService:
    return VisitedService("mediawiki", wiki.base, pages)


def only(source: VisitedService, *filters: tuple[str, str]) -> VisitedService:
    return VisitedService("mediawiki", source.location.partition("+")[2], source.pages, filters)


def later(wiki: WikiServer, source: VisitedService, days: float = 1) -> None:
    wiki.pass_days(days)
    wiki.asked.clear()
    source.sync(days)


def test_page_has_sections_date_and_licence(wiki: WikiServer, source: VisitedService) -> None:
    wiki.rights = {"url": "https://creativecommons.org/licenses/by-sa/3.0/", "text": "CC-BY-SA"}
    source.sync()
    found = source.documents["Ferry"]
    assert found.text == "It leaves at six.\n\n## Fares {#Fares}\n\nTwo coins."
    assert found.link == f"{wiki.base}/wiki/Ferry"
    assert found.verified == date(2025, 11, 2)
    assert found.contributor == "Harbour Wiki, CC BY-SA 3.0"
    assert source.pages.state(source.location).state["licence"] == "CC BY-SA 3.0"


@pytest.mark.parametrize("rights", [{}, {"text": "CC0"}, {"text": "Public domain"}])
def test_a_licence_that_wants_no_attribution_is_not_in_a_citation(
    wiki: WikiServer, source: VisitedService, rights: dict[str, str]
) -> None:
    wiki.rights = rights
    source.sync()
    assert source.documents["Ferry"].contributor == ""


def test_api_php_is_found_behind_a_redirect(wiki: WikiServer, source: VisitedService) -> None:
    wiki.pages["/"] = Reply("", 301, {"Location": f"{wiki.base}/wiki/Harbour_Wiki"})
    wiki.pages["/wiki/Harbour_Wiki"] = Reply(RSD.format(at=wiki.base))
    source.sync()
    assert sorted(source.documents) == ["Ferry", "Pier"]


@pytest.mark.parametrize("place", ["/api.php", "/w/api.php"])
def test_api_php_is_found_without_a_link_to_it(
    wiki: WikiServer, source: VisitedService, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del wiki.pages["/"]
    monkeypatch.setattr("tests.knowledge.sources.wiki_server.API", place)
    source.sync()
    assert sorted(source.documents) == ["Ferry", "Pier"]


def test_api_php_is_found_again_where_the_wiki_moved_it(
    wiki: WikiServer, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.sync()
    wiki.pages["/"] = Reply(RSD.format(at=wiki.base).replace("/w/", "/new/"))
    monkeypatch.setattr("tests.knowledge.sources.wiki_server.API", "/new/api.php")
    wiki.edit(1, html="<p>It leaves at seven.</p>")
    later(wiki, source)
    assert source.documents["Ferry"].text == "It leaves at seven."


def test_a_site_without_the_api_says_so(wiki: WikiServer, source: VisitedService) -> None:
    wiki.pages["/"] = Reply("<p>Welcome.</p>")
    wiki.first = [Reply("", 404)] * 4
    source.sync()
    assert source.reasons == ["has no api.php where MediaWiki has it: name the wiki's main page."]


def test_a_wiki_that_may_not_be_asked_says_why(wiki: WikiServer, source: VisitedService) -> None:
    wiki.pages["/"] = Reply("", 301, {"Location": "https://other.test/"})
    source.sync()
    assert source.reasons == ["leads to https://other.test: add that address instead."]


def test_an_unchanged_wiki_costs_one_request(wiki: WikiServer, source: VisitedService) -> None:
    source.sync()
    later(wiki, source)
    assert len(wiki.asked) == 1


def test_changes_are_followed_by_page(wiki: WikiServer, source: VisitedService) -> None:
    source.sync()
    wiki.edit(1, html="<p>It leaves at seven.</p>")
    wiki.edit(2, title="")
    wiki.edit(4, title="Market")
    later(wiki, source)
    assert {title: one.text for title, one in source.documents.items()} == {
        "Ferry": "It leaves at seven.",
        "Market": "Words.",
    }
    # The site with its changes, the three pages, and the two that are there.
    assert len(wiki.asked) == 4


def test_page_moved_away_is_dropped(wiki: WikiServer, source: VisitedService) -> None:
    wiki.content[5] = WikiPage("Kiosk")
    source.sync()
    wiki.edit(1, space=12, title="Help:Ferry")
    wiki.edit(2, to="Kiosk")
    later(wiki, source)
    assert sorted(source.documents) == ["Kiosk"]


def test_new_redirect_reads_its_page_again(wiki: WikiServer, source: VisitedService) -> None:
    source.sync()
    wiki.edit(6, title="Jetty", to="Pier")
    later(wiki, source)
    assert [one.get("pageid") for one in wiki.asked if one["action"] == "parse"] == ["2"]


def test_hidden_pages_are_left_out(wiki: WikiServer, source: VisitedService) -> None:
    wiki.content |= {
        5: WikiPage("Draft", hidden=True),
        6: WikiPage("Help:Editing", space=12),
        7: WikiPage("Harbour Wiki:Rules", space=4),
    }
    source.sync()
    assert sorted(source.documents) == ["Ferry", "Pier"]
    some = only(source, ("namespace", "help|HW"))
    some.sync()
    assert sorted(some.documents) == ["Harbour Wiki:Rules", "Help:Editing"]
    none = only(source, ("namespace", "Quests"))
    none.sync()
    assert none.reasons == ["has no namespace Quests."]


def test_all_pages_are_listed_after_a_month(wiki: WikiServer, source: VisitedService) -> None:
    source.sync()
    del wiki.content[2]
    later(wiki, source, 20)
    assert "Pier" in source.documents
    later(wiki, source, 20)
    assert "Pier" not in source.documents
    wiki.edit(1, title="")
    wiki.content[9] = WikiPage("Market")
    wiki.changes[0] |= {"pageid": 0, "type": "log", "logtype": "delete"}
    later(wiki, source)
    assert sorted(source.documents) == ["Market"]


def test_a_wiki_whose_servers_lag_is_busy(wiki: WikiServer, source: VisitedService) -> None:
    lag = {"MediaWiki-API-Error": "maxlag", "Retry-After": "900"}
    wiki.first = [Reply('{"error": {"code": "maxlag"}}', headers=lag)]
    source.sync()
    assert source.reasons == ["asks to be left alone for now; the rest waits for the next look."]


@pytest.mark.parametrize(
    ("code", "reason"),
    [("unknown", "refuses to answer (No.)."), ("readapidenied", "asks for a login (No.).")],
)
def test_api_error_keeps_the_documents(
    wiki: WikiServer, source: VisitedService, code: str, reason: str
) -> None:
    source.sync()
    wiki.always = lambda asked: {"error": {"code": code, "info": "No."}}
    later(wiki, source)
    assert sorted(source.documents) == ["Ferry", "Pier"]
    assert source.reasons[0] == reason


def test_a_list_that_never_ends_is_given_up(wiki: WikiServer, source: VisitedService) -> None:
    source.sync()

    def answer(asked: Asked) -> Any:
        named = {"gapcontinue": "forever", "continue": "-||"}
        told = wiki.queried({**asked, "gapcontinue": "0"})
        return {**told, **({"continue": named} if "generator" in asked else {})}

    wiki.always = answer
    later(wiki, source, 40)
    assert sorted(source.documents) == ["Ferry", "Pier"]
    assert source.reasons == ["sends a list without an end."]


def test_pages_described_without_an_end_are_given_up(
    wiki: WikiServer, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.sources.kinds.mediawiki.BATCH_CHARACTERS", 100)
    source.sync()
    assert source.reasons == ["describes its pages at too great a length."]


def test_page_described_twice_is_refused(wiki: WikiServer, source: VisitedService) -> None:
    def answer(asked: Asked) -> Any:
        told = wiki.queried(asked)
        if "generator" in asked:
            told["query"]["pages"] *= 2
        return told

    wiki.always = answer
    source.sync()
    assert source.reasons == ["describes a page twice in an answer."]


def test_more_changes_than_pages_are_found_by_listing_all_pages(
    wiki: WikiServer, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.sources.kinds.mediawiki._CHANGE_REQUESTS", 2)
    source.sync()
    for _ in range(10):
        wiki.edit(1, html="<p>It leaves at seven.</p>")
    del wiki.content[2]
    later(wiki, source)
    assert sorted(source.documents) == ["Ferry"]


def test_a_page_of_two_megabytes_is_read(wiki: WikiServer, source: VisitedService) -> None:
    wiki.content[1] = WikiPage("Ferry", "<p>" + "It leaves at six. " * 111_000 + "</p>")
    source.sync()
    assert len(source.documents["Ferry"].text) > 1_990_000


def test_page_without_text_is_no_failure(wiki: WikiServer, source: VisitedService) -> None:
    wiki.content[1] = WikiPage("Ferry", "<!-- nothing --> <p>\n</p>")
    source.sync()
    assert sorted(source.documents) == ["Pier"]
    assert source.reasons == []


def test_other_hosts_link_is_not_cited(
    wiki: WikiServer, source: VisitedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WikiServer, "base", "https://elsewhere.test")
    source.sync()
    found = source.documents["Ferry"]
    assert found.link == wiki.url("/w/index.php?curid=1", host="wiki.test")
