import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.storage.derived_data import open_pages
from knowledge.sources.entries import PageStore, Site, WebPage, next_state
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Gone, Unchanged

SITE = "https://docs.example.org/sitemap.xml"
URL = "https://docs.example.org/a"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)
PAGE = WebPage(
    SITE,
    URL,
    link=URL,
    content=b"<p>Text",
    etag='"1"',
    fetched_at=NOW - timedelta(days=3),
    title="A",
    text="Text",
)


@pytest.fixture
def pages(tmp_path: Path, derived: str) -> Iterator[PageStore]:
    with open_pages(tmp_path, derived) as opened:
        yield opened


def test_what_is_fetched_replaces_what_there_was() -> None:
    broken = replace(PAGE, reason="failed", gone_at=NOW - timedelta(days=1))
    found = next_state(broken, Fetched(URL + "b", b"New", "text/plain", '"2"', "then"), NOW, GRACE)
    assert (found.link, found.content, found.content_type) == (URL + "b", b"New", "text/plain")
    assert (found.etag, found.last_modified, found.reason) == ('"2"', "then", "")
    assert (found.gone_at, found.fetched_at, found.checked_at) == (None, NOW, NOW)


def test_a_page_that_is_as_it_was_is_mended_and_keeps_its_time() -> None:
    broken = replace(PAGE, reason="failed", gone_at=NOW)
    assert next_state(broken, Unchanged(), NOW, GRACE) == replace(PAGE, checked_at=NOW)


def test_a_page_that_fails_keeps_its_last_good_text() -> None:
    found = next_state(PAGE, Failed("did not answer in time"), NOW, GRACE)
    assert found == replace(PAGE, checked_at=NOW, reason="did not answer in time")


def test_a_page_that_is_gone_is_quoted_for_a_time_of_grace_and_then_retired() -> None:
    gone = next_state(PAGE, Gone("is no more"), NOW, GRACE)
    assert gone.text == "Text"
    assert gone.gone_at == NOW
    assert gone.reason == "is no more; its text is quoted until 24 Mar 2026"
    half = next_state(gone, Gone("is no more"), NOW + GRACE / 2, GRACE)
    day_before = next_state(half, Gone("is no more"), NOW + GRACE - timedelta(days=1), GRACE)
    assert (day_before.text, day_before.gone_at) == ("Text", NOW)
    retired = next_state(day_before, Gone("is no more"), NOW + GRACE, GRACE)
    assert (retired.text, retired.content, retired.etag) == ("", b"", "")
    assert retired.reason == "is no more since 10 Mar 2026, and is no longer quoted"


def test_a_clock_that_jumps_ahead_retires_no_page() -> None:
    gone = next_state(PAGE, Gone("is no more"), NOW, GRACE)
    jumped = next_state(gone, Gone("is no more"), NOW + timedelta(days=400), GRACE)
    assert jumped.text == "Text"
    right_again = next_state(jumped, Gone("is no more"), NOW + timedelta(days=1), GRACE)
    assert (right_again.text, right_again.gone_at) == ("Text", NOW + timedelta(days=1))


def test_a_page_that_fails_while_it_is_gone_is_not_retired_by_that() -> None:
    gone = next_state(PAGE, Gone("is no more"), NOW, GRACE)
    failed = next_state(gone, Failed("did not answer in time"), NOW + GRACE * 2, GRACE)
    assert failed.text == "Text"


def test_a_page_that_was_never_there_is_told() -> None:
    found = next_state(WebPage(SITE, URL), Gone("is no more"), NOW, GRACE)
    assert (found.text, found.reason, found.gone_at) == ("", "is no more", NOW)


def test_a_page_is_kept_whole_and_replaced(pages: PageStore) -> None:
    whole = replace(PAGE, checked_at=NOW, gone_at=NOW, reason="x", readers=3, content=b"\x00\xff")
    pages.keep(whole)
    assert pages.page(SITE, URL) == whole
    pages.keep(PAGE)
    pages.keep(replace(PAGE, url=URL + "b"))
    assert list(pages.pages(SITE)) == [PAGE, replace(PAGE, url=URL + "b")]
    assert pages.urls(SITE) == [URL, URL + "b"]
    assert pages.page(SITE, "https://a.org/") == WebPage(SITE, "https://a.org/")


def test_a_quota_counts_what_the_pages_take_however_they_changed(
    pages: PageStore, tmp_path: Path, derived: str
) -> None:
    def counted() -> int:
        with open_pages(tmp_path, derived) as other:
            return other.size(SITE)

    for number in range(5):
        assert pages.keep_within(replace(PAGE, url=f"{URL}{number}", text="x" * number), 10_000)
        assert pages.size(SITE) == counted()
    assert not pages.keep_within(replace(PAGE, url=URL + "full", text="x" * 20_000), 10_000)
    assert pages.size(SITE) == counted()
    with open_pages(tmp_path, derived) as other:
        other.keep(replace(PAGE, url=URL + "beside", text="x" * 500))
    assert pages.size(SITE) == counted()
    pages.forget_others([])
    assert pages.size(SITE) == counted() == 0


def test_sites_that_are_no_sources_any_more_are_forgotten(pages: PageStore) -> None:
    for site in (SITE, URL):
        pages.keep_site(Site(site, NOW, "x"))
        pages.keep(replace(PAGE, site=site))
    pages.forget_others([URL])
    assert pages.site(SITE) == Site(SITE)
    assert pages.site(URL) == Site(URL, NOW, "x")
    assert list(pages.pages(SITE)) == []
    assert len(list(pages.pages(URL))) == 1
    pages.forget_others([])
    assert list(pages.pages(URL)) == []


def test_pages_are_told_in_the_order_in_which_they_were_found(pages: PageStore) -> None:
    for url in ("c", "a", "b", "a"):
        pages.keep(replace(PAGE, url=url, text=url))

    assert pages.urls(SITE) == ["c", "a", "b"]


def test_a_page_without_a_link_is_cited_where_it_was_fetched(pages: PageStore) -> None:
    pages.keep(replace(PAGE, url="a", link=""))
    pages.keep(replace(PAGE, url="b", link="https://b.org/"))

    assert sorted(pages.links(SITE)) == ["a", "https://b.org/"]


def test_what_pages_say_changes_their_version(
    pages: PageStore, tmp_path: Path, derived: str
) -> None:
    seen = [pages.version]
    pages.keep(PAGE)
    seen.append(pages.version)
    with open_pages(tmp_path, derived) as other:
        other.drop(SITE, [URL])
    seen.append(pages.version)
    assert len(set(seen)) == 3
    assert pages.version == seen[-1]


def test_a_page_is_kept_whatever_signs_it_has(pages: PageStore) -> None:
    pages.keep(replace(PAGE, title="A\0B", text="\ud800x", etag="%s ?"))

    kept = pages.page(SITE, URL)
    assert (kept.title, kept.text, kept.etag) == ("AB", "\ufffdx", "%s ?")
    assert pages.size(SITE) == len(zlib.compress(PAGE.content)) + len("\ufffdx".encode())


def test_one_process_visits_a_host_at_a_time_on_however_many_machines(
    derived_url: str, tmp_path: Path
) -> None:
    with open_pages(tmp_path, derived_url) as one, open_pages(tmp_path, derived_url) as other:
        host, elsewhere = "https://a.org", "https://b.org"
        with one.visiting(host) as first, other.visiting(host) as second:
            assert (first, second) == (True, False)
            with other.visiting(elsewhere) as beside_it:
                assert beside_it
        with other.visiting(host) as after_it:
            assert after_it


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"x" * 5000]
)
def test_a_damaged_database_is_begun_anew_for_everything_can_be_fetched_again(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "web.db").write_bytes(content)
    with open_pages(tmp_path) as pages:
        pages.keep(PAGE)
    with open_pages(tmp_path) as pages:
        assert pages.page(SITE, URL) == PAGE
