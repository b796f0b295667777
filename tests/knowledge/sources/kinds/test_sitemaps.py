import contextlib
import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.kinds.sitemaps import (
    LINKS,
    ListedUrl,
    Outgoing,
    UnlistableError,
    extract_links,
    parse_listing,
    parse_listing_sandboxed,
)
from tests.knowledge.decided_notes import some

MAP = "https://docs.example.org/sitemap.xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def _urls(content: str | bytes, url: str = MAP) -> list[str]:
    found = some(parse_listing(content.encode() if isinstance(content, str) else content, url))
    return [each.url for each in found.pages]


def test_a_sitemap_lists_pages_with_the_time_of_their_change() -> None:
    content = (
        f"{HEAD}<urlset {SPACE}><url><loc> https://docs.example.org/a </loc>"
        "<lastmod>2026-03-01</lastmod></url>"
        "<url><lastmod>2026-03-01T10:00:00+02:00</lastmod>"
        "<loc>https://docs.example.org/b?x=1&amp;y=2#part</loc></url>"
        "<url><loc>https://docs.example.org/c</loc><lastmod>lately</lastmod></url></urlset>"
    )
    found = some(parse_listing(content.encode(), MAP))
    assert found.listings == ()
    assert found.pages == (
        ListedUrl("https://docs.example.org/a", datetime(2026, 3, 1, tzinfo=UTC)),
        ListedUrl("https://docs.example.org/b?x=1&y=2", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ListedUrl("https://docs.example.org/c"),
    )


def test_a_sitemap_index_lists_sitemaps() -> None:
    content = f"{HEAD}<sitemapindex {SPACE}><sitemap><loc>{MAP}.gz</loc></sitemap></sitemapindex>"
    found = some(parse_listing(content.encode(), MAP))
    assert [each.url for each in found.listings] == [f"{MAP}.gz"]
    assert found.pages == ()


def test_only_the_hosts_pages_count_once() -> None:
    addresses = [
        "https://docs.example.org/a",
        "https://other.example.org/b",
        "http://docs.example.org/c",
        "https://docs.example.org:8443/d",
        "https://me:secret@docs.example.org/e",
        "file:///etc/passwd",
        "/f",
        "https://docs.example.org/a#again",
        "https://docs.example.org/" + "x" * 3_000,
        "http://[broken",
    ]
    entries = "".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    assert _urls(f"<urlset>{entries}</urlset>") == [
        "https://docs.example.org/a",
        "https://docs.example.org/f",
    ]


def test_a_host_that_is_no_punycode_is_passed_over() -> None:
    found = "<urlset><url><loc>https://a.exxn--/b</loc></url><url><loc>/c</loc></url></urlset>"
    assert _urls(found) == ["https://docs.example.org/c"]


def test_an_llms_txt_lists_what_it_links_to() -> None:
    content = (
        "# Harbour\n\n> What it is.\n\n## Docs\n\n- [Start](/start.md): how to begin\n"
        '- [API](https://docs.example.org/api.md "all of it")\n- [Other](https://a.org/x)\n'
    )
    assert _urls(content, "https://docs.example.org/llms.txt") == [
        "https://docs.example.org/start.md",
        "https://docs.example.org/api.md",
    ]


@pytest.mark.parametrize("content", [b"<!doctype html><html><body>Hi", b"# A page", b"", b"\xff"])
def test_a_page_is_no_listing(content: bytes) -> None:
    assert parse_listing(content, "https://docs.example.org/page") is None


def test_a_packed_sitemap_is_unpacked() -> None:
    content = "<urlset><url><loc>https://docs.example.org/a</loc></url></urlset>"
    assert _urls(gzip.compress(content.encode()), MAP + ".gz") == ["https://docs.example.org/a"]


def test_a_sitemap_that_unpacks_without_end_is_refused() -> None:
    with pytest.raises(UnlistableError, match="has more than 20 MB when it is unpacked"):
        parse_listing(gzip.compress(b"<urlset>" + b" " * 20_000_000), MAP)


@pytest.mark.parametrize("content", [b"<urlset><url><loc>", b"<urlset>&nothing;</urlset>"])
def test_a_damaged_sitemap_is_refused(content: bytes) -> None:
    with pytest.raises(UnlistableError, match="is no valid XML"):
        parse_listing(content, MAP)


def test_entities_are_not_expanded_and_no_file_is_read() -> None:
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(12)
    )
    for entity in (f"{laughs}", '<!ENTITY l11 SYSTEM "file:///etc/passwd">'):
        content = (
            f"{HEAD}<!DOCTYPE urlset [{entity}]><urlset>"
            "<url><loc>https://docs.example.org/&l11;</loc></url>"
            "<url><loc>https://docs.example.org/a</loc></url></urlset>"
        )
        try:
            found = _urls(content)
        except UnlistableError:
            continue
        assert set(found) <= {"https://docs.example.org/", "https://docs.example.org/a"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_listing_a_page_or_refused(content: bytes) -> None:
    with contextlib.suppress(UnlistableError):
        parse_listing(b"<urlset>" + content, MAP)


_LISTED = (
    f"{HEAD}<urlset><url><loc>https://docs.example.org/a?b=%20c</loc>"
    "<lastmod>2024-01-02T03:04:05+01:00</lastmod></url><url><loc>/d</loc></url></urlset>"
)


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (_LISTED, MAP),
        (f"{HEAD}<sitemapindex><sitemap><loc>/b.xml</loc></sitemap></sitemapindex>", MAP),
        ("<!doctype html><p>Words.", "https://docs.example.org/"),
        ("<urlset></urlset>", MAP),
    ],
)
def test_the_sandbox_lists_what_is_listed_here(content: str, url: str) -> None:
    assert parse_listing_sandboxed(content.encode(), url) == parse_listing(content.encode(), url)


def test_what_the_sandbox_refuses_continues_a_sentence() -> None:
    with pytest.raises(UnlistableError, match=r"^is no valid XML \(.*\)$"):
        parse_listing_sandboxed(b"<urlset><url><loc>", MAP)


# Links of a page.


URL = "https://a.org/docs/a"


def test_links_are_absolute_in_order_and_each_comes_once() -> None:
    page = (
        '<head><link rel="canonical" href="/docs/b"></head><a href="c">C</a><a href="/d?x=1#y">D'
        '</a><a href="c#z">C</a><a href="https://b.org/">E</a><a name="f">F</a>'
    )
    assert extract_links(page.encode(), URL) == Outgoing(
        "https://a.org/docs/b", ("https://a.org/docs/c", "https://a.org/d?x=1", "https://b.org/")
    )


def test_a_base_moves_what_is_relative() -> None:
    page = b'<base href="/other/"><a href="c">C</a>'
    assert extract_links(page, URL).links == ("https://a.org/other/c",)


@pytest.mark.parametrize(
    "html",
    [
        b'<meta name="robots" content="nofollow"><a href="c">C</a>',
        b'<meta name="Commonplace" content="none"><a href="c">C</a>',
        b'<a href="c" rel="nofollow">C</a>',
        b'<a href="c" rel="noopener NoFollow">C</a>',
        b'<a href="mailto:me@a.org">M</a><a href="javascript:go()">J</a><a href="">N</a>'[:47],
        b"<a href='http://[broken'>B</a><a href='https://me:secret@a.org/'>P</a>",
    ],
)
def test_links_that_are_not_to_be_gone_after(html: bytes) -> None:
    assert extract_links(html, URL) == Outgoing()


def test_a_rule_for_another_program_is_not_ours() -> None:
    page = b'<meta name="googlebot" content="nofollow"><a href="c">C</a>'
    assert extract_links(page, URL).links == ("https://a.org/docs/c",)


def test_a_page_of_links_alone_has_an_end() -> None:
    page = "".join(f'<a href="{number}">x</a>' for number in range(LINKS + 10))
    assert len(extract_links(page.encode(), URL).links) == LINKS


def test_a_page_that_can_not_be_read_leads_nowhere() -> None:
    assert extract_links(b"<div>" * 10_000 + b'<a href="c">C</a>', URL) == Outgoing()
