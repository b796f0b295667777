import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
from lxml import etree

from bot.text.languages import translations
from knowledge.page.pages import LISTED, Page, machine_files, pages, structured_data
from knowledge.page.publish import publish
from knowledge.page.site import PublishedNote, PublishError, Site
from knowledge.values.guilds import Language
from tests.knowledge.page import hostile_notes
from tests.knowledge.page.hostile_notes import TEXTS, TITLES
from tests.knowledge.page.made_sites import AT, BASE_URL, files, note, published, site


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


#

_ATOM = {"a": "http://www.w3.org/2005/Atom"}


def rendered(made: Site, folder: Path, path: str = "notes/1/index.html") -> str:
    published(made, folder / "www")
    return files(folder / "www")[path].decode()


def test_page_shows_all_facts_about_its_note(tmp_path: Path) -> None:
    made = note(
        1,
        replaces=AT.date(),
        contributor="Bea & Co",
        link="https://x.example/?a=1&b=2",
        related=("notes/2/",),
    )
    said = rendered(site(made, note(2, "Another")), tmp_path)
    for part in (
        *("March 4, 2026", "replaces the text of", "Bea &amp; Co", "Another"),
        'href="https://x.example/?a=1&amp;b=2"',
    ):
        assert part in said


def test_page_without_a_contributor_names_none(tmp_path: Path) -> None:
    assert "by <bdi>" not in rendered(site(note(1)), tmp_path)

    published(site(note(1), base_url=""), tmp_path / "www")
    assert "feed.xml" not in files(tmp_path / "www")
    assert b"canonical" not in files(tmp_path / "www")["index.html"]


def test_german_server_has_german_pages(tmp_path: Path) -> None:
    made = site(note(1), language=Language.GERMAN)
    publish(made, tmp_path / "www", translations(Language.GERMAN), lambda _: b"")
    said = files(tmp_path / "www")["notes/1/index.html"].decode()
    assert '<html lang="de">' in said
    assert "Geprüft am" in said
    assert "4. März 2026" in said


@pytest.mark.parametrize("indexed", [False, True])
def test_pages_are_indexed_by_choice_only(tmp_path: Path, *, indexed: bool) -> None:
    said = rendered(site(note(1), indexed=indexed), tmp_path)
    assert ('content="noindex"' in said) is not indexed


@pytest.mark.parametrize("base_url", [BASE_URL, BASE_URL.rstrip("/")])
def test_page_names_its_known_address(tmp_path: Path, base_url: str) -> None:
    said = rendered(site(note(1), base_url=base_url), tmp_path)
    assert f'<link rel="canonical" href="{BASE_URL}notes/1/">' in said


def test_operator_can_replace_a_template(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "note.html").write_text("<html><h1>{{ note.title }}</h1> by hand</html>")
    (tmp_path / "own" / "picture.png").write_bytes(b"\xff")
    made = site(note(1, "<b>"))
    published(made, tmp_path / "www", templates=tmp_path / "own")
    there = files(tmp_path / "www")
    assert there["notes/1/index.html"] == b"<html><h1>&lt;b&gt;</h1> by hand</html>"
    assert b"Newest" in there["index.html"]
    published(made, tmp_path / "www")
    assert b"by hand" not in files(tmp_path / "www")["notes/1/index.html"]


def test_broken_template_is_named(tmp_path: Path) -> None:
    published(site(note(1)), tmp_path / "www")
    before = files(tmp_path / "www")
    (tmp_path / "own").mkdir()
    for template in ("{% if %}", "{{ nobody }}", "{% include 'none.html' %}"):
        (tmp_path / "own" / "note.html").write_text(template)
        with pytest.raises(PublishError, match=r"note\.html"):
            published(site(note(1)), tmp_path / "www", templates=tmp_path / "own")
        assert files(tmp_path / "www") == before


def test_feed_has_the_latest_notes_first(tmp_path: Path) -> None:
    made = site(note(1, "First"), note(2, "<i>Second</i>", "*Now* & then", tags=("a", "b")))
    feed = etree.fromstring(rendered(made, tmp_path, "feed.xml").encode())
    assert feed.xpath("a:entry/a:id/text()", namespaces=_ATOM) == [
        f"{BASE_URL}notes/2/",
        f"{BASE_URL}notes/1/",
    ]
    entry = feed.find("a:entry", _ATOM)
    assert entry is not None
    assert entry.findtext("a:title", None, _ATOM) == "<i>Second</i>"
    assert entry.findtext("a:content", None, _ATOM) == "<p><em>Now</em> &amp; then</p>\n"
    assert feed.findtext("a:updated", None, _ATOM) == entry.findtext("a:updated", None, _ATOM)
    for name in ("id", "title", "updated"):
        assert feed.findtext(f"a:{name}", None, _ATOM)
        assert entry.findtext(f"a:{name}", None, _ATOM)


def test_hostile_notes_give_valid_files(tmp_path: Path) -> None:
    made = site(*hostile_notes.notes(), name="]]><a>&\x07")
    published(made, tmp_path / "www")
    there = files(tmp_path / "www")
    for path in ("feed.xml", "sitemap.xml", "icon.svg"):
        etree.fromstring(there[path])
    titles = len(hostile_notes.TEXTS)
    assert len(etree.fromstring(there["feed.xml"]).findall("a:entry", _ATOM)) == titles
    lines = [line for line in there["llms.txt"].decode().split("\n") if line.startswith("- [")]
    assert len(lines) == titles


# Structured data, validated by a schema of what search engines require.
_AUTHOR = {
    "type": "object",
    "required": ["@type", "name"],
    "properties": {"@type": {"enum": ["Person", "Organization"]}, "name": {"type": "string"}},
}
_MOMENT = {"type": "string", "format": "date-time"}
_SAID = {"author": _AUTHOR, "datePublished": _MOMENT, "dateModified": _MOMENT}
_ANSWER = {
    "type": "object",
    "required": ["@type", "text", "author", "datePublished", "url"],
    "properties": {**_SAID, "@type": {"const": "Answer"}, "url": {"format": "uri"}},
}
_QUESTION = {
    "type": "object",
    "required": ["@type", "name", "answerCount", "acceptedAnswer", "author", "datePublished"],
    "properties": {
        **_SAID,
        "@type": {"const": "Question"},
        "answerCount": {"const": 1},
        "acceptedAnswer": _ANSWER,
    },
}
_ARTICLE = {
    "required": ["headline", "articleBody", "author", "datePublished", "publisher"],
    "properties": {**_SAID, "headline": {"type": "string", "minLength": 1}, "publisher": _AUTHOR},
}
VALIDATOR = jsonschema_rs.validator_for(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["@context", "@type"],
        "properties": {"@context": {"const": "https://schema.org"}},
        "oneOf": [
            {"properties": {"@type": {"const": "QAPage"}, "mainEntity": _QUESTION}},
            {"properties": {"@type": {"const": "Article"}}, **_ARTICLE},
        ],
    },
    validate_formats=True,
)


def test_question_is_a_page_of_questions() -> None:
    said = json.loads(structured_data(site(), note(1, "When do ferries leave?", "At *nine*.")))
    VALIDATOR.validate(said)
    assert said["@type"] == "QAPage"
    assert said["mainEntity"]["name"] == "When do ferries leave?"
    assert said["mainEntity"]["acceptedAnswer"]["text"] == "At nine."
    assert said["mainEntity"]["url"] == f"{BASE_URL}notes/1/"


def test_other_notes_are_articles() -> None:
    said = json.loads(structured_data(site(), note(1, "Ferries", "At *nine*.", contributor="Bea")))
    VALIDATOR.validate(said)
    assert (said["@type"], said["headline"]) == ("Article", "Ferries")
    assert said["author"] == {"@type": "Person", "name": "Bea"}


def test_structured_data_names_only_consenting_contributors() -> None:
    said = json.loads(structured_data(site(), note(1)))
    assert said["author"] == {"@type": "Organization", "name": "The harbour"}


def test_structured_data_never_ends_its_element() -> None:
    cases = [(TITLES[0], text) for text in TEXTS] + [(title, TEXTS[0]) for title in TITLES]
    for title, text in cases:
        written = str(structured_data(site(), note(1, title, text, contributor=title)))
        assert not set("<>&") & set(written)
        VALIDATOR.validate(json.loads(written))
