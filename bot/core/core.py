"""The core: store, index, model and answer pipeline, opened on one data folder.

The `Core` is synchronous and belongs to the thread that opened it. Each feature's functions on it
are in the feature's `service` module. `review.service.decide` returns once an approved note can be
quoted. If the process dies before that, the next start updates the index from the store.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from bot.answers.ask import HITS, scopes_of
from bot.answers.confirmed_answers import ConfirmedAnswers
from bot.answers.outage import Outage
from bot.answers.page_links import PageLinks
from bot.answers.pipeline import AnswerPipeline
from bot.answers.recording_queue import RecordingQueue
from bot.answers.replay import Replay, ask_from_record, compare, with_passage_texts
from bot.answers.search_tiers import BundledArticles
from bot.answers.synonyms import pairs_of
from bot.config.settings import Settings
from bot.core.worker import WorkerStoppedError
from bot.models.calibrations import chosen_calibration
from bot.models.serving_model import Opened, Opener, chosen_reranker, open_serving
from bot.storage.data_folder import data_folder, open_store
from bot.storage.derived_data import (
    open_archive,
    open_entries,
    open_work_queue,
    unembedded_texts_warning,
)
from bot.storage.machines import SourceMachines, this_machine
from indexer.embedding.embedder import Embedder, VectorCache
from indexer.embedding.model_records import RecordedModel, open_record
from indexer.index.database import IndexError_
from indexer.index.stored_passage import StoredPassage
from indexer.ingest.embedding_queue import EmbeddingQueue
from indexer.ingest.pipeline import index_document
from indexer.retrieval.hit import Hit
from indexer.retrieval.reranker import Reranking, open_dispensable_reranking
from indexer.retrieval.retriever import Retriever
from indexer.text.synonyms import synonym_variants
from knowledge import corpus
from knowledge.corpus import FailingSource, SourceState
from knowledge.discord_archive.archive import ChannelProblem
from knowledge.files.scan import Scan
from knowledge.secrets import patterns
from knowledge.sources.kinds.registry import source_at
from knowledge.store.database import DatabaseAwayError, StoreError
from knowledge.text import count_of
from knowledge.values.documents import (
    Document,
    Failure,
    Kind,
    Scope,
    channel_of,
    document_of_note,
    server_scopes,
)
from knowledge.values.embedding_jobs import QueueState
from knowledge.values.questions import Evidence
from knowledge.values.settings import GuildChoices

_Part = TypeVar("_Part")

# Failures after which a background round tries again in its next turn.
ROUND_ERRORS: Final = (StoreError, IndexError_, WorkerStoppedError)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over all guilds, without personal data.

    `questions` are counted by evidence, `notes` as live or pending, and `documents` and `passages`
    by scope, *shared* or *guild*. `changed_at` is the time of the index's last change. `embedder`
    identifies the vectors: the model's digest and the backend. `work` is None without PostgreSQL.
    """

    questions: Mapping[str, int]
    verdicts: Mapping[str, int]
    notes: Mapping[str, int]
    documents: Mapping[str, int]
    passages: Mapping[str, int]
    generation: int
    changed_at: datetime | None
    model: str
    embedder: str
    failing_sources: int = 0
    work: QueueState | None = None


class Core:
    """An open data folder: its store, index, model and answer pipeline."""

    def __init__(
        self,
        settings: Settings,
        embedder: Embedder | None = None,
        *,
        opener: Opener = open_record,
        rebuild: bool = False,
        preload: Callable[[dict[int, GuildChoices]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the data folder; create the folder if it is missing.

        An `embedder` is used instead of the serving model. With `rebuild`, the model in config.toml
        is to serve, even if its index must be built. `preload` is called with the guilds' settings
        before the model is opened, which takes seconds. The `clock` measures outages of the
        database, in seconds.

        DataFolderError, StoreError, IndexError_ or ModelError, with the remedy, if that fails.
        """
        folder = self.folder = data_folder(settings.data.folder)
        self.configured = settings.model.name
        # Ids of notes whose index entries may be outdated.
        self.unindexed_notes: set[int] = set()
        # The database's count of unknown outcomes when all notes were last compared with the index.
        self.compared_after = 0
        self.database = settings.data.database
        with ExitStack() as opened:
            self.store = opened.enter_context(closing(open_store(folder, self.database)))
            self.page_links = PageLinks(self.store, settings.page)
            self.outage = Outage(clock)
            self.recording = RecordingQueue(self.store, self.outage)
            opened.callback(self._record_the_last)
            if preload is not None:
                preload(self.store.channel_settings.every())
            self.machines: SourceMachines | None = None
            self.work: EmbeddingQueue | None = None
            if self.database:
                self.store.tombstones.check_key()
                self.machines = SourceMachines(self.store, this_machine(folder))
                # Embedding workers take imported texts from this queue.
                jobs = opened.enter_context(closing(open_work_queue(self.database)))
                self.work = EmbeddingQueue(jobs)
            self.pages = opened.enter_context(open_entries(folder, self.database))
            self.archive = opened.enter_context(open_archive(folder, self.database))
            self.opener = opener
            if (own := embedder) is not None:
                self.opener = lambda record: RecordedModel(own, replace(record, vectors=own.model))
            found = open_serving(
                folder, self.configured, self.opener, rebuild=rebuild, database=self.database
            )
            opened.callback(found.index.close)
            reranking, self._unranked = open_dispensable_reranking(
                chosen_reranker(folder, settings.model.reranker), settings.model.reranker_ms
            )
            self._assemble(settings, found, reranking)
            self._opened = opened.pop_all()

    def _assemble(self, settings: Settings, found: Opened, reranking: Reranking | None) -> None:
        self.served, self.embedder, self.index = found.served, found.embedder, found.index
        self.index.limit_memory(settings.index.resident_bytes)
        # The index's generation when the kept indexes were last pruned.
        self.pruned_at = -1
        chosen = chosen_calibration(self.folder, found.served.model)
        if chosen.ignored:
            _logger.warning("%s", chosen.description())
        languages = frozenset(found.served.model.languages)
        self.retriever = Retriever(
            self.index, self.embedder, chosen.calibration, reranking, languages
        )
        self.articles = BundledArticles(
            self.store, self.index, settings.articles.bundled, pages=self.pages, outage=self.outage
        )
        self._parts: dict[object, Any] = {}
        # Vectors of questions, to group gaps and to find confirmed answers.
        self.question_vectors = VectorCache(self.retriever.embed)
        records, outage = self.store.feedback_records, self.outage
        self.confirmed = ConfirmedAnswers(records, self.index, self.question_vectors, outage)
        self.answer_pipeline = AnswerPipeline(
            self.store,
            self.index,
            self.retriever,
            settings.answers.passages,
            confirmed=self.confirmed,
            articles=self.articles,
            outage=outage,
            recording=self.recording,
            page_links=self.page_links,
        )
        self.answer_pipeline.unindexed_notes = self.unindexed_notes
        # The index's generations when an unanswered question was last asked again, by its id.
        self.recheck_generations: dict[int, tuple[int, ...]] = {}
        self.find_overdue_notes(datetime.now(UTC))

    def part(self, make: Callable[[Self], _Part]) -> _Part:
        """Return `make(core)`, cached until questions are forgotten."""
        if make not in self._parts:
            self._parts[make] = make(self)
        return cast("_Part", self._parts[make])

    def clear_question_caches(self) -> None:
        """Clear members' questions from memory."""
        self.answer_pipeline.forget()
        self.question_vectors.clear()
        self.recheck_generations.clear()
        self._parts.clear()

    def close(self) -> None:
        self._opened.close()

    def _record_the_last(self) -> None:
        self.record_waiting()
        if self.recording.waiting:
            _logger.error("%s could not be recorded.", count_of(self.recording.waiting, "question"))

    def problems(self) -> tuple[str, ...]:
        """A sentence for each problem, such as a missing reranker or an outdated index."""
        reranking = self.retriever.reranking
        problem = reranking.problem if reranking is not None else self._unranked
        set_aside = ""
        if self.work is not None:
            with suppress(DatabaseAwayError):
                set_aside = unembedded_texts_warning(self.work.state().set_aside)
        waiting = self.recording.problem()
        unindexed = ""
        if self.unindexed_notes:
            notes = count_of(len(self.unindexed_notes), "note")
            unindexed = f"The index is not up to date yet for {notes}."
        return tuple(filter(None, (problem, set_aside, unindexed, waiting)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Sources.

    def remove_source(self, location: str) -> None:
        for scope in self.sources().get(location, ()):
            self.store.remove_source(location, scope)

    def remove_channel(self, channel_id: int) -> bool:
        """Stop syncing a channel; the next update removes its documents."""
        synced = self.store.synced_channels
        own = [channel for channel in synced.all() if channel.id == channel_id]
        return any(synced.remove(channel_id, channel.guild_id, None) for channel in own)

    def sources(self) -> dict[str, list[Scope]]:
        """The scopes of each source by location, in the order of addition."""
        scopes: dict[str, list[Scope]] = {}
        for location, scope in self.store.sources():
            scopes.setdefault(location, []).append(scope)
        return scopes

    def locations(self) -> list[Path]:
        return [Path(location) for location in self.sources() if not source_at(location).is_visited]

    def elsewhere(self) -> dict[str, str]:
        """The sources read by another machine only, by location, with the machine's name."""
        return {} if self.machines is None else self.machines.elsewhere()

    def web_sources(self) -> dict[str, list[Scope]]:
        """The scopes of the sites and repositories that this machine fetches, by location."""
        elsewhere = self.elsewhere()
        return {
            location: scopes
            for location, scopes in self.sources().items()
            if source_at(location).is_visited and location not in elsewhere
        }

    def source_states(self) -> list[SourceState]:
        records = self.index.tables.files()
        without_text = self.index.tables.documents_without_text()
        return corpus.source_states(self.store, records, self.pages, self.elsewhere(), without_text)

    def channel_states(self, describe: Callable[[ChannelProblem], str]) -> list[SourceState]:
        """The state of each synced channel; `describe` turns a problem into a sentence."""
        self.archive.set_channels(self.store.synced_channels.all())
        return corpus.channel_states(self.archive, describe)

    def failing_sources(self) -> list[FailingSource]:
        return corpus.failing_sources(self.store, self.pages)

    def chats(self) -> dict[Scope, int]:
        found = self.index.tables.documents_by_scope(Kind.CHAT)
        # Chats of synced channels have channel scopes; these are imported chats.
        return {scope: count for scope, count in found.items() if channel_of(scope) is None}

    def failures(self) -> list[Failure]:
        return [failure for state in self.source_states() for failure in state.failures]

    def plan(self, paths: Sequence[Path]) -> Scan:
        """Plan an update of the imported files as if `paths` were sources, too."""
        return corpus.plan_import(self.store, paths, self.index.tables.files(), self.elsewhere())

    # Asking.

    def record_waiting(self) -> None:
        """Record the questions asked during an outage of the database, if it is over."""
        try:
            self.recording.flush()
        except StoreError as error:
            _logger.debug("Questions wait on to be recorded: %s", error)

    def refresh_outage_caches(self) -> Iterator[None]:
        """Refresh the caches that answer questions during an outage, in slices."""
        self.answer_pipeline.refresh_caches()
        yield
        yield from self.index.prefetch_recent_rows()

    def warm_up(self) -> Iterator[None]:
        """Fill caches in slices, so that the first questions don't wait for them."""
        self.retriever.cosine_scale()
        yield
        patterns()
        yield
        yield from self.index.read_ahead()
        for guild_id in self.store.guilds.languages():
            # Other guilds are loaded when somebody asks there.
            if self.index.is_resident(Scope(guild_id)):
                known = self.store.feedback_records.confirmed(guild_id)
                for _ in self.question_vectors.prepare([one.text for one in known]):
                    yield

    def search(
        self, query: str, guild_id: int | None, k: int, channels: Sequence[int] = ()
    ) -> list[Hit]:
        """Return the best passage of each of the `k` best documents, whatever the evidence.

        `channels` must be readable by everybody who sees the hits.
        """
        own = scopes_of(guild_id, channels)
        return self.search_in(self.best_variant(query, guild_id, own), own, k)

    def search_in(self, query: str, own: Sequence[Scope], k: int) -> list[Hit]:
        """Search these scopes and the articles without synonyms, but otherwise as `search` does."""
        query = self.retriever.respell(query, self.articles.visible_scopes(own))
        [vector] = self.retriever.embed([query])
        return self.rank(query, vector, own, k)

    def best_variant(self, query: str, guild_id: int | None, own: Sequence[Scope]) -> str:
        """Correct a query's typing errors, and return its variant with the strongest evidence.

        The variants are the query itself and its forms with words replaced by the guild's synonyms.
        """
        query = self.retriever.respell(query, self.articles.visible_scopes(own))
        ways = synonym_variants(query, pairs_of(self.answer_pipeline.synonyms.of(guild_id)))
        if len(ways) == 1:
            return query
        vectors = self.retriever.embed(ways)
        strengths = [
            self.retriever.strength(way, self.rank(way, vector, own, HITS))
            for way, vector in zip(ways, vectors, strict=True)
        ]
        return ways[int(np.argmax(strengths))]

    def rank(
        self, query: str, vector: NDArray[np.float32], own: Sequence[Scope], k: int
    ) -> list[Hit]:
        """Rank passages for an embedded query, as `search_in` does.

        The articles are searched only if the other passages give no evidence.
        """
        first, *further = self.articles.tiers(own)
        # Evidence is judged by the ten best.
        most = max(k, HITS)
        found = self.retriever.rank(query, vector, first.scopes, most)
        for look in further:
            if self.retriever.evidence(query, found) is not Evidence.NONE:
                break
            hits = self.retriever.rank(query, vector, look.scopes, most)
            if not found or self.retriever.evidence(query, hits) is not Evidence.NONE:
                found = hits
        return found[:k]

    def replay(self, question_id: int) -> Replay | None:
        question = self.store.question_records.question(question_id)
        if question is None or question.pruned:
            return None
        question = with_passage_texts(question, self.index)
        ask = ask_from_record(question)
        [now] = self.answer_pipeline.ask([ask], record=False)
        texts = {
            hit.document_id: [found.text for found in self.document(hit.document_id, ask.scopes)]
            for hit in question.hits
        }
        found = compare(question, now, texts, self.answer_pipeline.settings_for(question))
        return replace(found, phrasing=self.store.phrasings.of(question_id))

    def document(self, document_id: str, scopes: Sequence[Scope]) -> list[StoredPassage]:
        """A document's passages in reading order; none if the document is outside the scopes."""
        found = self.index.tables.document_passages(document_id)
        seen = {*self.articles.visible_scopes(scopes), *server_scopes(scopes).values()}
        return [passage for passage in found if passage.scope in seen]

    # Notes in the index.

    def find_overdue_notes(self, at: datetime) -> None:
        """Find notes past their review date. The answer pipeline ranks these notes lower."""
        due = frozenset(document_of_note(note_id) for note_id in self.store.notes.due_ids(at))
        self.answer_pipeline.due = due

    def index_note(self, note_id: int) -> None:
        """Index a note's live revision, or remove the note from the index.

        StoreError or IndexError_ if indexing fails; the note stays in `unindexed_notes`.
        """
        self.unindexed_notes.add(note_id)
        self.find_overdue_notes(datetime.now(UTC))
        document = self._live_document(note_id)
        while True:
            if document is not None:
                index_document(self.index, self.embedder, document)
            elif self.index.tables.document_passages(document_of_note(note_id)):
                self.index.tables.apply([], [document_of_note(note_id)])
            before, document = document, self._live_document(note_id)
            # Another process may have decided on the note meanwhile.
            if document == before:
                break
        self.unindexed_notes.discard(note_id)

    def _live_document(self, note_id: int) -> Document | None:
        note = self.store.notes.live(note_id)
        return None if note is None else corpus.note_document(note)

    # Guilds.

    def counts(self, guild_id: int | None, channels: Sequence[int] = ()) -> dict[str, int]:
        """Count a guild's questions and notes, and the documents that readers of `channels` see."""
        scopes = self.articles.visible_scopes(scopes_of(guild_id, channels))
        own = self.store.counts(guild_id) if guild_id is not None else {}
        return {**self.index.tables.counts(scopes), **own, "generation": self.index.generation}

    def figures(self) -> Figures:
        return Figures(
            **self.store.totals(),
            **self.index.tables.totals(),
            generation=self.index.generation,
            changed_at=self.index.tables.changed_at(),
            model=self.served.model.name,
            embedder=self.embedder.model,
            failing_sources=len({source.location for source in self.failing_sources()}),
            work=None if self.work is None else self.work.state(),
        )
