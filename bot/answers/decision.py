"""Decision on an answer: quotes, a clarification or a refusal, from what was found. Pure.

An answer is made of verbatim passages. Where the hits don't support one, the outcome is a refusal.
"""

import itertools
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from indexer.contradictions.detector import Contradiction, Embed, Titled, contradictions
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Kind, channel_of
from knowledge.values.questions import Evidence, RecordedHit

# How good, as a share of the best, a further passage must be to be quoted.
FURTHER_SHARE: Final = 0.8
# A second passage adds something where its score is no further than this from the best: then it is
# about as likely to be the one that answers.
AS_LIKELY: Final = 0.03
# How many other passages of the documents found first, second … are offered to be read.
OFFERED_ALSO: Final = (4, 2, 2)
# What being past its review date costs a passage: as much as lies between a hit and the next one
# that answers the same question, so that what was looked at lately is quoted first.
DUE_COST: Final = 0.05

_JUMP_LINK = re.compile(r"\]\((?P<url>https://discord\.com/channels/[\d/]+)\)")
_MASKED_LINK = re.compile(r"\]\(<?(?P<url>https?://(?:(?!\]\()[^\s)>])+)>?\)")


@dataclass(frozen=True, slots=True)
class Citation:
    """From an answer to a document: what somebody needs to check it.

    A `due` note is past the date at which it was to be looked at again.
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


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim passage with its citation.

    `deciding` is the span (start, end) of the sentence in `text` that answers, if one stands out.
    `before` and `after` are what stands around it in its section, with what is between.
    """

    text: str
    citation: Citation
    hit: Hit
    deciding: tuple[int, int] | None = None
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two quoted notes that disagree: the places of their quotes, counting from 0, and where."""

    left: int
    right: int
    contradiction: Contradiction


@dataclass(frozen=True, slots=True)
class Answer:
    """Passages that answer, best first; `missing` are words of the question that nothing has.

    `conflicts` are the notes among them that disagree: the reader is to see both. Of a `confirmed`
    one somebody said that it answers nearly the same question.
    """

    evidence: Evidence
    quotes: tuple[Quote, ...]
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing that may be quoted answers the question.

    `unknown` is what it asks about where that is nowhere in all that may be seen, as it was typed.
    """

    evidence: Evidence = Evidence.NONE
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clarification:
    """What was sent is not a question that can be looked up; `problem` is the sentence to show."""

    problem: str


Outcome = Answer | Refusal | Clarification

# A hit as it was found, or as it was recorded.
_Scored = TypeVar("_Scored", Hit, RecordedHit)


def decide(
    hits: Sequence[Hit],
    deciding: Sequence[tuple[int, int] | None],
    evidence: Evidence,
    quotes: int,
    due: Container[str] = (),
) -> Answer | Refusal:
    """What to answer, from what was found.

    Args:
        hits: best first.
        deciding: for each hit `near_best`, the span of the sentence that answers, if it is known.
        evidence: how well the hits support an answer.
        quotes: at most this many passages are quoted.
        due: the ids of documents that are past their review date.

    Returns:
        An answer if there is evidence.
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
    """The hits that are quoted where there is evidence, at most `quotes`.

    A further passage is quoted only where it is nearly as good as the best: a weaker one would
    only have to be read and dismissed. What another document says to the letter is quoted once.
    """
    distinct: dict[str, _Scored] = {}
    for place, hit in enumerate(hits):
        if len(distinct) >= quotes:
            break
        # Blank is what is recorded of channels' messages: nothing is known to be the same then.
        distinct.setdefault(" ".join(_text(hit).split()) or str(place), hit)
    least = hits[0].score * FURTHER_SHARE if hits else 0.0
    return [hit for hit in distinct.values() if hit.score >= least]


def may_be_shown(hits: Sequence[Hit], evidence: Evidence) -> list[bool]:
    """Of hits that are quoted, which may be read at once, and not only when somebody asks for more.

    That is the best, what is as likely where that is strong, and notes, which may disagree.
    """
    return [
        hit is hits[0] or as_likely(hits[0], hit, evidence) or hit.passage.kind is Kind.NOTE
        for hit in hits
    ]


def as_likely(best: Hit, other: Hit, evidence: Evidence) -> bool:
    """Whether another hit answers about as likely as the best, where that is strong."""
    return evidence is Evidence.STRONG and best.score - other.score <= AS_LIKELY


def _text(hit: Hit | RecordedHit) -> str:
    return hit.passage if isinstance(hit, RecordedHit) else hit.passage.text


def conflicts(quotes: Sequence[Quote], embed: Embed) -> tuple[Conflict, ...]:
    """The pairs of quoted notes that disagree, each with the place where they do most plainly.

    Only notes: articles and files say things of their own times, and nobody can revise them here.
    """
    notes = [i for i, quote in enumerate(quotes) if quote.citation.kind is Kind.NOTE]
    found = [
        Conflict(i, j, contradiction)
        for i, j in itertools.combinations(notes, 2)
        if quotes[i].citation.document_id != quotes[j].citation.document_id
        for contradiction in contradictions(_titled(quotes[i]), _titled(quotes[j]), embed, k=1)
    ]
    return tuple(found)


def _titled(quote: Quote) -> Titled:
    return Titled(quote.text, quote.citation.title)


def lowered(hits: Sequence[Hit], due: Container[str]) -> list[Hit]:
    """Hits with those in documents past their review date ranked lower, best first."""
    return sorted(
        hits,
        key=lambda hit: -hit.score + (DUE_COST if hit.passage.document_id in due else 0.0),
    )


def citation(passage: StoredPassage, due: Container[str] = ()) -> Citation:
    """The citation of a passage.

    An article is checked at the source that the passage names, a chat at the first message in it.
    """
    named = None
    if passage.kind is Kind.ARTICLE:
        named = _MASKED_LINK.search(passage.text)
    elif passage.kind in (Kind.CHAT, Kind.CHANNEL):
        named = _JUMP_LINK.search(passage.text)
    link = named["url"] if named else passage.link
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
    )


def all_words(passage: StoredPassage) -> str:
    return f"{passage.title} {passage.heading} {passage.text}"


def offered(hits: Sequence[Hit]) -> list[Hit]:
    """What is offered to be read: the hits, and behind the first ones what else was found there.

    The answer may stand in the section before or after the one that was found best.
    """
    found: list[Hit] = []
    for place, hit in enumerate(hits):
        most = OFFERED_ALSO[place] if place < len(OFFERED_ALSO) else 0
        found += [hit, *hit.also[:most]]
    return found


def recorded_hit(hit: Hit) -> RecordedHit:
    """A hit as it is kept: without a word of what a channel's messages say."""
    return recorded_passage(hit.passage, hit.score, hit.legs)


def recorded_passage(
    passage: StoredPassage, score: float = 0.0, legs: tuple[str, ...] = ()
) -> RecordedHit:
    """A passage as a hit of it is kept; nothing found one that has no score."""
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
