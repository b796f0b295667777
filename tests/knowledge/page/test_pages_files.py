"""Sitemap, robots.txt, and the list of gone addresses."""

from lxml import etree

from knowledge.page.machine_files import machine_files
from knowledge.page.site import Site
from tests.knowledge.page.made_sites import BASE_URL, note, site

_NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def texts(made: Site) -> dict[str, str]:
    return dict(machine_files(made))


def test_the_sitemap_has_each_page_with_the_day_of_its_last_change() -> None:
    root = etree.fromstring(texts(site(note(1), note(30)))["sitemap.xml"].encode())
    assert root.xpath("//s:loc/text()", namespaces=_NAMES) == [
        BASE_URL,
        f"{BASE_URL}notes/30/",
        f"{BASE_URL}notes/1/",
    ]
    assert root.xpath("//s:lastmod/text()", namespaces=_NAMES) == ["2026-03-05", "2026-03-04"]


def test_there_is_no_sitemap_unless_search_engines_may_list_the_site() -> None:
    for made in (site(note(1), indexed=False), site(note(1), base_url="")):
        there = texts(made)
        assert "sitemap.xml" not in there
        assert "Sitemap" not in there["robots.txt"]
    assert f"Sitemap: {BASE_URL}sitemap.xml" in texts(site())["robots.txt"]


def test_search_engines_may_read_a_page_with_noindex() -> None:
    assert "Disallow" not in texts(site(indexed=False))["robots.txt"]


def test_gone_addresses_are_listed_in_nginx_syntax() -> None:
    gone = texts(site(gone=("notes/7/", "notes/12/")))["gone.txt"]
    assert gone == "/kb/notes/12/ 410;\n/kb/notes/7/ 410;\n"
    assert texts(site(gone=("notes/7/",), base_url=""))["gone.txt"] == "/notes/7/ 410;\n"
