import json
from pathlib import Path

import jsonschema_rs
import pytest
from lxml import etree

from bot.text.languages import translations
from knowledge.page.pages import structured_data
from knowledge.page.publish import publish
from knowledge.page.site import PublishError, Site
from knowledge.values.guilds import Language
from tests.knowledge.page import hostile_notes
from tests.knowledge.page.hostile_notes import TEXTS, TITLES
from tests.knowledge.page.made_sites import AT, BASE_URL, files, note, published, site

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
