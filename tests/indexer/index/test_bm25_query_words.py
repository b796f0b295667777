"""Words of a query, looked up in the languages of the passages."""

import pytest

from indexer.index.bm25 import BM25Lookup, words_of_query
from indexer.index.postings import Postings
from indexer.text.passages import Passage

GERMAN = [
    "Das Serverpasswort steht in der Beschreibung des Kanals.",
    "Automatische Farmen sind erlaubt, solange sie einen Schalter haben.",
    "Wir wählen die Räume für das Treffen im Herbst aus.",
    "Die Sicherungen der Welt werden jede Nacht gemacht.",
    "Das Passwort ändert ihr in den Einstellungen selbst.",
]
ENGLISH = ["How to die with honour in the arena.", "The password is in the description."]


def _postings(texts: list[str], language: str) -> Postings:
    found = Postings()
    passages = [Passage("d", 0, "", "", text, document_language=language) for text in texts]
    found.add([(n, passage.words.split()) for n, passage in enumerate(passages)])
    return found


def _best(query: str, postings: Postings) -> list[int]:
    lookup = BM25Lookup([postings], words_of_query(query, [postings]), 5)
    return [key for key, _ in lookup.found()]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("wo finde ich das passwort vom server", 0),
        ("ist eine eisenfarm erlaubt", 1),
        ("treffen raum auswählen", 2),
        ("Sicherung Welt", 3),
        ("weltsicherung", 3),
        ("passwörter ändern", 4),
    ],
)
def test_german_words_are_found_in_other_forms_and_compounds(query: str, best: int) -> None:
    assert _best(query, _postings(GERMAN, "de"))[0] == best


def test_words_of_grammar_elsewhere_stay_words_of_an_english_query() -> None:
    both = [_postings(ENGLISH, "en"), _postings(GERMAN, "de")]
    assert any("die" in word.forms for word in words_of_query("how to die", both))


def test_english_passages_are_looked_up_by_english_stems_only() -> None:
    [word] = words_of_query("description", [_postings(ENGLISH, "en")])
    assert word.forms == ("descript",)
