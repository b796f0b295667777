import pytest

from knowledge.sources.kinds.sitemaps import LINKS, Outgoing, extract_links

URL = "https://a.org/docs/a"


def test_links_are_absolute_in_order_and_each_comes_once() -> None:
    page = (
        '<head><link rel="canonical" href="/docs/b"></head><a href="c">C</a><a href="/d?x=1#y">D'
        '</a><a href="c#z">C</a><a href="https://b.org/">E</a><a name="f">F</a>'
    )
    assert extract_links(page.encode(), URL) == Outgoing(
        "https://a.org/docs/b",
        ("https://a.org/docs/c", "https://a.org/d?x=1", "https://b.org/"),
    )


def test_a_base_moves_what_is_relative() -> None:
    page = b'<base href="/other/"><a href="c">C</a>'
    assert extract_links(page, URL).links == ("https://a.org/other/c",)


@pytest.mark.parametrize(
    "page",
    [
        b'<meta name="robots" content="nofollow"><a href="c">C</a>',
        b'<meta name="Commonplace" content="none"><a href="c">C</a>',
        b'<a href="c" rel="nofollow">C</a>',
        b'<a href="c" rel="noopener NoFollow">C</a>',
        b'<a href="mailto:me@a.org">M</a><a href="javascript:go()">J</a><a href="">N</a>'[:47],
        b"<a href='http://[broken'>B</a><a href='https://me:secret@a.org/'>P</a>",
    ],
)
def test_links_that_are_not_to_be_gone_after(page: bytes) -> None:
    assert extract_links(page, URL) == Outgoing()


def test_a_rule_for_another_program_is_not_ours() -> None:
    page = b'<meta name="googlebot" content="nofollow"><a href="c">C</a>'
    assert extract_links(page, URL).links == ("https://a.org/docs/c",)


def test_a_page_of_links_alone_has_an_end() -> None:
    page = "".join(f'<a href="{number}">x</a>' for number in range(LINKS + 10))
    assert len(extract_links(page.encode(), URL).links) == LINKS


def test_a_page_that_can_not_be_read_leads_nowhere() -> None:
    assert extract_links(b"<div>" * 10_000 + b'<a href="c">C</a>', URL) == Outgoing()
