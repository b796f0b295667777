"""Lookup of questions, with their follow-ups and synonyms.

A follow-up ("and its licence?") is looked up together with the questions before the follow-up. The
previous question is also looked up alone, with the asker's present rights, because no answer is
kept. The first passage found for the previous question is not shown again. Other sections of the
same document come first, unless another document is clearly better.

If a question has several readings, with synonyms of its guild replaced for instance, each is looked
up. The lookup with the surest evidence is used.
"""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.answers.ask import HITS, Ask, Lookup, Vectors
from bot.answers.confirmed_answers import ConfirmedAnswers
from bot.answers.follow_ups import in_full, may_stand_alone
from bot.answers.outcome import with_penalties
from bot.answers.search_tiers import SearchTier, SearchTiers, scopes_of_tiers
from bot.answers.server_questions import asks_for_place, names_place
from bot.answers.synonyms import Synonyms, pairs_of
from indexer.embedding.embedder import fit_to_model
from indexer.index.bm25 import Ids
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from indexer.text.analyzer import topic, word_set
from indexer.text.synonyms import both_ways, replace_words
from knowledge.values.documents import Kind, Scope
from knowledge.values.questions import EARLIER_CHARACTERS, Evidence, Question

# The largest number of questions in the context of a follow-up.
EARLIER_QUESTIONS: Final = 2

# Score bonus of the other sections of the document shown before.
SIBLING_GAIN: Final = 0.15

# The server's own documents yield to a sure article if they are less likely right than not.
_LIKELY: Final = 0.5


class Stage(StrEnum):
    """Stage of answering questions, as timed by `StageTimes`."""

    EMBED = "embed"
    SEARCH = "search"
    DECIDE = "decide"
    RECORD = "record"


def respell(retriever: Retriever, ask: Ask, tiers: SearchTiers) -> Ask:
    """A follow-up in full, cut to the model's input length, with its spelling corrected."""
    text = in_full(ask.text, ask.earlier) if ask.earlier else ask.text
    detail = "" if text == ask.text else ask.text
    text = fit_to_model(retriever.embedder, text)
    return replace(ask, text=retriever.respell(text, scopes_of_tiers(tiers)), detail=detail)


def readings(
    retriever: Retriever, ask: Ask, tiers: SearchTiers, synonyms: Synonyms
) -> tuple[Ask, ...]:
    """The corrected question, and variants with the guild's synonyms replaced.

    A synonym pairs a word with a meaning. One variant replaces each word by its meaning, and the
    other replaces each meaning by its word. The questions before a follow-up are changed, too. A
    follow-up that may be a question of its own is also read without the questions before.
    """
    read = [respell(retriever, ask, tiers)]
    if ask.earlier and may_stand_alone(ask.text):
        alone = respell(retriever, replace(ask, earlier=""), tiers)
        read.append(replace(alone, detail=ask.text))
    variants = (
        replace(
            reading,
            text=replace_words(reading.text, pairs),
            earlier=replace_words(reading.earlier, pairs),
        )
        for reading in read
        for pairs in (both_ways(pairs_of(synonyms)) if synonyms else ())
    )
    return tuple(dict.fromkeys([*read, *variants]))


def surest(lookups: Sequence[Lookup]) -> Lookup:
    """The lookup with the surest evidence. Among equally sure lookups, the first.

    With equal evidence, a follow-up outranks the same question without the questions before.
    """
    order = (Evidence.NONE, Evidence.PARTIAL, Evidence.STRONG)
    return max(
        lookups,
        key=lambda lookup: (
            lookup.confirmed,
            order.index(lookup.evidence),
            bool(lookup.ask.earlier),
            lookup.signals.get("probability", 0.0),
        ),
    )


def queries_of(asks: Iterable[Ask]) -> list[str]:
    """The texts to embed for these questions and their earlier questions, without duplicates."""
    found: dict[str, None] = {}
    for ask in asks:
        found |= dict.fromkeys([ask.text, _in_context(ask)])
        if ask.earlier:
            found |= dict.fromkeys(queries_of([ask.previous]))
    return list(found)


def _in_context(ask: Ask) -> str:
    return f"{ask.earlier}\n{ask.text}" if ask.earlier else ask.text


def vector_of(ask: Ask, vectors: Vectors) -> NDArray[np.float32]:
    """The vector of a question.

    For a follow-up, this is the mean of two vectors: of the question alone, and of the question
    after its earlier questions. The first vector lacks the topic, and the second is blurred by the
    earlier questions, so either alone finds less.
    """
    if not ask.earlier:
        return vectors[ask.text]
    both = vectors[ask.text] + vectors[_in_context(ask)]
    return both / np.float32(np.linalg.norm(both))


Observer = Callable[[Stage, float], None]


class StageTimes:
    """Reports the seconds of each stage to an observer, for a batch of questions."""

    def __init__(self) -> None:
        self.observer: Observer | None = None

    @contextmanager
    def time_stage(self, stage: Stage) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if self.observer is not None:
            self.observer(stage, time.perf_counter() - started)


class Lookups:
    """Looks up a batch of questions and judges their hits."""

    def __init__(
        self,
        retriever: Retriever,
        due: Container[str] = (),
        confirmed: ConfirmedAnswers | None = None,
        times: StageTimes | None = None,
    ) -> None:
        """`due` has ids of documents past their review date, to rank their passages lower."""
        self._retriever = retriever
        self._due = due
        self._confirmed = confirmed
        self._times = times or StageTimes()

    def of(self, tiers: Mapping[Ask, SearchTiers], vectors: Vectors) -> dict[Ask, Lookup]:
        """The strongest lookup of each question.

        Args:
            tiers: by question, from `BundledArticles.tiers`. A tier is searched only if no tier
                before has evidence, the articles also if it is less likely right than not.
            vectors: by text, for all texts of `queries_of`; each (d,) float32 of unit length.
        """
        shown = self._earlier_hits(tiers, vectors)
        found: dict[Ask, Lookup] = {}
        for turn in range(max(map(len, tiers.values()), default=0)):
            # Questions with equal tiers are searched together.
            waiting: dict[SearchTiers, list[Ask]] = {}
            for ask, own in tiers.items():
                if turn < len(own) and (not turn or _continues(found[ask], own[turn])):
                    waiting.setdefault(own, []).append(ask)
            share = 1 / max(sum(map(len, waiting.values())), 1)
            for own, asks in waiting.items():
                with self._times.time_stage(Stage.SEARCH):
                    ranked = self._rank(asks, own[turn], vectors, shown, share=share)
                with self._times.time_stage(Stage.DECIDE):
                    for ask, hits in zip(asks, ranked, strict=True):
                        lookup = self._judge(ask, hits, own, turn, shown.get(ask))
                        found[ask] = self._stronger(found.get(ask), lookup, own[turn], vectors)
        return found

    def _judge(
        self, ask: Ask, hits: Sequence[Hit], tiers: SearchTiers, turn: int, before: Hit | None
    ) -> Lookup:
        """The hits in tier number `turn`, counted from 0, with their evidence."""
        hits = with_penalties(hits, ask.text, self._due)
        evidence, signals = self._retriever.judge(ask.text, hits)
        scopes, selection = scopes_of_tiers(tiers), tiers[turn].selection
        found = Lookup(ask, hits, evidence, signals, scopes, selection, before=before)
        return cap_evidence(found)

    def _stronger(
        self, earlier: Lookup | None, lookup: Lookup, tier: SearchTier, vectors: Vectors
    ) -> Lookup:
        """`lookup` with a confirmed passage first, or `earlier`, the lookup in the tiers before.

        `earlier` is kept if it has hits and `lookup` has no evidence. In a tier of the articles
        alone, partial evidence counts as no evidence: three places to look in the server's own
        documents tell more. A document on the server itself answers
        with strong evidence, unless a note does or has a place itself, such as "ask in #bugs".
        """
        if earlier is not None and tier.is_server_only:
            if lookup.evidence is not Evidence.STRONG or _is_settled(earlier):
                return earlier
            is_asked = asks_for_place(lookup.ask.text) or (
                earlier.evidence is not Evidence.STRONG
                and names_place(lookup.ask.text, lookup.hits[0].passage)
            )
            return lookup if is_asked else earlier
        # Confirmed answers are looked up once for each selection, before the articles.
        selected_otherwise = earlier is None or earlier.selection != lookup.selection
        if self._confirmed is not None and selected_otherwise:
            lookup = self._confirmed.with_confirmed_first(self._retriever, lookup, vectors)
        if tier.is_articles_only and lookup.evidence is not Evidence.STRONG:
            lookup = replace(lookup, evidence=Evidence.NONE)
        if earlier is None or lookup.evidence is not Evidence.NONE or not earlier.hits:
            return lookup
        return earlier

    def _earlier_hits(self, tiers: Mapping[Ask, SearchTiers], vectors: Vectors) -> dict[Ask, Hit]:
        """By follow-up, the hit that answers the question before.

        A follow-up is missing if the question before has no evidence.
        """
        before = {ask: ask.previous for ask in tiers if ask.earlier and not ask.may_repeat}
        if not before:
            return {}
        found = self.of({previous: tiers[ask] for ask, previous in before.items()}, vectors)
        return {
            ask: found[previous].hits[0]
            for ask, previous in before.items()
            if found[previous].evidence is not Evidence.NONE
        }

    def _rank(
        self,
        asks: Sequence[Ask],
        tier: SearchTier,
        vectors: Vectors,
        shown: Mapping[Ask, Hit],
        *,
        share: float,
    ) -> list[list[Hit]]:
        """The hits of each question in one tier, with sibling sections for follow-ups.

        `share` is each question's share of the reranker's budget, from 0 to 1.
        """
        retriever, among = self._retriever, None
        if tier.selection is not None:
            among = retriever.index.selected_passages(tier.selection, tier.scopes)
        stacked = np.stack([vector_of(ask, vectors) for ask in asks])
        found = retriever.rank_together(
            [ask.text for ask in asks], stacked, tier.scopes, HITS, share=share, among=among
        )
        for place, ask in enumerate(asks):
            if ask in shown:
                before = shown[ask].passage
                siblings = _siblings(retriever, before, tier.scopes, among)
                ranked = retriever.rank(ask.text, stacked[place], tier.scopes, 1, among=siblings)
                found[place] = with_sibling_sections(found[place], ranked, before)
        return found


def _continues(found: Lookup, tier: SearchTier) -> bool:
    """Whether `tier` is searched after the tiers before it have `found` their best."""
    if tier.is_articles_only and not found.confirmed:
        return found.signals.get("probability", 0.0) < _LIKELY
    return found.evidence is Evidence.NONE or tier.is_server_only


def _is_settled(lookup: Lookup) -> bool:
    """Whether a confirmed passage answers, or a note: surely, or with a channel in its text."""
    if lookup.confirmed or lookup.evidence is Evidence.NONE:
        return lookup.confirmed
    best = lookup.hits[0].passage
    is_sure = lookup.evidence is Evidence.STRONG
    return best.kind is Kind.NOTE and (is_sure or "#" in best.text)


def _siblings(
    retriever: Retriever, shown: StoredPassage, scopes: Sequence[Scope], among: Ids | None
) -> NDArray[np.int64]:
    """Ids of the searched passages in the same document as `shown`, without `shown`."""
    others = [
        passage.id
        for passage in retriever.index.document_passages(shown.document_id)
        if passage.id != shown.id and passage.scope in scopes
    ]
    found = np.array(others, np.int64)
    return found if among is None else np.intersect1d(found, among)


def with_sibling_sections(
    hits: Sequence[Hit], siblings: Sequence[Hit], shown: StoredPassage
) -> list[Hit]:
    """Replace the hits in the document of `shown` by `siblings`, the hits in its other sections.

    A sibling gets a score bonus, and is put before the first hit with a lower score. The other hits
    keep their order, because a reranker may have ordered them regardless of their scores.
    """
    found = [hit for hit in hits if hit.passage.document_id != shown.document_id]
    for hit in siblings:
        gained = replace(hit, score=hit.score + SIBLING_GAIN)
        behind = (place for place, other in enumerate(found) if other.score < gained.score)
        found.insert(next(behind, len(found)), gained)
    return found[:HITS]


def context_after(question: Question) -> str:
    """The context of a follow-up to `question`: the earlier questions, then `question`, one a line.

    The context is `question` alone if the question was refused, because then the earlier questions
    didn't help. The earlier questions are also left out if the context would be too long.
    """
    own = " ".join(question.text.split())
    if question.evidence is Evidence.NONE or not question.earlier or not own:
        return own[:EARLIER_CHARACTERS]
    kept = [*question.earlier.split("\n"), own][-EARLIER_QUESTIONS:]
    chain = "\n".join(kept)
    return chain if len(chain) <= EARLIER_CHARACTERS else own[:EARLIER_CHARACTERS]


def cap_evidence(lookup: Lookup) -> Lookup:
    """Lower the evidence if the first hit lacks a follow-up's own words.

    It is at most partial, because the hit may match the earlier questions only. A detail read as a
    question of its own ("wpa3?") is only answered by a section named after it.
    """
    ask = lookup.ask
    if not (ask.earlier or ask.detail) or lookup.evidence is Evidence.NONE:
        return lookup
    best = lookup.hits[0]
    place = f"{best.passage.title} {best.passage.heading}"
    if not ask.earlier:
        is_named = all(_has_words(place, ask.detail))
        return lookup if is_named else replace(lookup, evidence=Evidence.NONE)
    own_words = bool(best.coverage)
    if ask.detail:
        own_words = any(_has_words(f"{place} {best.passage.text}", ask.detail))
    is_capped = lookup.evidence is Evidence.STRONG and not own_words
    return replace(lookup, evidence=Evidence.PARTIAL) if is_capped else lookup


def _has_words(text: str, question: str) -> list[bool]:
    """Whether a text has each topic word of a question."""
    words = word_set(text)
    return [not words.isdisjoint(forms) for forms in topic(question)]
