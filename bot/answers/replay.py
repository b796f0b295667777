"""Replay of recorded questions: the answer then, the answer now, and the difference.

A question is asked again from its record alone: text, earlier questions, visible channels. The
recorded hits serve only for comparison.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.answers.ask import Ask
from bot.answers.outcome import Reply
from indexer.index.index import Index
from knowledge.values.documents import channel_scope
from knowledge.values.questions import OpenQuestion, Question, RecordedHit, RecordedPhrasing


class PassageState(StrEnum):
    """Change of a document's passage between a recorded question and its replay."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class DocumentRanks:
    """A document's ranks among the hits of a recorded question and of its replay.

    Attributes:
        heading: the heading of the found passage.
        then: the recorded rank, counted from 1, or None if the document wasn't found then.
        now: the rank in the replay, counted from 1, or None if the document isn't found now.
        state: whether the document still has the recorded passage, or `NEW` if the document wasn't
            found then.
    """

    document_id: str
    title: str
    heading: str
    then: int | None
    now: int | None
    state: PassageState


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded question with the reply that the same question gets now.

    Attributes:
        question: the recorded question.
        now: the reply now.
        places: the ranks then and now of each document found.
        settings: how the evidence is judged now, to compare with `question.settings`.
        phrasing: the record of a language model's work on the recorded answer, if any.
    """

    question: Question
    now: Reply
    places: Sequence[DocumentRanks]
    settings: str
    phrasing: RecordedPhrasing | None = None

    @property
    def changes(self) -> list[str]:
        """A sentence about each difference; empty if the answer would be the same."""
        question, now = self.question, self.now
        found: list[str] = []
        if now.generation != question.generation:
            found.append(
                f"The index went from generation {question.generation} to {now.generation}."
            )
        if question.settings and self.settings != question.settings:
            found.append(f"It is judged by {self.settings}; then by {question.settings}.")
        if now.evidence is not question.evidence:
            found.append(f"Evidence was {question.evidence.value}; now it is {now.evidence.value}.")
        for state, what in (
            (PassageState.GONE, "is no longer there"),
            (PassageState.CHANGED, "says something else now"),
            (PassageState.NEW, "was not found then"),
        ):
            names = [place.document_id for place in self.places if place.state is state]
            found += [f"{name} {what}." for name in names]
        then, first = self._first()
        if then != first and then and first:
            found.append(f"{then} was first; now {first} is.")
        elif not found and any(place.then != place.now for place in self.places):
            found.append("Behind the first, documents changed places.")
        return found

    def _first(self) -> tuple[str, str]:
        then = [place.document_id for place in self.places if place.then == 1]
        now = [place.document_id for place in self.places if place.now == 1]
        return then[0] if then else "", now[0] if now else ""


def ask_from_record(question: Question | OpenQuestion) -> Ask:
    return Ask(
        question.text,
        question.asker_id,
        question.guild_id,
        question.channel_id,
        question.earlier,
        channels=question.channels,
        answered_from=question.answered_from,
        quotations=question.quotations,
    )


def with_passage_texts(
    question: Question, index: Index, channels: Collection[int] | None = None
) -> Question:
    """A recorded question, with the texts of hits from channels, which are not recorded.

    A member gets no hits from channels other than `channels`, and no texts missing from the index.
    For the operator, `channels` is None: all hits stay, with their recorded texts.
    """
    hits = []
    for hit in question.hits:
        if hit.source_channel_id is not None:
            if channels is None or hit.source_channel_id in channels:
                hits.append(_from_channel(hit, index))
        else:
            hits.append(hit if channels is None else _if_quotable(hit, index))
    return replace(question, hits=hits)


def _if_quotable(hit: RecordedHit, index: Index) -> RecordedHit:
    """Remove the text of a hit if the index no longer has the passage."""
    for passage in index.tables.document_passages(hit.document_id):
        if passage.text == hit.passage:
            return replace(
                hit,
                title=passage.title,
                heading=passage.heading,
                revision=passage.revision,
                approved_by=passage.approved_by,
                wordings=passage.wordings,
            )
    return replace(hit, title="", heading="", passage="", link="")


def _from_channel(hit: RecordedHit, index: Index) -> RecordedHit:
    scope = channel_scope(hit.source_channel_id or 0)
    for passage in index.tables.document_passages(hit.document_id):
        if passage.scope == scope and passage.position == hit.position:
            return replace(hit, title=passage.title, heading=passage.heading, passage=passage.text)
    return hit


def compare(
    question: Question, now: Reply, texts: Mapping[str, Sequence[str]], settings: str
) -> Replay:
    """Compare a recorded question with its reply now.

    Args:
        question: the recorded question.
        now: the reply now.
        texts: by document id, the present passages of each recorded document; empty for a deleted
            document.
        settings: how the evidence is judged now (`AnswerPipeline.settings_for`).
    """
    ranks = {hit.passage.document_id: rank for rank, hit in enumerate(now.hits, start=1)}
    places = [
        DocumentRanks(
            hit.document_id,
            hit.title,
            hit.heading,
            rank,
            ranks.get(hit.document_id),
            _state(hit.passage, texts.get(hit.document_id, ())),
        )
        for rank, hit in enumerate(question.hits, start=1)
    ]
    known = {hit.document_id for hit in question.hits}
    places += [
        DocumentRanks(
            hit.passage.document_id,
            hit.passage.title,
            hit.passage.heading,
            None,
            rank,
            PassageState.NEW,
        )
        for rank, hit in enumerate(now.hits, start=1)
        if hit.passage.document_id not in known
    ]
    return Replay(question, now, places, settings)


def _state(passage: str, texts: Sequence[str]) -> PassageState:
    if not texts:
        return PassageState.GONE
    return PassageState.SAME if passage in texts else PassageState.CHANGED
