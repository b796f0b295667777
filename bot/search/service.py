"""Search in the worker's thread: the best passage of each document, with filters for notes.

Searches are not recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.answers.ask import scopes_of
from bot.answers.outcome import Quote, citation, with_penalties
from bot.core.core import Core
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Scope, document_of_note
from knowledge.values.questions import Evidence

# The largest number of documents found by a search.
DOCUMENTS: Final = 50
# The largest number of documents with exactly the typed title. These come first.
NAMED: Final = 10


class Nothing(StrEnum):
    """Reason why a search finds nothing."""

    NO_TAG = "no tag"
    NO_NOTES = "no notes"
    NEITHER = "neither"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Search:
    """A search by a member, who can read `channels`.

    A `tag` and a contributor narrow the search to live notes of the guild. The documents `named`,
    which have the query as title, come first.
    """

    query: str
    guild_id: int | None
    channels: tuple[int, ...] = ()
    tag: str = ""
    contributor_id: int | None = None
    named: tuple[str, ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return scopes_of(self.guild_id, self.channels)

    @property
    def is_narrow(self) -> bool:
        return bool(self.tag) or self.contributor_id is not None


class Found(NamedTuple):
    """The result of a search: passages, with the best lines of each.

    `only_near` if no passage is clearly about the query.
    """

    quotes: tuple[Quote, ...] = ()
    lines: tuple[Sequence[str], ...] = ()
    nothing: Nothing | None = None
    only_near: bool = False


def search(core: Core, wanted: Search) -> Found:
    with core.index.steady():
        query = core.best_variant(wanted.query, wanted.guild_id, wanted.scopes)
        wanted = replace(wanted, query=query)
        notes = _notes(core, wanted) if wanted.is_narrow else []
        if isinstance(notes, Nothing):
            return Found(nothing=notes)
        [vector] = core.retriever.embed([wanted.query])
        if wanted.is_narrow:
            among = core.index.tables.passage_ids(notes, wanted.scopes)
            hits = core.retriever.rank(wanted.query, vector, wanted.scopes, DOCUMENTS, among=among)
        else:
            hits = core.rank(wanted.query, vector, wanted.scopes, DOCUMENTS)
        hits = with_penalties(hits, wanted.query, core.answer_pipeline.due)
        seen = core.articles.visible_scopes(wanted.scopes)
        only_near = bool(hits) and core.retriever.evidence(wanted.query, hits) is Evidence.NONE
        named = _titled_hits(core, wanted, vector, seen, set(notes) if wanted.is_narrow else None)
        if named:
            first = {hit.passage.document_id for hit in named}
            others = [hit for hit in hits if hit.passage.document_id not in first]
            hits, only_near = [*named, *others][:DOCUMENTS], False
        if not hits:
            return Found(nothing=Nothing.EMPTY)
        due = core.answer_pipeline.due
        quotes = tuple(Quote(hit.passage.text, citation(hit.passage, due), hit) for hit in hits)
        lines = tuple(core.retriever.best_lines(wanted.query, hit, seen) for hit in hits)
        linked = core.page_links.link(wanted.guild_id, quotes)
        return Found(linked, lines, only_near=only_near)


def _notes(core: Core, wanted: Search) -> list[str] | Nothing:
    """The document ids of live notes that match the filters, or the reason why there are none."""
    listed = core.store.notes.listed(wanted.guild_id or 0)
    live = [note for note in listed if note.live_title is not None]
    tagged = [note for note in live if not wanted.tag or wanted.tag in note.tags]
    if not tagged:
        return Nothing.NO_TAG if wanted.tag else Nothing.NO_NOTES
    by = wanted.contributor_id
    theirs = [note for note in live if by is None or note.contributor_id == by]
    if not theirs:
        return Nothing.NO_NOTES
    both = {note.id for note in tagged} & {note.id for note in theirs}
    return [document_of_note(note_id) for note_id in sorted(both)] or Nothing.NEITHER


def _titled_hits(
    core: Core,
    wanted: Search,
    vector: NDArray[np.float32],
    seen: Sequence[Scope],
    among: set[str] | None,
) -> list[Hit]:
    """The best passage of each document with the query as title.

    Documents missing from `among` are left out, unless `among` is None.
    """
    ids = [document_id for document_id in wanted.named if among is None or document_id in among]
    ids = ids[:NAMED]
    if not ids:
        return []
    passages = core.index.tables.passage_ids(ids, seen)
    return core.retriever.rank(wanted.query, vector, seen, len(ids), among=passages)
