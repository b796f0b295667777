import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from bot.storage.derived_data import open_entries
from knowledge.corpus import source_states, web_pages
from knowledge.sources.entries import Entry, EntryStore, SyncState, mark_gone
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document

SITE = "https://docs.example.org/sitemap.xml"
URL = "https://docs.example.org/a"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)
PAGE = Entry(
    SITE,
    URL,
    link=URL,
    content=b"<p>Text",
    revision='"1"',
    fetched_at=NOW - timedelta(days=3),
    title="A",
    text="Text",
)


@pytest.fixture
def pages(tmp_path: Path, derived: str) -> Iterator[EntryStore]:
    with open_entries(tmp_path, derived) as opened:
        yield opened


def test_gone_page_is_quoted_for_the_grace() -> None:
    lost = mark_gone(PAGE, "is no more", NOW, GRACE)
    assert lost.text == "Text"
    assert lost.gone_at == NOW
    assert lost.reason == "is no more; its text is quoted until 24 Mar 2026"
    half = mark_gone(lost, "is no more", NOW + GRACE / 2, GRACE)
    day_before = mark_gone(half, "is no more", NOW + GRACE - timedelta(days=1), GRACE)
    assert (day_before.text, day_before.gone_at) == ("Text", NOW)
    retired = mark_gone(day_before, "is no more", NOW + GRACE, GRACE)
    assert (retired.text, retired.content, retired.revision) == ("", b"", "")
    assert retired.reason == "is no more since 10 Mar 2026, and is no longer quoted"


def test_a_clock_that_jumps_ahead_retires_no_page() -> None:
    lost = mark_gone(PAGE, "is no more", NOW, GRACE)
    jumped = mark_gone(lost, "is no more", NOW + timedelta(days=400), GRACE)
    assert jumped.text == "Text"
    right_again = mark_gone(jumped, "is no more", NOW + timedelta(days=1), GRACE)
    assert (right_again.text, right_again.gone_at) == ("Text", NOW + timedelta(days=1))


def test_a_page_that_was_never_there_is_told() -> None:
    found = mark_gone(Entry(SITE, URL), "is no more", NOW, GRACE)
    assert (found.text, found.reason, found.gone_at) == ("", "is no more", NOW)


def test_a_page_is_kept_whole_and_replaced(pages: EntryStore) -> None:
    whole = replace(PAGE, checked_at=NOW, gone_at=NOW, reason="x", readers=3, content=b"\x00\xff")
    pages.keep(whole)
    assert pages.entry(SITE, URL) == whole
    pages.keep(PAGE)
    pages.keep(replace(PAGE, key=URL + "b"))
    assert list(pages.of(SITE)) == [PAGE, replace(PAGE, key=URL + "b")]
    assert pages.keys(SITE) == [URL, URL + "b"]
    assert pages.entry(SITE, "https://a.org/") == Entry(SITE, "https://a.org/")


def test_quota_counts_what_pages_take(pages: EntryStore, tmp_path: Path, derived: str) -> None:
    def counted() -> int:
        with open_entries(tmp_path, derived) as other:
            return other.size(SITE)

    for number in range(5):
        assert pages.keep_within(replace(PAGE, key=f"{URL}{number}", text="x" * number), 10_000)
        assert pages.size(SITE) == counted()
    assert not pages.keep_within(replace(PAGE, key=URL + "full", text="x" * 20_000), 10_000)
    assert pages.size(SITE) == counted()
    with open_entries(tmp_path, derived) as other:
        other.keep(replace(PAGE, key=URL + "beside", text="x" * 500))
    assert pages.size(SITE) == counted()
    pages.forget_others([])
    assert pages.size(SITE) == counted() == 0


def test_sites_that_are_no_sources_any_more_are_forgotten(pages: EntryStore) -> None:
    for site in (SITE, URL):
        pages.keep_state(SyncState(site, NOW, "x", {"commit": "1"}))
        pages.keep(replace(PAGE, source=site))
    pages.forget_others([URL])
    assert pages.state(SITE) == SyncState(SITE)
    assert pages.state(URL) == SyncState(URL, NOW, "x", {"commit": "1"})
    assert list(pages.of(SITE)) == []
    assert len(list(pages.of(URL))) == 1
    pages.forget_others([])
    assert list(pages.of(URL)) == []


def test_pages_are_told_in_order_of_finding(pages: EntryStore) -> None:
    for url in ("c", "a", "b", "a"):
        pages.keep(replace(PAGE, key=url, text=url))

    assert pages.keys(SITE) == ["c", "a", "b"]


def test_new_content_changes_the_version(pages: EntryStore, tmp_path: Path, derived: str) -> None:
    seen = [pages.version]
    pages.keep(PAGE)
    seen.append(pages.version)
    with open_entries(tmp_path, derived) as other:
        other.drop(SITE, [URL])
    seen.append(pages.version)
    assert len(set(seen)) == 3
    assert pages.version == seen[-1]


def test_a_page_is_kept_whatever_signs_it_has(pages: EntryStore) -> None:
    pages.keep(replace(PAGE, title="A\0B", text="\ud800x", revision="%s ?"))

    kept = pages.entry(SITE, URL)
    assert (kept.title, kept.text, kept.revision) == ("AB", "\ufffdx", "%s ?")
    assert pages.size(SITE) == len(zlib.compress(PAGE.content)) + len("\ufffdx".encode())


def test_one_process_visits_a_host_at_a_time(derived_url: str, tmp_path: Path) -> None:
    with open_entries(tmp_path, derived_url) as one, open_entries(tmp_path, derived_url) as other:
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
def test_damaged_database_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "web.db").write_bytes(content)
    with open_entries(tmp_path) as pages:
        pages.keep(PAGE)
    with open_entries(tmp_path) as pages:
        assert pages.entry(SITE, URL) == PAGE


# From the present tables, which must be empty, to those of release 1.0, with entries.
_RELEASE_1 = """
alter table sources rename column source to url;
alter table sources rename to sites;
alter table entries rename column source to site;
alter table entries rename column key to url;
alter table entries rename column revision to etag;
alter table entries rename to pages;
insert into sites (url, synced_at, reason, state) values
    ('https://a.org/', '2026-03-10T12:00:00+00:00', '', ''),
    ('git+https://github.com/o/r', '2026-03-10T12:00:00+00:00', '', 'abc'),
    ('outline+https://b.org', null, 'is down', '{{"licence": "MIT"}}');
insert into pages (
    site, url, link, content, content_type, etag, last_modified, checked_at, reason, title, text,
    readers, details
) values
    ('https://a.org/', 'https://a.org/', 'https://a.org/', {content}, 'text/html', '1', '',
        '2026-03-10T12:00:00+00:00', '', 'A', 'Text.', 1, ''),
    ('git+https://github.com/o/r', 'a.md', 'abc', {content}, '', 'b10b', '',
        '2026-03-10T12:00:00+00:00', '', 'File', 'Words.', 1,
        '{{"line": 1, "headings": [], "link": "", "tags": [], "page": {{}}, "verified": null}}');
"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_release_1_entries_stay_documents(
    tmp_path: Path, database: str, store: Store, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    open_entries(tmp_path, url).close()
    packed = zlib.compress(b"").hex()
    if url:
        sql = _RELEASE_1.format(content=f"decode('{packed}', 'hex')")
        with psycopg.connect(url) as connection:
            connection.execute("set search_path to web")
            connection.execute(sql.encode())
            connection.execute("update writes set format = 1")
    else:
        sql = _RELEASE_1.format(content=f"x'{packed}'")
        with closing(sqlite3.connect(tmp_path / "web.db")) as file:
            file.executescript(f"{sql} pragma user_version = 2;")
    for location in ("https://a.org/", "git+https://github.com/o/r", "outline+https://b.org"):
        store.add_source(location, SHARED, "")
    with open_entries(tmp_path, url) as entries:
        found = [item for item in web_pages(store, entries) if isinstance(item, Document)]
        states = source_states(store, {}, entries)
    assert [(item.text, item.link) for item in found] == [
        ("Text.", "https://a.org/"),
        ("Words.", "https://github.com/o/r/blob/abc/a.md?plain=1"),
    ]
    assert [(state.commit, state.licence) for state in states] == [
        ("", ""),
        ("abc", ""),
        ("", "MIT"),
    ]


@pytest.mark.parametrize(
    ("visits", "is_alarming"),
    [
        ([(True, 9), (True, 9)], True),
        ([(True, 9), (False, 9), (True, 9)], False),
        ([(False, 7)], False),
        ([(False, 6)], True),
        ([(False, 6), (False, 6)], True),
        ([(False, 6), (False, 8)], False),
        ([(False, 6), *[(False, 6)] * 15], False),
        ([(False, 6), *[(False, 6)] * 15, (False, 4)], True),
    ],
)
def test_failures_and_losses_raise_alarms(
    pages: EntryStore, visits: list[tuple[bool, int]], is_alarming: bool
) -> None:
    found = 9
    for day, (failed, left) in enumerate(visits):
        state = replace(pages.state("s"), synced_at=NOW + timedelta(days=day), state={"a": "b"})
        pages.keep_state(state.count(failed=failed, documents=found, found=left))
        found = left
    assert pages.state("s").is_alarming == is_alarming
    assert pages.state("s").state == {"a": "b"}
