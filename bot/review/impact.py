"""Impact preview: a replay of the guild's last questions that shows the effect of a change.

The change is a proposed note, or new synonyms. Each question is looked up without and with the
change, by the rules for members' questions. Nothing is written, and no question is recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import Final

from cachetools import LRUCache

from bot.answers.ask import Ask, Lookup, Vectors
from bot.answers.confirmed_answers import ConfirmedAnswers
from bot.answers.lookup import Lookups, queries_of, readings, surest
from bot.answers.outcome import recorded_hit
from bot.answers.replay import ask_from_record
from bot.answers.search_tiers import SearchTiers
from bot.answers.synonyms import Synonyms
from bot.core.core import Core
from indexer.embedding.embedder import VectorCache
from indexer.index.what_if import IndexOverlay
from indexer.ingest.pipeline import cut_and_embed
from knowledge.corpus import note_document
from knowledge.store.questions.question_records import RecentQuestion
from knowledge.values.documents import Document, article_of_document
from knowledge.values.notes import Note
from knowledge.values.questions import Evidence, RecordedHit

QUESTIONS: Final = 200
# Questions replayed in one slice, twice each. A member's own question waits for one slice at most.
SLICE: Final = 16
# The largest number of cached vectors and of cached summaries: the questions of ten servers. A
# vector and a summary with their question have some 5 kB together.
CACHED: Final = 10 * QUESTIONS

# A question, as asked and with synonyms.
_Variants = tuple[Ask, ...]
# Everything besides the question that shapes an answer: generation of the index, identity of the
# retriever, documents due for review, version of the confirmed answers.
_AnswerState = tuple[int, str, frozenset[str], str]


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """Summary of an answer by its first quotation.

    A viewer may be unable to read a channel. So a quotation from a channel has no title, and its
    position in the document in place of the text.
    """

    evidence: Evidence
    document_id: str = ""
    title: str = ""
    passage: str = ""

    @property
    def is_refused(self) -> bool:
        return self.evidence is Evidence.NONE or not self.document_id

    @property
    def source(self) -> tuple[str, str]:
        """The quoted passage; nothing for a refused question."""
        return ("", "") if self.is_refused else (self.document_id, self.passage)

    @property
    def is_sure(self) -> bool:
        return self.evidence is Evidence.STRONG and not self.is_refused


class Effect(Enum):
    """Effect of a change on one question. An unsure answer is shown as the closest passage."""

    MORE_SURE = auto()
    FEWER_SURE = auto()
    MORE_UNSURE = auto()
    FEWER_UNSURE = auto()
    OTHER_QUOTE = auto()


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question with a changed answer; the question was asked `times` times."""

    question: str
    times: int
    before: AnswerSummary
    after: AnswerSummary

    @property
    def effect(self) -> Effect:
        before, after = self.before, self.after
        if before.is_sure != after.is_sure:
            return Effect.MORE_SURE if after.is_sure else Effect.FEWER_SURE
        if before.is_refused != after.is_refused:
            return Effect.FEWER_UNSURE if after.is_refused else Effect.MORE_UNSURE
        return Effect.OTHER_QUOTE


@dataclass(frozen=True, slots=True)
class Impact:
    """The changed answers among the questions replayed so far.

    A question asked several times is replayed once, but counted as often as it was asked.
    `confirmed` has moved answers that moderators confirmed; private questions are without words.
    """

    questions: int
    total: int
    changes: tuple[ChangedQuestion, ...] = ()
    confirmed: tuple[ChangedQuestion, ...] = ()

    def with_changes(
        self,
        asked: Sequence[RecentQuestion],
        before: Sequence[AnswerSummary],
        after: Sequence[AnswerSummary],
    ) -> "Impact":
        """The impact after these questions were replayed, too."""
        changes = [
            ChangedQuestion(question.text, question.times, old, new)
            for question, old, new in zip(asked, before, after, strict=True)
            if old != new and not (old.is_refused and new.is_refused)
        ]
        done = self.questions + sum(question.times for question in asked)
        return replace(self, questions=done, changes=(*self.changes, *changes))

    def count(self, effect: Effect) -> int:
        return sum(change.times for change in self.changes if change.effect is effect)

    @property
    def loses_article_answers(self) -> bool:
        """Whether any question loses an answer that quoted a bundled article."""
        lost = (c.before for c in self.changes if c.after.is_refused)
        return any(article_of_document(answer.document_id) for answer in lost)


class ImpactPreview:
    """Replays questions, with LRU caches of their vectors and present answers."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._articles = core.articles
        self._index = core.index
        self._embedder = core.embedder
        self._retriever = core.retriever
        self._confirmed = core.confirmed
        self._pipeline = core.answer_pipeline
        self._vectors = VectorCache(core.retriever.embed, CACHED)
        # Summaries of the present answers, in this state alone.
        self._state: _AnswerState | None = None
        self._now: LRUCache[tuple[_Variants, SearchTiers], AnswerSummary] = LRUCache(CACHED)

    def of_revision(self, note: Note) -> Iterator[Impact]:
        """Preview the publication of a note's revision; see `of_document`."""
        return self.of_document(note_document(note))

    def of_document(self, document: Document, questions: int = QUESTIONS) -> Iterator[Impact]:
        """Replay the newest questions of a document's guild as if the document were in the index.

        If the guild has its golden questions checked, replay also the questions with answers that
        moderators confirmed, as in a check without confirmed answers.

        Yields:
            The impact known after each slice; the last value is complete.
        """
        guild_id, store = document.scope, self._store
        recent = store.question_records.recent_public(guild_id, questions)
        asked = [_ask(question, guild_id) for question in recent]
        impact = Impact(0, sum(question.times for question in recent))
        yield impact
        steps = cut_and_embed(self._embedder, document)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                cut, vectors, codes = done.value
                break
            yield impact

        def summaries(
            asks: Sequence[Ask], confirmed: ConfirmedAnswers | None
        ) -> tuple[list[AnswerSummary], list[AnswerSummary]]:
            variants = self._variants_of(asks)
            query_vectors = self._vectors_of(variants)
            # The index may have changed since the last slice.
            after = self._retriever.over(IndexOverlay(self._index, cut, vectors, codes))
            # A newly published document is not due for review.
            due = self._pipeline.due - {document.id}
            filled = {
                ask: self._articles.tiers(ask.scopes, ask.answered_from, filled=True)
                for ask in chain.from_iterable(variants)
            }
            then = Lookups(after, due, confirmed).of(filled, query_vectors)
            new = [_summary(surest([then[variant] for variant in own])) for own in variants]
            if confirmed is not None:
                return self._summaries_now(variants, query_vectors), new
            return [*map(_summary, self._look_up(variants, query_vectors, None))], new

        for start in range(0, len(asked), SLICE) if cut.passages else ():
            some = recent[start : start + SLICE]
            before, after = summaries(asked[start : start + SLICE], self._confirmed)
            impact = impact.with_changes(some, before, after)
            yield impact
        golden: list[int] = []
        if cut.passages and store.guilds.settings(guild_id).golden_questions:
            golden = store.golden_questions.ids_by_moderators(guild_id, questions)
        for start in range(0, len(golden), SLICE):
            confirmed = store.question_records.questions(golden[start : start + SLICE])
            before, after = summaries([ask_from_record(question) for question in confirmed], None)
            moved = [
                ChangedQuestion("" if question.private else question.text, 1, old, new)
                for question, old, new in zip(confirmed, before, after, strict=True)
                if _moves(question.hits[0], old, new)
            ]
            impact = replace(impact, confirmed=(*impact.confirmed, *moved))
            yield impact

    def of_synonyms(self, guild_id: int, synonyms: Synonyms, questions: int) -> Iterator[Impact]:
        """Replay a guild's newest questions with these synonyms; the last value is complete."""
        asked = self._store.question_records.recent_public(guild_id, questions)
        impact = Impact(0, sum(question.times for question in asked))
        yield impact
        for start in range(0, len(asked), SLICE):
            some = asked[start : start + SLICE]
            asks = [_ask(question, guild_id) for question in some]
            old, new = self._variants_of(asks), self._variants_of(asks, synonyms)
            query_vectors = self._vectors_of([*old, *new])
            then, now = (
                self._summaries_now(new, query_vectors),
                self._summaries_now(old, query_vectors),
            )
            impact = impact.with_changes(some, now, then)
            yield impact

    def look_up_without_pins(self, asks: Sequence[Ask]) -> list[Lookup]:
        """Look up questions without confirmed answers."""
        variants = self._variants_of(asks)
        return self._look_up(variants, self._vectors_of(variants), None)

    def _variants_of(
        self, asks: Sequence[Ask], synonyms: Synonyms | None = None
    ) -> list[_Variants]:
        """The variants of each question: as asked, and with synonyms replaced."""
        tiers_of, synonyms_of = cache(self._articles.tiers), cache(self._pipeline.synonyms.of)
        return [
            readings(
                self._retriever,
                ask,
                tiers_of(ask.scopes),
                synonyms_of(ask.guild_id) if synonyms is None else synonyms,
            )
            for ask in asks
        ]

    def _vectors_of(self, variants: Sequence[_Variants]) -> Vectors:
        queries = queries_of(chain.from_iterable(variants))
        return dict(zip(queries, self._vectors.of(queries), strict=True))

    def _look_up(
        self, variants: Sequence[_Variants], vectors: Vectors, confirmed: ConfirmedAnswers | None
    ) -> list[Lookup]:
        """The surest lookup of each question in the present index."""
        tiers_of = cache(self._articles.tiers)
        tiers = {ask: tiers_of(ask.scopes, ask.answered_from) for own in variants for ask in own}
        lookups = Lookups(self._retriever, self._pipeline.due, confirmed).of(tiers, vectors)
        return [surest([lookups[variant] for variant in own]) for own in variants]

    def _summaries_now(
        self, variants: Sequence[_Variants], vectors: Vectors
    ) -> list[AnswerSummary]:
        """The present answer to each question, cached until the `_AnswerState` changes."""
        due, confirmed = self._pipeline.due, self._confirmed.version
        state = (self._index.generation, self._retriever.identity, due, confirmed)
        if state != self._state:
            self._now.clear()
            self._state = state
        keys = {
            own: (own, self._articles.tiers(own[0].scopes, own[0].answered_from))
            for own in variants
        }
        missing = [own for own, key in keys.items() if key not in self._now]
        lookups = self._look_up(missing, vectors, self._confirmed)
        new = dict(zip(missing, map(_summary, lookups), strict=True))
        summaries = {own: new.get(own) or self._now[key] for own, key in keys.items()}
        self._now.update({keys[own]: summary for own, summary in new.items()})
        return [summaries[own] for own in variants]


def _ask(question: RecentQuestion, guild_id: int) -> Ask:
    return Ask(
        question.text,
        0,
        guild_id,
        earlier=question.earlier,
        channels=question.channels,
        answered_from=question.answered_from,
    )


def _moves(expected: RecordedHit, before: AnswerSummary, after: AnswerSummary) -> bool:
    """Whether another passage would come first, in place of the expected one or surely."""
    now, then = before.source, after.source
    wanted = (expected.document_id, expected.passage or str(expected.position))
    return now != then != wanted and (now == wanted or after.is_sure)


def _summary(lookup: Lookup) -> AnswerSummary:
    if lookup.evidence is Evidence.NONE or not lookup.hits:
        return AnswerSummary(lookup.evidence)
    first = recorded_hit(lookup.hits[0])
    place = first.passage if first.source_channel_id is None else str(first.position)
    return AnswerSummary(lookup.evidence, first.document_id, first.title, place)
