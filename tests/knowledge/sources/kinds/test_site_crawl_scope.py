from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.kinds.site import QUERIES, TrapGuard, is_page, page_url, scope_of
from knowledge.sources.net.addresses import host_of

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
