"""Similarity search for a proposed note: nearest documents, and contradictions with them.

A note is compared with every document visible in its guild, and with the guild's pending notes.
Pending notes are not in the index, so they are embedded here, once. Other guilds' notes are never
read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.answers.ask import scopes_of
from bot.core.core import Core
from indexer.contradictions.detector import Contradiction, Titled, contradictions
from indexer.embedding.embedder import VectorCache
from indexer.ingest.pipeline import SLICE_TEXTS, cut_in_slices
from indexer.text.analyzer import word_set, words
from indexer.text.passages import passages
from knowledge.corpus import note_document
from knowledge.values.documents import Document, Kind, Scope, document_of_note
from knowledge.values.notes import Note
from knowledge.values.submissions import Submission, is_link

# Least cosine of a similar document. 92 % of pairs of answers to one question, under differently
# worded titles, reach it. So do 13 % of nearest documents about something else, most of them on a
# neighbouring topic (docs/decisions.md, what is near to a note).
CLOSE_COSINE: Final = 0.65
# Least share of a note's runs of three words in another text that counts as the same.
SAME_SHARE: Final = 0.6
RUN_WORDS: Final = 3

NEAREST: Final = 3
# Nearest passages to find for each passage of the note. Several may be from the same document.
CANDIDATES: Final = 30
# The largest number of pending notes to embed. The notes with the most words in common are chosen.
# Each takes about 20 ms the first time.
PENDING: Final = 20
VECTORS_CACHED: Final = 4_096


class Closeness(StrEnum):
    """Degree of similarity of two documents: nearly the same text, or only the same subject."""

    SAME = "same"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class SimilarDocument:
    """A document near to a proposed note, with the cosine of the nearest two passages.

    The link of a pending note, which has a `revision_id`, leads to the review card, which only
    moderators see. In each contradiction, the left sentence is from the proposed note.
    """

    document_id: str
    kind: Kind
    title: str
    link: str
    cosine: float
    closeness: Closeness = Closeness.CLOSE
    revision_id: int | None = None
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def pending(self) -> bool:
        return self.revision_id is not None


# A similar document with its text, before both texts are compared.
_Candidate = tuple[SimilarDocument, str]


class SimilarNotes:
    """Finds documents similar to proposed notes, with an LRU cache of pending notes' vectors."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._articles = core.articles
        self._index = core.index
        self._embedder = core.embedder
        self._retriever = core.retriever
        self._vectors = VectorCache(core.embedder.embed_passages, VECTORS_CACHED, SLICE_TEXTS)

    def _scopes(self, guild_id: int, channels: Sequence[int] = ()) -> tuple[Scope, ...]:
        return self._articles.visible_scopes(scopes_of(guild_id, channels))

    def documents(
        self,
        guild_id: int,
        submission: Submission,
        own_note_id: int | None = None,
        channels: Sequence[int] = (),
    ) -> list[SimilarDocument]:
        """The documents most similar to a submission, best first, at most three.

        `own_note_id` is the note that the submission revises; this note is left out. All viewers
        can read `channels`.
        """
        submission = submission.safe
        texts = self._passages_of(document_of_submission(guild_id, submission))
        if not texts:
            return []
        vectors = self._vectors.of(texts)
        candidates = [
            *self._near_documents(self._scopes(guild_id, channels), vectors, own_note_id),
            *self._near_pending_notes(guild_id, submission, vectors, own_note_id),
        ]
        near = sorted(
            (candidate for candidate in candidates if candidate[0].cosine >= CLOSE_COSINE),
            key=lambda candidate: (-candidate[0].cosine, candidate[0].document_id),
        )
        return [self._near(submission, *candidate) for candidate in near[:NEAREST]]

    def embed_ahead(
        self, guild_id: int, submission: Submission, own_note_id: int | None = None
    ) -> Iterator[None]:
        """Embed the texts that `documents` will compare, in slices: a long note takes seconds."""
        submission = submission.safe
        yield from self._embed_in_slices(document_of_submission(guild_id, submission))
        for note in self._likely(guild_id, submission, own_note_id):
            yield from self._embed_in_slices(note_document(note))

    def _embed_in_slices(self, document: Document) -> Iterator[None]:
        cut = yield from cut_in_slices(self._embedder, document)
        for _ in self._vectors.prepare([passage.embedded for passage in cut.passages]):
            yield

    def original(self, note: Note, typed: str) -> str:
        """The title of the original that a moderator typed as title, number or link, or ""."""
        typed = " ".join(typed.split())
        if is_link(typed):
            return typed
        number = typed.removeprefix("#")
        wanted = typed.casefold()
        for listed in self._store.notes.listed(note.guild_id):
            titles = [title for title in (listed.live_title, listed.title) if title]
            named = {" ".join(title.casefold().split()) for title in titles}
            if listed.id != note.id and (number == str(listed.id) or wanted in named):
                return titles[0]
        scopes = self._scopes(note.guild_id)
        [hits] = self._retriever.hits([typed], scopes) if typed else [[]]
        titles = [hit.passage.title for hit in hits if hit.passage.kind is not Kind.NOTE]
        return next((title for title in titles if title.casefold() == wanted), "")

    def _near(
        self, submission: Submission, document: SimilarDocument, text: str
    ) -> SimilarDocument:
        disagreeing = contradictions(
            Titled(submission.text, submission.title),
            Titled(text, document.title),
            self._embedder.embed_passages,
        )
        runs = _runs(submission.text)
        same = len(runs & _runs(text)) / len(runs) >= SAME_SHARE
        closeness = Closeness.SAME if same else Closeness.CLOSE
        return replace(document, closeness=closeness, contradictions=tuple(disagreeing))

    def _near_documents(
        self, scopes: Sequence[Scope], vectors: NDArray[np.float32], own_note_id: int | None
    ) -> Iterator[_Candidate]:
        nearest = self._index.nearest_many(vectors, CANDIDATES, scopes)
        ids = list(dict.fromkeys(key for keys, _ in nearest for key in keys.tolist()))
        cosines: dict[int, float] = {}
        for of_passage in self._retriever.cosines(vectors, [ids] * len(vectors)):
            for key, whole in zip(of_passage.ids.tolist(), of_passage.wholes.tolist(), strict=True):
                cosines[key] = max(cosines.get(key, -1.0), whole)
        best: dict[str, float] = {}
        for key, passage in self._index.passages(ids).items():
            best[passage.document_id] = max(best.get(passage.document_id, -1.0), cosines[key])
        if own_note_id is not None:
            best.pop(document_of_note(own_note_id), None)
        for document_id in sorted(best, key=lambda key: -best[key])[:NEAREST]:
            # The read by id ignores scopes, so they are checked again.
            parts = [
                part
                for part in self._index.tables.document_passages(document_id)
                if part.scope in scopes
            ]
            if parts:
                first, cosine = parts[0], best[document_id]
                near = SimilarDocument(document_id, first.kind, first.title, first.link, cosine)
                yield near, "\n\n".join(part.text for part in parts)

    def _near_pending_notes(
        self,
        guild_id: int,
        submission: Submission,
        vectors: NDArray[np.float32],
        own_note_id: int | None,
    ) -> Iterator[_Candidate]:
        """Yield pending notes that may be similar to a submission, with their cosines."""
        for note in self._likely(guild_id, submission, own_note_id):
            document = note_document(note)
            texts = self._passages_of(document)
            if texts:
                cosines = vectors @ self._vectors.of(texts).T
                cosine = float(self._retriever.cosine_scale().of(cosines).max())
                link, revision_id = "", note.revision.id
                if note.card is not None:
                    channel_id, message_id = note.card
                    link = f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
                near = SimilarDocument(
                    document.id, Kind.NOTE, document.title, link, cosine, revision_id=revision_id
                )
                yield near, document.text

    def _likely(self, guild_id: int, submission: Submission, own_note_id: int | None) -> list[Note]:
        """A guild's pending notes with the most words in common with a submission."""
        mine = _words_of(submission)
        pending = [note for note in self._store.notes.pending(guild_id) if note.id != own_note_id]
        pending.sort(key=lambda note: -len(mine & _words_of(note.revision.submission.safe)))
        return pending[:PENDING]

    def _passages_of(self, document: Document) -> list[str]:
        """The texts to embed for a document's passages."""
        cut = passages(document, self._embedder.count_tokens, self._embedder.max_tokens)
        return [passage.embedded for passage in cut]


def document_of_submission(guild_id: int, submission: Submission) -> Document:
    """A note to embed, before it has a number."""
    return Document(
        "note:",
        Scope(guild_id),
        Kind.NOTE,
        submission.title,
        submission.text,
        wordings=submission.wordings,
    )


def _words_of(submission: Submission) -> frozenset[str]:
    return word_set(f"{submission.title}\n{submission.text}")


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    """A text's sequences of three words; of a shorter text, one sequence."""
    all_words = words(text)
    last = max(len(all_words) - RUN_WORDS, 0)
    return frozenset(tuple(all_words[i : i + RUN_WORDS]) for i in range(last + 1))
