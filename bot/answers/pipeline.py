"""Answering pipeline: looks up a batch of questions, decides on the replies, and records both.

Every answer passes `outcome.decide`. Replies are cached (`bot.answers.reply_cache`). During a
short outage of the database, questions are answered from memory (`bot.answers.outage`), and
recorded afterwards.
"""

import itertools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from bot.answers.ask import HITS, Ask, Lookup
from bot.answers.confirmed_answers import ConfirmedAnswers
from bot.answers.lookup import (
    Lookups,
    Observer,
    Stage,
    StageTimes,
    queries_of,
    readings,
    surest,
    vector_of,
)
from bot.answers.outage import Outage, not_in_memory
from bot.answers.outcome import (
    Answer,
    Clarification,
    Outcome,
    Quote,
    Refusal,
    Reply,
    citation,
    close_hits,
    conflicts,
    near_best,
    recorded_hit,
)
from bot.answers.page_links import PageLinks
from bot.answers.places import LINES_CHARACTERS, Place, nearest_sections
from bot.answers.pointers import document_at, passages_at, target_of
from bot.answers.question_checks import needs_lookup
from bot.answers.recording_queue import RecordingQueue
from bot.answers.reply_cache import ReplyCache, ReplyKey
from bot.answers.search_tiers import BundledArticles, SearchTiers, scopes_of_tiers
from bot.answers.sections import POSITIONS_AROUND, Section, section_of
from bot.answers.server_questions import may_ask_about_server
from bot.answers.small_talk import small_talk
from bot.answers.synonyms import GuildSynonyms, synonyms_in
from indexer.index.index import Index
from indexer.index.stored_passage import StoredPassage
from indexer.parallel import pool_submit
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever, candidates
from indexer.text.analyzer import topic, typed_words, words
from indexer.text.query_normalization import normalize
from knowledge.store.database import is_away
from knowledge.store.store import Store
from knowledge.values.documents import Scope, document_of_note
from knowledge.values.questions import Evidence, Question
from knowledge.values.settings import AnsweredFrom
from knowledge.values.synonyms import with_synonyms

# The largest number of words in "I found nothing on …".
MOST_NAMED: Final = 2
# Channels and private askers whose unread language is remembered as told, until the next start.
_TOLD: Final = 10_000


class Found(NamedTuple):
    """A lookup with the vector of its question, (d,) float32 of unit length."""

    lookup: Lookup
    vector: NDArray[np.float32]


class AnswerPipeline:
    """Answers questions from an index, and records them with their hits."""

    def __init__(
        self,
        store: Store,
        index: Index,
        retriever: Retriever,
        quotes: int,
        *,
        confirmed: ConfirmedAnswers | None = None,
        articles: BundledArticles | None = None,
        outage: Outage | None = None,
        recording: RecordingQueue | None = None,
        page_links: PageLinks | None = None,
    ) -> None:
        """Quote at most `quotes` passages in an answer.

        The other parts that answer from caches must share `outage`.
        """
        self._store = store
        self._index = index
        self._retriever = retriever
        self._quotes = quotes
        self._confirmed = confirmed
        self._articles = articles or BundledArticles(store, index)
        self._outage = outage or Outage()
        self._recording = recording or RecordingQueue(store, self._outage)
        self._page_links = page_links
        self.synonyms = GuildSynonyms(store.guilds, self._outage)
        self._times = StageTimes()
        # Documents past their review date, kept up to date by the owner of the pipeline.
        self.due: frozenset[str] = frozenset()
        # Notes whose last change may be missing from the index.
        self.unindexed_notes: Collection[int] = ()
        self._replies: ReplyCache[Reply] = ReplyCache()
        # The unread languages already named, with the channel or private asker.
        self._told: LRUCache[tuple[str, int], bool] = LRUCache(_TOLD)
        self._settings = f"{quotes} {retriever.identity}"

    @property
    def observer(self) -> Observer | None:
        return self._times.observer

    def observe(self, observer: Observer) -> None:
        """Report the time of each stage of answering to `observer` from now on."""
        self._times.observer = observer

    @property
    def quotes(self) -> int:
        return self._quotes

    def settings_for(self, question: Ask | Question) -> str:
        """Describe how the evidence is judged, for the record of a question.

        The text names the model, the calibration, the reranker and the synonyms in the question.
        """
        known = self.synonyms.of(question.guild_id)
        said = f"{question.earlier}\n{question.text}"
        return with_synonyms(self._retriever.identity, synonyms_in(said, known))

    def ask(self, asks: Sequence[Ask], *, record: bool = True) -> list[Reply]:
        """Answer questions as a batch, embedded and looked up together.

        Questions go to the database first, and are answered from caches during an outage. The
        questions before a follow-up are looked up again; no earlier answer is reused.

        Raises:
            DatabaseAwayError: during an outage, if a cache lacks a value, or the document of a hit
                was replaced or deleted meanwhile.
        """
        started = time.perf_counter()
        sound = [ask for ask in asks if needs_lookup(ask.text)]
        try:
            with self._index.steady():
                sound = [ask for ask in asks if needs_lookup(ask.text) or self._names_note(ask)]
                found = self._answer_from_cache(sound)
            self._outage.record_contact()
            if record:
                found = self._record(sound, found)
        except Exception as error:
            if not (is_away(error) and self._outage.is_short):
                raise
            found = self._answer_in_outage(sound, record=record)
        seconds = (time.perf_counter() - started) / max(len(asks), 1)
        replies, sound_ones = iter(found), frozenset(sound)
        return [
            self._for_readers(ask, replace(next(replies), seconds=seconds))
            if ask in sound_ones
            else Reply(ask.text, Clarification())
            for ask in asks
        ]

    def _names_note(self, ask: Ask) -> bool:
        """Whether small talk is the title of a note, such as "commands", and so is a question."""
        if small_talk(ask.text) is None:
            return False
        tiers = self._articles.tiers(ask.scopes, ask.answered_from)
        return self._retriever.has_note_named(ask.text, scopes_of_tiers(tiers))

    def _answer_in_outage(self, asks: Sequence[Ask], *, record: bool) -> list[Reply]:
        withdrawn = self._index.stale_documents | set(map(document_of_note, self.unindexed_notes))
        with self._outage.bridge(), self._index.from_memory():
            replies = self._answer_from_cache(asks)
            found = {hit.passage.document_id for reply in replies for hit in reply.hits}
            if not withdrawn.isdisjoint(found):
                raise not_in_memory()
            replies = [replace(reply, bridged=True) for reply in replies]
            return self._record(asks, replies) if record else replies

    def _record(self, asks: Sequence[Ask], replies: Sequence[Reply]) -> list[Reply]:
        with self._times.time_stage(Stage.RECORD):
            questions = [self.record_of(*asked) for asked in zip(asks, replies, strict=True)]
            ids = self._recording.record(questions)
        return [
            replace(reply, question_id=question_id)
            for reply, question_id in zip(replies, ids, strict=True)
        ]

    def _for_readers(self, ask: Ask, reply: Reply) -> Reply:
        """A reply with links to the public page, and without a warning that its readers know.

        The readers are the members of the channel, or the asker of a private question.
        """
        readers = ask.asker_id if ask.private else ask.channel_id or ask.asker_id
        if not reply.foreign or (reply.foreign, readers) in self._told:
            reply = replace(reply, foreign="")
        elif reply.question_id is not None:
            self._told[reply.foreign, readers] = True
        return self.with_page_links(ask, reply)

    def with_page_links(self, ask: Ask, reply: Reply) -> Reply:
        """A reply with links from its quoted notes to the public page."""
        if self._page_links is None or not isinstance(reply.outcome, Answer):
            return reply
        quotes = self._page_links.link(ask.guild_id, reply.outcome.quotes)
        return replace(reply, outcome=replace(reply.outcome, quotes=quotes))

    def record_of(self, ask: Ask, reply: Reply) -> Question:
        """The record of a question, with its hits."""
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
            settings=self.settings_for(ask),
            signals=reply.signals,
            private=ask.private,
            told_for=ask.told_for,
            channels=ask.channels,
            answered_from=ask.answered_from,
            quotations=ask.quotations,
            hits=[recorded_hit(hit) for hit in reply.hits],
        )

    def refresh_caches(self) -> None:
        """Refresh caches from the database, so that an outage can be bridged."""
        self._recording.reserve()
        with self._index.steady():
            self._index.catch_up()
            self._articles.refresh()
            self.synonyms.refresh()
            if self._confirmed is not None:
                self._confirmed.refresh(self._retriever)
        self._outage.record_contact()

    def forget(self) -> None:
        """Drop all caches of questions and replies."""
        self._replies = ReplyCache()
        self._recording.forget()
        if self._confirmed is not None:
            self._confirmed.forget()

    # The three levels of an answer: cache, look up, decide.

    def _answer_from_cache(self, asks: Sequence[Ask]) -> list[Reply]:
        """The cached replies; other questions are looked up together, and their replies cached."""
        keys = self._keys_of(asks)
        self._replies.keep_current(self._index.replays, self._index.replayed_generations)
        replies = {key: reply for key in keys if (reply := self._replies.get(key)) is not None}
        new = {key: ask for key, ask in zip(keys, asks, strict=True) if key not in replies}
        if new:
            found = self._look_up(new)
            with self._times.time_stage(Stage.DECIDE):
                for key, lookup in zip(new, found, strict=True):
                    reply = replace(self._decide(lookup), question=new[key].text)
                    replies[key] = reply
                    self._replies.put(key, reply)
        return [replies[key] for key in keys]

    def _keys_of(self, asks: Sequence[Ask]) -> list[ReplyKey]:
        confirmed = self._confirmed.version if self._confirmed is not None else ""
        settings = f"{self._settings} {sorted(self.due)} {confirmed}"
        tiers_of, synonyms_of = cache(self._articles.tiers), cache(self.synonyms.of)
        keys = []
        for ask in asks:
            about_server = may_ask_about_server(ask.text)
            tiers = tiers_of(ask.scopes, ask.answered_from, about_server=about_server)
            generations = self._index.generation_of(scopes_of_tiers(tiers))
            known = synonyms_of(ask.guild_id)
            keys.append(
                ReplyKey(ask.text, ask.earlier, tiers, ask.quotations, generations, settings, known)
            )
        return keys

    def _look_up(self, asks: Mapping[ReplyKey, Ask]) -> list[Found]:
        """The surest lookup of each question, among its readings."""
        variants = [
            readings(self._retriever, ask, key.tiers, key.synonyms) for key, ask in asks.items()
        ]
        tiers: dict[Ask, SearchTiers] = {}
        for key, own in zip(asks, variants, strict=True):
            tiers |= dict.fromkeys(own, key.tiers)
        texts = queries_of(tiers)
        with self._times.time_stage(Stage.EMBED):
            # Embedding a batch takes all cores. For a single text, another core looks up its words
            # meanwhile.
            wait_for_words: Callable[[], None] | None = None
            if len(texts) == 1:
                ask, [tier, *_] = next(iter(tiers.items()))
                wait_for_words = pool_submit(
                    self._index.prepare_matching(ask.text, candidates(HITS), tier.scopes)
                )
            try:
                vectors = dict(zip(texts, self._retriever.embed(texts), strict=True))
            finally:
                if wait_for_words is not None:
                    wait_for_words()
        lookups = Lookups(self._retriever, self.due, self._confirmed, self._times)
        found = lookups.of(tiers, vectors)
        best = (surest([found[variant] for variant in own]) for own in variants)
        return [Found(lookup, vector_of(lookup.ask, vectors)) for lookup in best]

    def _decide(self, found: Found) -> Reply:
        """The reply to a question: sure, unsure or unknown, by its evidence."""
        lookup = self._follow_pointer(found).lookup
        outcome: Outcome = self._answer(lookup)
        is_understood = lookup.evidence is Evidence.STRONG
        hits = list(lookup.hits)
        if isinstance(outcome, Refusal):
            is_understood = bool(outcome.unknown)
            # Nothing is near a word that no passage has.
            hits = [] if outcome.unknown else close_hits(hits)
            if lookup.before is not None:
                before = lookup.before.passage
                outcome = replace(outcome, before=citation(before, self.due))
                others = [hit for hit in hits if hit.passage.id != before.id]
                hits = [replace(lookup.before, also=()), *others]
        return Reply(
            lookup.ask.text,
            outcome,
            tuple(hits),
            generation=self._generation(lookup.scopes),
            # A question with strong evidence was understood, whichever language was detected ("wat
            # is open source").
            foreign="" if is_understood else self._retriever.unread_language(lookup.ask.text),
            signals=lookup.signals,
        )

    def _answer(self, lookup: Lookup) -> Answer | Refusal:
        if lookup.evidence is Evidence.NONE or not lookup.hits:
            return Refusal()
        text, confirmed = lookup.ask.text, lookup.confirmed
        most = 1 if confirmed else lookup.ask.quotations or self._quotes
        quoted = near_best(lookup.hits, most)
        missing = () if confirmed else self._unmatched_terms(lookup, quoted)
        if missing and _asks_only_about(missing, text):
            return Refusal(unknown=missing)
        quotes = tuple(
            Quote(hit.passage.text, citation(hit.passage, self.due), hit) for hit in quoted
        )
        answer = Answer(
            lookup.evidence,
            quotes,
            missing=missing,
            conflicts=conflicts(quotes, self._retriever.embed),
            confirmed=confirmed,
        )
        shown = answer.shown_quotes
        if not answer.is_sure and len(shown) < 2:
            return replace(answer, places=self._places(lookup))
        return replace(
            answer,
            missing=(),
            quotes=tuple(
                replace(quote, section=self.section(quote.hit.passage)) if i in shown else quote
                for i, quote in enumerate(quotes)
            ),
        )

    def _places(self, lookup: Lookup) -> tuple[Place, ...]:
        return tuple(
            Place(
                sections,
                self._retriever.best_lines(lookup.ask.text, sections[0], lookup.scopes, characters),
            )
            for sections, characters in zip(
                nearest_sections(lookup.hits), LINES_CHARACTERS, strict=False
            )
        )

    def section(self, own: StoredPassage) -> Section:
        """The section of a passage, with the headings beside and below."""
        first, last = own.position - POSITIONS_AROUND, own.position + POSITIONS_AROUND
        near = self._index.passages_within(own.document_id, first, last)
        return section_of(own, [passage for passage in near if passage.scope == own.scope])

    def _follow_pointer(self, found: Found) -> Found:
        """A lookup with the section first that its best hit only points to."""
        lookup, vector = found
        if lookup.evidence is Evidence.NONE or lookup.confirmed:
            return found
        pointer = lookup.hits[0].passage
        target = target_of(pointer.text)
        if target is None:
            return found
        hits = list(lookup.hits)
        if target.page:
            [near] = self._retriever.hits([target.label or target.page], lookup.scopes)
            hits += near
        document_id = document_at(target, pointer, hits)
        stored = [
            passage
            for passage in self._index.document_passages(document_id)
            if passage.scope in lookup.scopes
        ]
        ids = np.array([passage.id for passage in passages_at(target, pointer, stored)], np.int64)
        if lookup.selection is not None:
            ids = np.intersect1d(
                ids, self._index.selected_passages(lookup.selection, lookup.scopes)
            )
        followed = self._retriever.rank(lookup.ask.text, vector, lookup.scopes, 1, among=ids)
        if not followed:
            return found
        others = [hit for hit in lookup.hits if hit.passage.document_id != document_id]
        return found._replace(lookup=replace(lookup, hits=[*followed, *others][:HITS]))

    def _unmatched_terms(self, lookup: Lookup, quoted: Sequence[Hit]) -> tuple[str, ...]:
        """Names and nouns of a question that occur in no visible passage, at most two."""
        text = lookup.ask.text
        unknown = self._index.unknown_forms(text, lookup.scopes)
        if not unknown:
            return ()
        missing = [self._retriever.missing_terms(text, hit.passage) for hit in quoted]
        named = (
            word
            for word in dict.fromkeys(typed_words(text))
            if unknown.issuperset(words(normalize(word)))
            and all(word in lacking for lacking in missing)
        )
        return tuple(itertools.islice(named, MOST_NAMED))

    # Later decisions on a reply.

    def decide_again(self, ask: Ask, reply: Reply, places: Sequence[int]) -> Reply:
        """Answer again from chosen hits of a reply, without a new lookup.

        `places` has the indexes of these hits in `reply.hits`, in the order to quote them. The
        evidence, hits and missing words stay. Return `reply` unchanged if the visible documents
        have changed since the reply was given.
        """
        with self._index.steady():
            outcome = reply.outcome
            about_server = may_ask_about_server(ask.text)
            tiers = self._articles.tiers(ask.scopes, ask.answered_from, about_server=about_server)
            seen = scopes_of_tiers(tiers)
            if not isinstance(outcome, Answer) or self._generation(seen) != reply.generation:
                return reply
            hits = [reply.hits[place] for place in places]
            read = replace(ask, text=self._retriever.respell(ask.text, seen))
            [vector] = self._retriever.embed([read.text])
            lookup = Lookup(read, hits, outcome.evidence, reply.signals, seen)
            answered = self._decide(Found(lookup, vector)).outcome
            if not isinstance(answered, Answer):
                return reply
            again = replace(answered, missing=outcome.missing)
            return self.with_page_links(ask, replace(reply, outcome=again, pictures=()))

    def generation(self, scopes: Sequence[Scope], answered_from: AnsweredFrom) -> int:
        """The generation that a reply in these scopes would have now."""
        return self._generation(scopes_of_tiers(self._articles.tiers(scopes, answered_from)))

    def _generation(self, scopes: Iterable[Scope]) -> int:
        """The number of changes of all these scopes, in this index."""
        return sum(self._index.generation_of(scopes))


def _asks_only_about(words: Sequence[str], question: str) -> bool:
    """Whether a question has no other topic words than these."""
    return set(topic(question)) <= {forms for word in words for forms in topic(word)}
