from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.index.bm25 import BM25Lookup, words_of_query
from indexer.index.index import Index
from indexer.index.postings import Postings
from indexer.ingest.pipeline import index_document
from indexer.text.passages import Passage
from knowledge.values.documents import SHARED
from tests.fakes import WordEmbedder
from tests.indexer.small_index import ONE, SCOPES, build, new_document, opened, thirty_documents


def test_rarities_follow_the_index(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("one", "The wombat digs."))
        index_document(index, embedder, new_document("two", "The quokka smiles."))
        before = index.idfs("wombat", [SHARED])
        index_document(index, embedder, new_document("three", "Another wombat."))
        assert index.idfs("wombat", [SHARED]) != before
        assert index.idfs("wombat", [SHARED, ONE]) == index.idfs("wombat", [SHARED])


SYNTAX = [
    '"',
    '"unclosed',
    "*",
    "comm*",
    "common*",
    "NEAR(common, 3)",
    "common AND",
    "NOT common",
    "OR",
    "-common",
    "^common",
    "words:common",
    "{common} : beta",
    "common\x00beta",
    "'; drop table passages; --",
    "🙂 common",
    "\ud800",
    "()",
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    embedder = WordEmbedder(64)
    with opened(tmp_path_factory.mktemp("filled"), embedder) as index:
        build(index, embedder, thirty_documents())
        yield index


@pytest.mark.parametrize("query", SYNTAX, ids=ascii)
def test_query_syntax_is_only_text(filled: Index, query: str) -> None:
    expected = 60 if "common" in query and "comm*" not in query else 0
    assert len(filled.matching(query, 1_000, SCOPES)) == expected


@given(st.text(max_size=80))
def test_no_text_breaks_the_lexical_leg(filled: Index, query: str) -> None:
    for _, score in filled.matching(query, 5, SCOPES):
        assert score > 0


def test_a_rare_word_ranks_its_passage_first(filled: Index) -> None:
    (best, _), *_ = filled.matching("common alpha17", 10, SCOPES)
    assert filled.passages([best])[best].document_id == "file:doc17"


def test_a_lookup_ahead_changes_no_result(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index, index.steady():
        build(index, embedder, thirty_documents())
        for text, k in (("common alpha3", 7), ("beta4", 3)):
            also = [key for key, _ in index.matching("of", 20, SCOPES)]
            expected = index.matching(text, k, SCOPES, also)
            for ahead in (text, "something else"):
                index.prepare_matching(ahead, k, SCOPES)()
                assert index.matching(text, k, SCOPES, also) == expected
            of_one = index.matching(text, k, [ONE])
            index.prepare_matching(text, k, SCOPES)()
            assert index.matching(text, k, [ONE]) == of_one


def test_lookup_ahead_is_dropped_after_a_change(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("a", "commonword"))
        index.prepare_matching("uncommonword", 5, [SHARED])()
        index_document(index, embedder, new_document("b", "uncommonword"))
        assert len(index.matching("uncommonword", 5, [SHARED])) == 1


# Words of a query, looked up in the languages of the passages.


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
