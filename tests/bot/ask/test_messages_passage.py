"""The list of passages to choose from, within Discord's limits."""

from dataclasses import replace

import pytest

from bot.ask import messages
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.passages import Passage
from knowledge.values.documents import SHARED, Document, Kind


def test_parts_of_one_name_are_numbered() -> None:
    hits = [
        Hit(_part(number, heading), 0.0, 0.0, 0.0, 0.0, ())
        for number, heading in enumerate(["Ropes", "Ropes", "R" * 150, "Knots", "Ropes", "R" * 150])
    ]
    labels = messages.options(hits)
    assert labels[:2] == ["Rigging › Ropes", "Rigging › Ropes (2)"]
    assert labels[3:5] == ["Rigging › Knots", "Rigging › Ropes (3)"]
    assert labels[5].endswith(" (2)")
    assert max(map(len, labels)) <= messages.OPTION_CHARACTERS
    assert len(set(labels)) == len(labels)


def _part(number: int, heading: str) -> StoredPassage:
    document = Document("file:rig", SHARED, Kind.FILE, "Rigging", "text")
    return StoredPassage.of(number, document, Passage(document.id, number, "Rigging", heading, "t"))


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.NOTE])
def test_a_whole_passage_keeps_its_writers_line_breaks(kind: Kind) -> None:
    first = "The ferry to Lisbon leaves every day of the week from the pier"
    found = replace(_part(1, ""), text=f"{first}\nat nine.", kind=kind)
    break_kept = "\n> " if kind is Kind.NOTE else " "
    [shown] = messages.passage(found)
    assert shown.startswith(f"> {first}{break_kept}at nine.")
