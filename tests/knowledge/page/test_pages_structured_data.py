"""Structured data of notes, validated by a schema of search engines' requirements."""

import json

import jsonschema_rs

from knowledge.page.pages import structured_data
from tests.knowledge.page.hostile_notes import TEXTS, TITLES
from tests.knowledge.page.made_sites import BASE_URL, note, site

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
