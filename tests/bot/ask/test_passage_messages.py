"""Passages that are shown whole: those that were not, within Discord's limits."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.ask import passage_messages
from bot.ask.explanation import why
from bot.text.markdown import MESSAGE_CHARACTERS
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.passages import Passage
from knowledge.model.documents import SHARED, Document, Kind
from knowledge.model.questions import Evidence, Question, RecordedHit
from tests.bot.values import TEXTS

WHEN = datetime(2026, 3, 4, tzinfo=UTC)


def _question(*passages: str) -> Question:
    hits = [
        RecordedHit(f"note:{n}", "T" * 300, "H", text, 0.5, ("meaning", "words"), "https://a.org/")
        for n, text in enumerate(passages)
    ]
    return Question(1, 10, 5, 1, "why?", Evidence.STRONG, WHEN, 3, hits)


def test_where_nothing_was_found_nothing_more_is_shown() -> None:
    assert passage_messages.more(_question()) == ["I found nothing close to this question."]


def test_of_more_passages_only_those_are_shown_that_are_not_whole_above() -> None:
    above = "> The club **has 40.**\n-# **T**\n> A day …"
    question = _question("The club has 40.", "A day has 24.")
    assert "".join(passage_messages.more(question, quoted_above=above)).count("> ") == 1
    above = above.replace("…", "has 24.")
    assert passage_messages.more(question, quoted_above=above) == [
        "All that I found is quoted above."
    ]


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_passages_shown_whole_are_messages_that_discord_takes(texts: list[str]) -> None:
    question = _question(*texts)
    for message in [*passage_messages.more(question), *why(question, moderator=True)]:
        assert 0 < len(message) <= MESSAGE_CHARACTERS


def test_parts_that_are_called_alike_are_told_apart_by_number() -> None:
    hits = [
        Hit(_part(number, heading), 0.0, 0.0, 0.0, 0.0, ())
        for number, heading in enumerate(["Ropes", "Ropes", "R" * 150, "Knots", "Ropes", "R" * 150])
    ]
    labels = passage_messages.options(hits)
    assert labels[:2] == ["Rigging › Ropes", "Rigging › Ropes (2)"]
    assert labels[3:5] == ["Rigging › Knots", "Rigging › Ropes (3)"]
    assert labels[5].endswith(" (2)")
    assert max(map(len, labels)) <= passage_messages.OPTION_CHARACTERS
    assert len(set(labels)) == len(labels)


def _part(number: int, heading: str) -> StoredPassage:
    document = Document("file:rig", SHARED, Kind.FILE, "Rigging", "text")
    return StoredPassage.of(number, document, Passage(document.id, number, "Rigging", heading, "t"))
