"""How questions are answered: looked up together, judged, decided on, recorded. No Discord.

The same `answers.decide` stands between every question and every answer.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.answers.decision import (
    Answer,
    Clarification,
    Outcome,
    citation,
    conflicts,
    decide,
    lowered,
    near_best,
)
from bot.answers.follow_ups import counts, queries
from bot.answers.reply_cache import Key, Repeated
from bot.text.languages import Sentence
from indexer.index.index import Index
from indexer.parallel import begun_beside
from indexer.retrieval.retriever import Hit, Retriever, candidates
from indexer.text.analyzer import language_of_question
from knowledge.model.documents import SHARED, Scope, channel_of, channel_scope
from knowledge.model.guilds import Language
from knowledge.model.questions import Evidence, Question, RecordedHit
from knowledge.store.store import Store

# Discord's own messages end here; a longer text is no question but a document.
QUESTION_CHARACTERS: Final = 2_000

# How many hits a question is judged and recorded by.
HITS: Final = 10


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, with who asked it where.

    `earlier` are the questions that it follows up, a line each (`bot.answers.follow_ups`).

    A `private` one was answered to its asker alone. `told_for` is the earlier question that is
    answered only now. `channels` are the ids of those followed channels which everybody who will
    see the answer may read (`bot.answers.audience`).
    """

    text: str
    asker_id: int
    guild_id: int | None = None
    channel_id: int | None = None
    earlier: str = ""
    private: bool = False
    told_for: int | None = None
    channels: tuple[int, ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What may be seen here: the shared documents, those of the guild, of these channels."""
        return scopes_of(self.guild_id, self.channels)


def scopes_of(guild_id: int | None, channels: Sequence[int]) -> tuple[Scope, ...]:
    """What is seen in a guild, or in none, by who may read these channels."""
    guild = (SHARED,) if guild_id is None else (SHARED, Scope(guild_id))
    return (*guild, *(channel_scope(channel_id) for channel_id in sorted(set(channels))))


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question.

    `question_id` is None where nothing was recorded. `foreign` is the language of the question
    where the model is not made for it: what was found then says little about what there is.
    `signals` are what the evidence was judged by.
    """

    question: str
    outcome: Outcome
    hits: tuple[Hit, ...] = ()
    question_id: int | None = None
    generation: int = 0
    seconds: float = 0.0
    foreign: str = ""
    signals: Mapping[str, float] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """How well the hits support the outcome."""
        return getattr(self.outcome, "evidence", Evidence.NONE)


class Stage(StrEnum):
    """What answering consists of, in order."""

    EMBED = "embed"
    SEARCH = "search"
    DECIDE = "decide"
    RECORD = "record"


# Is told how many seconds a stage took, for one question or for several that were taken together.
Observer = Callable[[Stage, float], None]


_NO_QUESTION: Final = Sentence("There is no question: write what you would like to know.")
_LONG_QUESTION: Final = Sentence(
    "The question has {number:,} characters; {most:,} is the most. Ask for one thing in a sentence "
    "or two."
)


def problem_with(text: str, language: Language = Language.ENGLISH) -> str:
    """The sentence that says why `text` can't be asked, or nothing."""
    if not any(character.isalnum() for character in text):
        return _NO_QUESTION(language)
    if len(text) > QUESTION_CHARACTERS:
        return _LONG_QUESTION(language, number=len(text), most=QUESTION_CHARACTERS)
    return ""


class Conversation:
    """Answers questions from an index, and records them with what they were answered from."""

    def __init__(
        self,
        store: Store,
        index: Index,
        retriever: Retriever,
        quotes: int,
        languages: frozenset[str] = frozenset(),
    ) -> None:
        """Answer with at most `quotes` passages.

        `languages` are those that the model is made for; none means that it is not known to lack
        any.
        """
        self._store = store
        self._index = index
        self._retriever = retriever
        self._quotes = quotes
        self._languages = languages
        self.observer: Observer | None = None
        # Documents past their review date; whoever owns the conversation keeps them up to date.
        self.due: frozenset[str] = frozenset()
        self._repeated: Repeated[Reply] = Repeated()
        self._settings = f"{quotes} {sorted(languages)} {retriever.identity}"

    @contextmanager
    def _observed(self, stage: Stage) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if self.observer is not None:
            self.observer(stage, time.perf_counter() - started)

    @property
    def quotes(self) -> int:
        """How many passages an answer quotes at most."""
        return self._quotes

    @property
    def settings(self) -> str:
        """What tells apart how questions are judged: model, calibration, reranker."""
        return self._retriever.identity

    def ask(self, asks: Sequence[Ask], *, record: bool = True) -> list[Reply]:
        """Answer questions that wait together; they are embedded and looked up together.

        A follow-up is looked up by itself and with the questions before it, and answered from
        whichever finds better evidence: nothing of the earlier answers is taken over.
        """
        started = time.perf_counter()
        problems = [problem_with(ask.text) for ask in asks]
        sound = [ask for ask, problem in zip(asks, problems, strict=True) if not problem]
        answered = self._answered_once(sound)
        if record:
            with self._observed(Stage.RECORD):
                ids = self._store.record_questions(
                    [
                        _recorded(ask, reply, self.settings)
                        for ask, reply in zip(sound, answered, strict=True)
                    ]
                )
            answered = [
                replace(reply, question_id=question_id)
                for reply, question_id in zip(answered, ids, strict=True)
            ]
        seconds = (time.perf_counter() - started) / max(len(asks), 1)
        found = iter(answered)
        return [
            replace(next(found), seconds=seconds)
            if not problem
            else Reply(ask.text, Clarification(problem))
            for ask, problem in zip(asks, problems, strict=True)
        ]

    def forget(self) -> None:
        """Say nothing again that was said before; what follows is looked up anew."""
        self._repeated = Repeated()

    def _answered_once(self, asks: Sequence[Ask]) -> list[Reply]:
        """Answer what is asked for the first time, and say again what was said before."""
        with self._index.steady():
            return self._answered_of(asks, self._index.generation)

    def _answered_of(self, asks: Sequence[Ask], generation: int) -> list[Reply]:
        settings = f"{self._settings} {sorted(self.due)}" if self.due else self._settings
        keys = [Key(ask.text, ask.earlier, ask.scopes, generation, settings) for ask in asks]
        replies = {key: self._repeated.recall(key) for key in keys}
        new = {key: ask for key, ask in zip(keys, asks, strict=True) if replies[key] is None}
        answered = dict(zip(new, self._answered(list(new.values())), strict=True))
        for key, reply in answered.items():
            self._repeated.remember(key, reply)
        return [replies[key] or answered[key] for key in keys]

    def _answered(self, asks: Sequence[Ask]) -> list[Reply]:
        if not asks:
            return []
        lookups = [(ask, query) for ask in asks for query in queries(ask.text, ask.earlier)]
        with self._observed(Stage.EMBED):
            # Several are embedded on all cores; while one is, another core looks up its words.
            words = self._words_beside(*lookups[0]) if len(lookups) == 1 else None
            try:
                vectors = self._retriever.embedded([query for _, query in lookups])
            finally:
                if words is not None:
                    words()
        replies: dict[Ask, list[Reply]] = {}
        for scopes in dict.fromkeys(ask.scopes for ask in asks):
            places = [i for i, (ask, _) in enumerate(lookups) if ask.scopes == scopes]
            with self._observed(Stage.SEARCH):
                found = self._retriever.ranked_together(
                    [lookups[i][1] for i in places],
                    vectors[places],
                    scopes,
                    HITS,
                    share=1 / len(lookups),
                )
            with self._observed(Stage.DECIDE):
                for i, hits in zip(places, found, strict=True):
                    ask, query = lookups[i]
                    reply = self._judged(ask, query, vectors[i], hits)
                    if counts(ask.text, query, reply.signals):
                        replies.setdefault(ask, []).append(reply)
        return [max(replies[ask], key=_strength) for ask in asks]

    def _words_beside(self, ask: Ask, query: str) -> Callable[[], None]:
        return begun_beside(partial(self._index.look_up, query, candidates(HITS), ask.scopes))

    def _judged(
        self, ask: Ask, query: str, vector: NDArray[np.float32], hits: Sequence[Hit]
    ) -> Reply:
        """What to answer from the hits for a query, which may be more than was asked."""
        hits = lowered(hits, self.due) if self.due else hits
        evidence, signals = self._retriever.judged(ask.text, hits, ask.scopes)
        quoted = near_best(hits, self._quotes) if evidence is not Evidence.NONE else []
        spans = [
            self._retriever.deciding_sentence(query, vector, hit, ask.scopes) for hit in quoted
        ]
        outcome = decide(ask.text, hits, spans, evidence, self._quotes, self.due)
        if isinstance(outcome, Answer):
            found = conflicts(outcome.quotes, self._retriever.embedded)
            outcome = replace(outcome, conflicts=found)
        return Reply(
            ask.text,
            outcome,
            tuple(hits),
            generation=self._index.generation,
            foreign=self._foreign(ask.text),
            signals=signals,
        )

    def _foreign(self, question: str) -> str:
        """The language of a question, where it is told and the model is not made for it."""
        language = language_of_question(question)
        return language if self._languages and language not in (*self._languages, "") else ""


def _recorded(ask: Ask, reply: Reply, settings: str) -> Question:
    """A question as it is kept, with everything needed to explain its answer later."""
    return Question(
        id=0,
        guild_id=ask.guild_id,
        channel_id=ask.channel_id,
        asker_id=ask.asker_id,
        text=ask.text,
        evidence=reply.evidence,
        asked_at=datetime.now(UTC),
        generation=reply.generation,
        earlier=ask.earlier,
        settings=settings,
        signals=reply.signals,
        private=ask.private,
        told_for=ask.told_for,
        channels=ask.channels,
        hits=[recorded_hit(hit) for hit in reply.hits],
    )


def recorded_hit(hit: Hit) -> RecordedHit:
    """A hit as it is kept: without a word of what a channel's messages say."""
    passage = hit.passage
    channel_id = channel_of(passage.scope)
    words = (passage.title, passage.heading, passage.text) if channel_id is None else ("", "", "")
    return RecordedHit(
        passage.document_id,
        *words,
        score=hit.score,
        legs=hit.legs,
        link=citation(passage).link,
        source_channel_id=channel_id,
        position=None if channel_id is None else passage.position,
    )


def _strength(reply: Reply) -> tuple[int, float]:
    return strength(reply.evidence, reply.hits)


def strength(evidence: Evidence, hits: Sequence[Hit]) -> tuple[int, float]:
    """By what the better of two lookups is told: evidence, then the score of the best hit."""
    order = {Evidence.NONE: 0, Evidence.PARTIAL: 1, Evidence.STRONG: 2}
    return order[evidence], hits[0].score if hits else 0.0
