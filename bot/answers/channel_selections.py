"""Selections: the documents used to answer the questions of a channel.

The channel's settings choose documents by tags and sources. A chosen source selects all documents
of the source at the time of the question. A removed source selects no documents, so a channel with
this source as its only choice gets no answers.
"""

from typing import Final

from cachetools import LRUCache

from bot.answers.outage import Outage, not_in_memory
from indexer.index.selection import Selection
from indexer.index.tables import IndexTables
from knowledge.corpus import source_key
from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.registry import Channel, source_at
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, Kind, Scope, channel_scope
from knowledge.values.settings import ARTICLES_KEY, NOTES_KEY, AnsweredFrom

# Cached channels; the ids of a large site's pages take some megabytes.
_CACHED: Final = 64


class Selections:
    """LRU cache of selections, cleared when a source changes."""

    def __init__(
        self,
        store: Store,
        tables: IndexTables,
        pages: EntryStore | None,
        outage: Outage | None = None,
    ) -> None:
        self._store = store
        self._outage = outage or Outage()
        self._tables = tables
        self._pages = pages
        self._known: LRUCache[AnsweredFrom, Selection] = LRUCache(_CACHED)
        self._state: object = None
        # Number of this process's changes of sources at the last reading.
        self._source_changes = 0

    def of(self, answered_from: AnsweredFrom) -> Selection | None:
        """Return the selection for a channel's setting, or None if the setting is all documents."""
        if answered_from.everything:
            return None
        if self._outage.bridged:
            return self._last_known(answered_from)
        sources = self._current_sources()
        if answered_from not in self._known:
            self._known[answered_from] = self._selection(answered_from, sources)
        return self._known[answered_from]

    def refresh(self) -> None:
        """Drop outdated selections."""
        if self._known:
            self._current_sources()

    def _current_sources(self) -> list[tuple[str, Scope]]:
        """Read the sources and their scopes. Clear the cache if a source has changed."""
        sources = self._store.sources()
        self._source_changes = self._store.source_changes
        state = (sources, self._tables.files_version, self._pages.version if self._pages else None)
        if state != self._state:
            self._known.clear()
            self._state = state
        return sources

    def _last_known(self, answered_from: AnsweredFrom) -> Selection:
        known = self._known.get(answered_from)
        if known is None or self._source_changes != self._store.source_changes:
            raise not_in_memory()
        return known

    def _selection(self, of: AnsweredFrom, sources: list[tuple[str, Scope]]) -> Selection:
        channels = filter(None, map(Channel.id_of, of.sources))
        scopes = {channel_scope(channel_id) for channel_id in channels}
        documents = {
            document_id
            for location, scope in sources
            if source_key(location) in of.sources
            for document_id in self._documents(location, scope)
        }
        return Selection(
            tags=frozenset(tag.casefold() for tag in of.tags),
            documents=frozenset(documents),
            scopes=frozenset(scopes | ({ARTICLES} if ARTICLES_KEY in of.sources else set())),
            kinds=frozenset({Kind.NOTE} if NOTES_KEY in of.sources else ()),
        )

    def _documents(self, location: str, scope: Scope) -> list[str]:
        source = source_at(location)
        if not source.is_visited:
            return self._tables.documents_of_files(location)
        return source.document_ids(self._pages, scope) if self._pages is not None else []
