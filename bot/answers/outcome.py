"""Outcome of a question: an answer, which is sure or not, a refusal or a clarification. Pure."""

import itertools
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from bot.answers.places import Place
from bot.answers.sections import Section
from indexer.contradictions.detector import Contradiction, Embed, Titled, contradictions
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.changelogs import asks_for_change, is_changelog
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Kind, channel_of
from knowledge.values.notes import Picture
from knowledge.values.questions import Evidence, RecordedHit

# Least score of a further quoted passage, as a share of the best.
FURTHER_SHARE: Final = 0.8
# Other passages to choose from: their largest number, and the least cosine of a hit. Of 150 wrong
# answers, five passages beside have the right one in 125, eighteen in 135. Of 118 refused questions
# with the answer among the first five hits, 90 keep it; of 1,806 refused questions on other
# subjects, 601 have a hit as near.
MOST_OTHERS: Final = 5
CLOSE_ENOUGH: Final = 0.2
# Score penalty of a document past its review date. Two hits that answer the same question differ
# by about this much, so the reviewed one is quoted first.
DUE_COST: Final = 0.05
# Score penalties of a changelog, unless the question asks for changes, and of a table of contents.
CHANGELOG_COST: Final = 0.15
CONTENTS_COST: Final = 0.15

_JUMP_LINK = re.compile(r"\]\((?P<url>https://discord\.com/channels/[\d/]+)\)")
_MASKED_LINK = re.compile(r"\]\(<?(?P<url>https?://(?:[^\s)>\]]|\](?!\())+)>?\)")


class State(StrEnum):
    """State of a reply, as programs read it."""

    SURE = "sure"
    UNSURE = "unsure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Citation:
    """The reference from an answer to a document.

    Attributes:
        link: the address of the quoted text, or empty. For a note outside the public page, it is
            the source that its writer named.
        due: whether the document is a note past its review date.
        reference: the first web address in an article's passage; empty for other documents. The
            text isn't quoted from there.
    """

    document_id: str
    kind: Kind
    title: str
    heading: str
    link: str
    contributor: str
    verified: date | None
    revision: int | None
    approved_by: str
    due: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage with its citation.

    Attributes:
        text: the text of the passage.
        citation: the reference to the document.
        hit: the hit with the passage.
        section: the passage's section, if the answer shows it.
    """

    text: str
    citation: Citation
    hit: Hit
    section: Section | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two quoted notes that disagree; `left` and `right` are the indexes of their quotes."""

    left: int
    right: int
    contradiction: Contradiction


@dataclass(frozen=True, slots=True)
class Answer:
    """Passages that answer, or that come nearest, best first.

    Attributes:
        evidence: how well the passages support an answer.
        quotes: the passages. A sure answer shows the section of the first, and of the notes that
            disagree with it. An unsure one does so only if two notes disagree.
        places: the places to look at, if the answer isn't sure.
        missing: words of the question without a match in any visible passage.
        conflicts: pairs of notes that disagree; readers see both.
        confirmed: whether the first quote is a confirmed passage
            (`bot.answers.confirmed_answers`).
    """

    evidence: Evidence
    quotes: tuple[Quote, ...]
    places: tuple[Place, ...] = ()
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    confirmed: bool = False

    @property
    def is_sure(self) -> bool:
        return self.confirmed or self.evidence is Evidence.STRONG

    @property
    def is_quoted(self) -> bool:
        """Whether sections are quoted: always if the answer is sure, or if two notes disagree."""
        return self.is_sure or not self.places

    @property
    def shown_quotes(self) -> tuple[int, ...]:
        """The indexes of the quotes that a sure answer shows: the best, and notes against it."""
        return (0, *(found.right for found in self.conflicts if found.left == 0))


@dataclass(frozen=True, slots=True)
class Refusal:
    """No passage answers the question.

    `unknown` has the question's topic words if no visible passage has any of them, or is empty.
    `before` cites the answer to the question before a follow-up, if there was one.
    """

    evidence: Evidence = Evidence.NONE
    unknown: tuple[str, ...] = ()
    before: Citation | None = None


@dataclass(frozen=True, slots=True)
class Clarification:
    """The outcome of a message that can't be looked up: small talk or an invalid question."""


Outcome = Answer | Refusal | Clarification


@dataclass(frozen=True, slots=True)
class Reply:
    """Reply to a question.

    Attributes:
        question: the text of the question.
        outcome: an answer, refusal or clarification.
        hits: the hits for the question, best first; for a refusal, only its `close_hits`.
        question_id: the id of the recorded question, or None if nothing was recorded.
        generation: how often the searched scopes had changed when the reply was given.
        seconds: the time that the reply took.
        foreign: the question's language, if the reply has to warn that the embedder doesn't read
            this language; otherwise empty. The same readers are warned once.
        signals: the measurements that the evidence was judged by.
        pictures: the pictures of quoted notes, added on display.
        bridged: whether the reply was given during an outage of the database.
    """

    question: str
    outcome: Outcome
    hits: tuple[Hit, ...] = ()
    question_id: int | None = None
    generation: int = 0
    seconds: float = 0.0
    foreign: str = ""
    signals: Mapping[str, float] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    bridged: bool = False

    @property
    def evidence(self) -> Evidence:
        return getattr(self.outcome, "evidence", Evidence.NONE)

    @property
    def state(self) -> State:
        if isinstance(self.outcome, Answer):
            return State.SURE if self.outcome.is_sure else State.UNSURE
        return State.UNKNOWN


# A hit as found, or as recorded.
_Scored = TypeVar("_Scored", Hit, RecordedHit)


def near_best(hits: Sequence[_Scored], quotes: int) -> list[_Scored]:
    """The hits to quote in an answer, at most `quotes`.

    Hits much weaker than the best hit are left out, because readers would only dismiss them. Hits
    with the same text as a better hit are left out, too.
    """
    distinct: dict[str, _Scored] = {}
    for place, hit in enumerate(hits):
        if len(distinct) >= quotes:
            break
        # Recorded hits from channels have no text to compare.
        distinct.setdefault(" ".join(_text(hit).split()) or str(place), hit)
    best = hits[0].score if hits else 0.0
    # A share of a negative score is higher than the score, and would exclude the best hit.
    least = min(best, best * FURTHER_SHARE)
    return [hit for hit in distinct.values() if hit.score >= least]


def _text(hit: Hit | RecordedHit) -> str:
    return hit.passage if isinstance(hit, RecordedHit) else hit.passage.text


def conflicts(quotes: Sequence[Quote], embed: Embed) -> tuple[Conflict, ...]:
    """The pairs of quoted notes that disagree, each with its clearest contradiction.

    Articles and files are left out, because they may be dated, and members can't revise them.
    """
    notes = [i for i, quote in enumerate(quotes) if quote.citation.kind is Kind.NOTE]
    found = [
        Conflict(i, j, contradiction)
        for i, j in itertools.combinations(notes, 2)
        if quotes[i].citation.document_id != quotes[j].citation.document_id
        for contradiction in contradictions(_title_of(quotes[i]), _title_of(quotes[j]), embed, k=1)
    ]
    return tuple(found)


def _title_of(quote: Quote) -> Titled:
    return Titled(quote.text, quote.citation.title)


def with_penalties(hits: Sequence[Hit], question: str, due: Container[str]) -> list[Hit]:
    """Sort hits by score, less penalties for changelogs, contents, and a passed review date.

    A document with a table of contents as its best passage is represented by its next one, if it
    has any. Without a penalty, the order stays.
    """
    hits = [*map(_behind_contents, hits)]
    spares_changelogs = asks_for_change(question)
    costs = [
        DUE_COST * (hit.passage.document_id in due)
        + CHANGELOG_COST * (not spares_changelogs and is_changelog(hit.passage.title))
        + CONTENTS_COST * hit.passage.is_contents
        for hit in hits
    ]
    if not any(costs):
        return list(hits)
    order = sorted(range(len(hits)), key=lambda place: costs[place] - hits[place].score)
    return [hits[place] for place in order]


def _behind_contents(hit: Hit) -> Hit:
    """A hit, or the best other hit of its document that has text of its own."""
    better = next((other for other in hit.also if not other.passage.is_contents), None)
    if better is None or not hit.passage.is_contents:
        return hit
    others = (other for other in hit.also if other is not better)
    return replace(better, also=(*others, replace(hit, also=())))


def citation(passage: StoredPassage, due: Container[str] = ()) -> Citation:
    """The citation of a passage.

    The citation of a chat or channel links to the first message of the passage.
    """
    link, reference = passage.link, ""
    if passage.kind is Kind.ARTICLE:
        named = _MASKED_LINK.search(passage.text)
        reference = named["url"] if named else ""
    elif passage.kind in (Kind.CHAT, Kind.CHANNEL) and (jump := _JUMP_LINK.search(passage.text)):
        link = jump["url"]
    return Citation(
        document_id=passage.document_id,
        kind=passage.kind,
        title=passage.title,
        heading=passage.heading,
        link=link,
        contributor=passage.contributor,
        verified=passage.verified,
        revision=passage.revision,
        approved_by=passage.approved_by,
        due=passage.document_id in due,
        reference=reference,
    )


def offers(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that members can choose from: the first, then the best others, as passages.

    The others include further passages of the found documents, because the answer may be in the
    section before or after a hit.
    """
    others = [part for hit in hits for part in (hit, *hit.also)][1:]
    near = [hit for hit in others if hit.window_cosine >= CLOSE_ENOUGH]
    return [*hits[:1], *sorted(near, key=lambda hit: -hit.score)[:MOST_OTHERS]]


def close_hits(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that a refusal may offer, without further passages of their documents."""
    near = [replace(hit, also=()) for hit in hits if hit.window_cosine >= CLOSE_ENOUGH]
    return near[:MOST_OTHERS]


def recorded_hit(hit: Hit) -> RecordedHit:
    """The record of a hit, without the text of channel messages."""
    return recorded_passage(hit.passage, hit.score, hit.legs)


def recorded_passage(
    passage: StoredPassage, score: float = 0.0, legs: tuple[str, ...] = ()
) -> RecordedHit:
    """The record of a passage, without the text of channel messages.

    The defaults of `score` and `legs` mean that no retriever found the passage.
    """
    channel_id = channel_of(passage.scope)
    words = (passage.title, passage.heading, passage.text) if channel_id is None else ("", "", "")
    return RecordedHit(
        passage.document_id,
        *words,
        score=score,
        legs=legs,
        link=citation(passage).link,
        source_channel_id=channel_id,
        position=None if channel_id is None else passage.position,
    )
