"""Outcome of a question: an answer that quotes passages, a refusal or a clarification. Pure."""

import itertools
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple, TypeVar

from indexer.contradictions.detector import Contradiction, Embed, Titled, contradictions
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.changelogs import asks_for_change, is_changelog
from indexer.retrieval.highlight import Deciding
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Kind, channel_of
from knowledge.values.questions import Evidence, RecordedHit

# Least score of a further quoted passage, as a share of the best.
FURTHER_SHARE: Final = 0.8
# Largest distance from the best score of a passage about as likely to answer. Of 911 labelled
# questions, 15 more see the answer at once, 5 fewer by the shorter first excerpt; with *strong*
# evidence, none does.
AS_LIKELY: Final = 0.05
# Other passages to choose from: their largest number, and the least cosine of a hit. Of 150 wrong
# answers, five passages beside have the right one in 125, eighteen in 135. Of 118 refused questions
# with the answer among the first five hits, 90 keep it; of 1,806 refused questions on other
# subjects, 601 have a hit as near.
MOST_OTHERS: Final = 5
CLOSE_ENOUGH: Final = 0.25
# Score penalty of a document past its review date. Two hits that answer the same question differ
# by about this much, so the reviewed one is quoted first.
DUE_COST: Final = 0.05
# Score penalty of a changelog, unless the question asks for changes.
CHANGELOG_COST: Final = 0.15

_JUMP_LINK = re.compile(r"\]\((?P<url>https://discord\.com/channels/[\d/]+)\)")
_MASKED_LINK = re.compile(r"\]\(<?(?P<url>https?://(?:[^\s)>\]]|\](?!\())+)>?\)")


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
    """A verbatim passage with its citation.

    Attributes:
        text: the text of the passage.
        citation: the reference to the document.
        hit: the hit with the passage.
        deciding: the sentence of `text` that most likely answers, if any can.
        before: the text before the passage in the same section, with a separator at the end.
        after: the text after the passage in the same section, with a separator at the beginning.
    """

    text: str
    citation: Citation
    hit: Hit
    deciding: Deciding | None = None
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two quoted notes that disagree; `left` and `right` are the indexes of their quotes."""

    left: int
    right: int
    contradiction: Contradiction


class Section(NamedTuple):
    """A section to choose from: its heading below the others' common one, and its first passage."""

    heading: str
    hit: Hit


@dataclass(frozen=True, slots=True)
class Answer:
    """Passages that answer, best first.

    Attributes:
        evidence: how well the passages support an answer.
        quotes: the passages.
        missing: words of the question without a match in any visible passage.
        conflicts: pairs of notes that disagree; readers see both.
        confirmed: whether the first quote is a confirmed passage
            (`bot.answers.confirmed_answers`).
        parts: the number of first quotes that each answer a part of the question, all of which are
            shown; 0 for a question with one part.
        open_parts: the parts of the question without an answer, in the asker's words.
        sections: sibling sections that answer alike, to choose from
            (`bot.answers.sibling_sections`).
    """

    evidence: Evidence
    quotes: tuple[Quote, ...]
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    confirmed: bool = False
    parts: int = 0
    open_parts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


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

# A hit as found, or as recorded.
_Scored = TypeVar("_Scored", Hit, RecordedHit)


def decide(
    hits: Sequence[Hit],
    deciding: Sequence[Deciding | None],
    evidence: Evidence,
    quotes: int,
    due: Container[str] = (),
) -> Answer | Refusal:
    """Answer if there is evidence, and refuse otherwise.

    Args:
        hits: best first.
        deciding: for each hit to quote (`near_best(hits, quotes)`), the span of the sentence that
            answers, or None if the span is unknown.
        evidence: how well the hits support an answer.
        quotes: the largest number of passages to quote.
        due: ids of documents past their review date.
    """
    if evidence is Evidence.NONE or not hits:
        return Refusal()
    near = near_best(hits, quotes)
    spans = [*deciding, *([None] * len(near))]
    quoted = tuple(
        Quote(hit.passage.text, citation(hit.passage, due), hit, span)
        for hit, span in zip(near, spans, strict=False)
    )
    return Answer(evidence, quoted)


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


def may_be_shown(hits: Sequence[Hit], evidence: Evidence) -> list[bool]:
    """For each hit to quote, whether the answer message may show the quote.

    True for the best hit, for `as_likely` hits, and for all notes, because two notes may disagree.
    """
    return [
        hit is hits[0] or as_likely(hits[0], hit, evidence) or hit.passage.kind is Kind.NOTE
        for hit in hits
    ]


def as_likely(best: Hit, other: Hit, evidence: Evidence) -> bool:
    """Whether another hit is about as likely to answer as the best hit.

    False if the evidence is strong, because then the best hit is enough.
    """
    return evidence is Evidence.PARTIAL and best.score - other.score <= AS_LIKELY


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
    """Sort hits by score, less penalties for documents past their review date and for changelogs.

    Without a penalty, the order stays.
    """
    spares_changelogs = asks_for_change(question)
    costs = [
        DUE_COST * (hit.passage.document_id in due)
        + CHANGELOG_COST * (not spares_changelogs and is_changelog(hit.passage.title))
        for hit in hits
    ]
    if not any(costs):
        return list(hits)
    order = sorted(range(len(hits)), key=lambda place: costs[place] - hits[place].score)
    return [hits[place] for place in order]


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
