"""Passages that a question names: by heading or title, however it is typed, and only one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.index.stored_passage import StoredPassage
from indexer.ingest.pipeline import update
from indexer.retrieval.fusion import Cosines, Legs, Ranked
from indexer.retrieval.named_passages import (
    MOST_CANDIDATES,
    defining_passage,
    named_passage,
    naming_candidates,
)
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder


def passage(key: int, document: str, title: str, heading: str, text: str = "") -> StoredPassage:
    text = text or "The lamp is lit at dusk, and somebody puts it out in the morning."
    return StoredPassage(
        key, document, SHARED, Kind.FILE, 0, heading, text, title, "", (), "", None, None, ""
    )


LAMP = passage(1, "file:a", "The harbour", "Lamps › How is the lamp lit?")
DOCK = passage(2, "file:a", "The harbour", "The dock")
OTHER = passage(3, "file:b", "The quay", "Examples")
THIRD = passage(4, "file:c", "The pier", "Examples")
BROKEN = passage(
    6,
    "file:d",
    "Why does the crane stop?",
    "",
    "The log says `crane.halt.no_power_left`, and the screen “the crane is out of power”.",
)
WORDED = replace(passage(5, "note:1", "The ferry", ""), wordings=("boat times", "when it sails"))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How is the lamp lit?", LAMP),
        ("how is the lamp lit", LAMP),
        ("hey, how is the lamp lit pls", LAMP),
        ("lamps how is the lamp lit", LAMP),
        ("the harbour: The dock", DOCK),
        ("THE DOCK!", DOCK),
        ("the harbour", LAMP),
        ("The quay", OTHER),
        ("when it sails?", WORDED),
        ("i get crane.halt.no_power_left what now", BROKEN),
        ("CRANE.HALT.NO_POWER_LEFT", BROKEN),
        ("it says the crane is out of power, why", BROKEN),
        ("hm why does the crane stop at night", BROKEN),
        ("crane.halt.no_crew_left", None),
        ("is the crane out of power", None),
        ("when it sails tomorrow", None),
        ("examples", None),
        ("how is the lamp put out", None),
        ("???", None),
    ],
)
def test_a_heading_or_title_names_its_passage(question: str, found: StoredPassage | None) -> None:
    assert named_passage(question, [LAMP, DOCK, OTHER, THIRD, WORDED, BROKEN]) is found


def test_the_named_passage_is_first_and_strong(tmp_path: Path) -> None:
    """Though others have more of the words, and another passage of its document is nearer."""
    embedder = WordEmbedder()
    documents = [
        Document(
            "file:a",
            SHARED,
            Kind.FILE,
            "Boats",
            "# Boats\n\n## Rest\n\nAt night.\n\n## Sail\n\nIt is torn.",
        ),
        *(
            Document(f"file:{n}", SHARED, Kind.FILE, f"Note {n}", f"Rest and rest {n}.")
            for n in range(12)
        ),
    ]
    with open_index(tmp_path, embedder) as index:
        run_to_end(update(index, embedder, documents))
        retriever = Retriever(index, embedder)
        for k in (1, 10):
            [hits] = retriever.hits(["rest?"], [SHARED], k)
            assert (hits[0].passage.document_id, hits[0].passage.heading) == ("file:a", "Rest")
            assert hits[0].named
            assert not any(hit.named for hit in hits[1:])
            assert hits[0].score == max(hit.score for hit in hits)
            assert retriever.evidence("rest?", hits) is Evidence.STRONG


def test_only_candidates_with_most_words_are_looked_at() -> None:
    nearest = list(range(MOST_CANDIDATES + 1))
    every_word, nearly_all, half = 100, 101, 102
    coverages = {every_word: 0.50, nearly_all: 0.45, half: 0.25}
    none = np.zeros(0, np.float32)
    cosines = Cosines(np.zeros(0, np.int64), none, none, none, np.zeros(0, np.int64))
    ranked = Ranked(nearest, [1.0] * len(nearest), nearest, cosines)
    found = naming_candidates(ranked, Legs(nearest, coverages, [every_word, nearly_all, half]))
    assert found == [*nearest[:MOST_CANDIDATES], every_word, nearly_all]


def test_title_in_a_wider_question_is_not_strong(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    crane = Document("file:a", SHARED, Kind.FILE, "Why does the crane stop?", "No power is left.")
    with open_index(tmp_path, embedder) as index:
        run_to_end(update(index, embedder, [crane]))
        retriever = Retriever(index, embedder)
        for question, evidence in (
            ("hm why does the crane stop", Evidence.STRONG),
            ("who is Zebulon and why does the crane stop", Evidence.PARTIAL),
        ):
            [hits] = retriever.hits([question], [SHARED])
            assert hits[0].named
            assert retriever.evidence(question, hits) is evidence


TUG = passage(
    7, "file:e", "Ships", "", "Ships come and go. **Tugs** (small ships) are the strongest."
)
TUGS = replace(passage(8, "file:f", "Tugs", "Engines", "A tug is an engine."), position=3)
PIER = passage(
    9, "file:g", "The pier", "", "[The pier](pier.md) is a dock on legs. It is one of two."
)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("what is a tug", TUG),
        ("whats a tug?", TUG),
        ("what are tugs pls", TUG),
        ("was ist ein Tug?", TUG),
        ("what is the tug", None),
        ("what is a pier", PIER),
        ("what is a dock", None),
        ("what is strong", None),
        ("how is a tug", None),
        ("what is a tug doing in the harbour at night", None),
    ],
)
def test_what_a_thing_is_stands_in_its_definition(
    question: str, found: StoredPassage | None
) -> None:
    assert defining_passage(question, [LAMP, TUGS, TUG, PIER]) == found
