"""What publishing a proposed text would change: the last questions of its guild, asked again.

Each question is looked up in the index as it is and as it would be, by the same retriever, and
judged by the same evidence. Nothing is written, and no question is recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.answers.conversation import HITS, Ask, recorded_hit, strength
from bot.answers.follow_ups import counts, queries
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.what_if import WhatIfIndex, cut_and_embedded
from indexer.retrieval.retriever import Hit, Retriever
from knowledge.corpus import note_document
from knowledge.model.documents import Document, Kind, Scope
from knowledge.model.notes import Note
from knowledge.model.questions import Evidence
from knowledge.model.submissions import Submission
from knowledge.store.store import Store

QUESTIONS: Final = 200
# Looked up in one step, twice: what a member's question waits for at most.
SLICE: Final = 16
# 1.5 kB each with the default model.
VECTORS_KEPT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a question is answered: by what evidence, from which document and passage first.

    What comes from a channel's messages has no title, and where it stands in place of its words:
    whoever sees what would change may not read every channel.
    """

    evidence: Evidence
    document_id: str = ""
    title: str = ""
    passage: str = ""

    @property
    def refused(self) -> bool:
        """Whether it gets no answer."""
        return self.evidence is Evidence.NONE or not self.document_id


@dataclass(frozen=True, slots=True)
class Change:
    """A question that would be answered otherwise; `times` is how often it was asked."""

    question: str
    times: int
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class Impact:
    """What would change, of so many questions as were replayed so far.

    Questions that were asked several times are replayed once and counted each time.
    """

    questions: int
    total: int
    changes: tuple[Change, ...] = ()

    @property
    def answered(self) -> int:
        """Refusals that would become answers."""
        return sum(c.times for c in self.changes if c.before.refused and not c.after.refused)

    @property
    def refused(self) -> int:
        """Answers that would become refusals."""
        return sum(c.times for c in self.changes if c.after.refused and not c.before.refused)

    @property
    def replaced(self) -> int:
        """Answers that would begin with another passage."""
        return sum(
            c.times
            for c in self.changes
            if not c.before.refused
            and not c.after.refused
            and (c.before.document_id, c.before.passage) != (c.after.document_id, c.after.passage)
        )


class Previewing:
    """Replays questions; it owns the vectors of those that it has replayed."""

    def __init__(
        self, store: Store, index: Index, embedder: Embedder, retriever: Retriever
    ) -> None:
        """Replay the questions of this store over this index."""
        self._store = store
        self._index = index
        self._embedder = embedder
        self._retriever = retriever
        self._vectors: dict[str, NDArray[np.float32]] = {}
        # How questions are answered now, by the index's generation and settings.
        self._known: dict[Ask, Standing] = {}
        self._known_at = (-1, "")

    def of_revision(self, note: Note, questions: int = QUESTIONS) -> Iterator[Impact]:
        """What would change if the note's revision were published; see `of_document`."""
        return self.of_document(note_document(note), questions)

    def of_submission(
        self,
        guild_id: int,
        submission: Submission,
        note_id: int | None = None,
        questions: int = QUESTIONS,
    ) -> Iterator[Impact]:
        """What would change if a submission were published, as a revision of a note if it is one.

        See `of_document`.
        """
        document = Document(
            id=f"note:{note_id or ''}",
            scope=Scope(guild_id),
            kind=Kind.NOTE,
            title=submission.title,
            text=submission.text,
            link=submission.link,
            tags=submission.tags,
        )
        return self.of_document(document, questions)

    def of_document(self, document: Document, questions: int = QUESTIONS) -> Iterator[Impact]:
        """Replay the last questions of a document's guild, in slices.

        Args:
            document: put in, in place of what is there under its id.
            questions: at most so many, the newest.

        Yields:
            After each slice what is known; the last one is the whole.
        """
        asked = self._store.asked_lately(document.scope, questions)
        total = sum(one.times for one in asked)
        cut, vectors = cut_and_embedded(document, self._embedder)
        yield Impact(0, total)
        changes: list[Change] = []
        done = 0
        for start in range(0, len(asked), SLICE) if cut else ():
            some = asked[start : start + SLICE]
            asks = [
                Ask(one.text, 0, document.scope, earlier=one.earlier, channels=one.channels)
                for one in some
            ]
            self._embed([query for ask in asks for query in queries(ask.text, ask.earlier)])
            # The index may have changed since the last slice.
            after = self._retriever.over(WhatIfIndex(self._index, document, cut, vectors))
            for one, old, new in zip(
                some,
                self._standings_now(asks),
                self._standings(after, asks),
                strict=True,
            ):
                done += one.times
                if old != new and not (old.refused and new.refused):
                    changes.append(Change(one.text, one.times, old, new))
            yield Impact(done, total, tuple(changes))

    def _embed(self, texts: Sequence[str]) -> None:
        """Keep the vectors of queries, those used last the longest."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        made = self._retriever.embedded(missing) if missing else ()
        for text in dict.fromkeys(texts):
            if text in self._vectors:
                self._vectors[text] = self._vectors.pop(text)
        self._vectors.update(zip(missing, made, strict=True))
        while len(self._vectors) > max(VECTORS_KEPT, len(texts)):
            del self._vectors[next(iter(self._vectors))]

    def _standings_now(self, asks: Sequence[Ask]) -> list[Standing]:
        """How each question is answered now; looked up once for each generation of the index."""
        now = (self._index.generation, self._retriever.identity)
        if now != self._known_at or len(self._known) > VECTORS_KEPT:
            self._known, self._known_at = {}, now
        missing = [ask for ask in asks if ask not in self._known]
        if missing:
            self._known.update(zip(missing, self._standings(self._retriever, missing), strict=True))
        return [self._known[ask] for ask in asks]

    def _standings(self, retriever: Retriever, asks: Sequence[Ask]) -> list[Standing]:
        """How each question is answered; those for the same scopes are looked up together."""
        judged: dict[Ask, list[tuple[Evidence, list[Hit]]]] = {}
        for scopes in dict.fromkeys(ask.scopes for ask in asks):
            lookups = [
                (ask, query)
                for ask in asks
                if ask.scopes == scopes
                for query in queries(ask.text, ask.earlier)
            ]
            texts = [query for _, query in lookups]
            vectors = np.stack([self._vectors[text] for text in texts])
            found = retriever.ranked_together(texts, vectors, scopes, HITS)
            for (ask, query), hits in zip(lookups, found, strict=True):
                evidence, signals = retriever.judged(ask.text, hits, scopes)
                if counts(ask.text, query, signals):
                    judged.setdefault(ask, []).append((evidence, hits))
        return [_standing(*max(judged[ask], key=lambda one: strength(*one))) for ask in asks]


def _standing(evidence: Evidence, hits: Sequence[Hit]) -> Standing:
    if not hits:
        return Standing(evidence)
    first = recorded_hit(hits[0])
    said = first.passage if first.source_channel_id is None else str(first.position)
    return Standing(evidence, first.document_id, first.title, said)
