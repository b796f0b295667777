"""Sitemap, robots.txt, and the list of gone addresses."""

from lxml import etree

from knowledge.page.pages import machine_files
from knowledge.page.site import Site
from tests.knowledge.page.made_sites import BASE_URL, note, site

_NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def texts(made: Site) -> dict[str, str]:
    return dict(machine_files(made))


def test_sitemap_has_pages_with_their_last_change() -> None:
    root = etree.fromstring(texts(site(note(1), note(30)))["sitemap.xml"].encode())
    assert root.xpath("//s:loc/text()", namespaces=_NAMES) == [
        BASE_URL,
        f"{BASE_URL}notes/30/",
        f"{BASE_URL}notes/1/",
    ]
    assert root.xpath("//s:lastmod/text()", namespaces=_NAMES) == ["2026-03-05", "2026-03-04"]


def test_unlisted_site_has_no_sitemap() -> None:
    for made in (site(note(1), indexed=False), site(note(1), base_url="")):
        there = texts(made)
        assert "sitemap.xml" not in there
        assert "Sitemap" not in there["robots.txt"]
    assert f"Sitemap: {BASE_URL}sitemap.xml" in texts(site())["robots.txt"]


def test_robots_may_read_noindex_pages() -> None:
    assert "Disallow" not in texts(site(indexed=False))["robots.txt"]


def test_gone_addresses_have_nginx_syntax() -> None:
    gone = texts(site(gone=("notes/7/", "notes/12/")))["gone.txt"]
    assert gone == "/kb/notes/12/ 410;\n/kb/notes/7/ 410;\n"
    assert texts(site(gone=("notes/7/",), base_url=""))["gone.txt"] == "/notes/7/ 410;\n"
