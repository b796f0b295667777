from dataclasses import replace

from lxml import etree

from knowledge.page.pages import LISTED, Page, machine_files, pages
from knowledge.page.site import PublishedNote, Site
from tests.knowledge.page.made_sites import BASE_URL, note, site


def by_path(made: Site) -> dict[str, Page]:
    return {page.path: page for page in pages(made)}


def listed(page: Page, key: str = "notes") -> list[str]:
    return [each.address for each in page.context[key]]


def many(number: int) -> list[PublishedNote]:
    return [note(each) for each in range(1, number + 1)]


def test_lists_have_the_newest_and_most_asked_first() -> None:
    there = by_path(site(note(1, asked_count=2), note(2), note(3, asked_count=5)))
    assert listed(there["newest/index.html"]) == ["notes/3/", "notes/2/", "notes/1/"]
    assert listed(there["asked/index.html"]) == ["notes/3/", "notes/1/"]
    assert listed(there["index.html"], "newest") == ["notes/3/", "notes/2/", "notes/1/"]


def test_most_used_tags_come_first() -> None:
    there = by_path(site(note(1, tags=("a", "b")), note(2, tags=("b",))))
    assert there["index.html"].context["tags"] == (("b", 2), ("a", 1))
    assert listed(there["tags/b/index.html"]) == ["notes/2/", "notes/1/"]


def test_long_list_has_each_note_once() -> None:
    there = by_path(site(*many(3 * LISTED + 5)))
    path, seen, before = "newest/", [], ""
    while path:
        page = there[f"{path}index.html"]
        assert page.context["before"] == before
        seen += listed(page)
        before, path = path, page.context["after"]
    assert seen == [f"notes/{number}/" for number in range(3 * LISTED + 5, 0, -1)]


def test_new_note_changes_only_the_first_page() -> None:
    before = by_path(site(*many(3 * LISTED)))
    after = by_path(site(*many(3 * LISTED + 1)))
    changed = {path for path in after if before.get(path) != after[path]}
    assert changed == {
        *("index.html", "feed.xml", "llms.txt", "newest/index.html", "tags/index.html"),
        *("tags/ferry/index.html", f"notes/{3 * LISTED + 1}/index.html"),
    }


def test_new_question_changes_no_notes_page() -> None:
    asked = [replace(each, asked_count=7) for each in many(3)]
    before, after = by_path(site(*many(3))), by_path(site(*asked))
    assert before["notes/1/index.html"] == after["notes/1/index.html"]


def test_unpublished_related_notes_are_left_out() -> None:
    there = by_path(site(note(1, related=("notes/2/", "notes/9/")), note(2)))
    assert listed(there["notes/1/index.html"], "related") == ["notes/2/"]


def test_articles_are_not_listed_as_notes() -> None:
    article = note(2, address="articles/history/", tags=("past",))
    there = by_path(site(note(1), article))
    assert listed(there["newest/index.html"]) == ["notes/1/"]
    assert listed(there["tags/past/index.html"]) == ["articles/history/"]
    assert listed(there["index.html"], "articles") == ["articles/history/"]


def test_feed_needs_an_address_and_llms_consent() -> None:
    assert {"feed.xml", "llms.txt"} <= by_path(site()).keys()
    assert "feed.xml" not in by_path(site(base_url=""))
    assert "llms.txt" not in by_path(site(indexed=False))


# Sitemap, robots.txt, and the list of gone addresses.


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
