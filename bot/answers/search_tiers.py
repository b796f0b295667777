"""Search tiers: the places to search for a question, one after the other.

A channel's settings may restrict the search to a selection of documents, or search the selection
first. The bundled articles are about open-source AI, the subject of few communities. Until a guild
has documents of its own, the articles are searched like any other document. After that, the
articles are a tier of their own. This tier is searched only if the guild's documents are less
likely right than not, and answers only with strong evidence.

A question about the server itself is also looked up in the documents on the server
(`bot.answers.server_questions`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.answers.channel_selections import Selections
from bot.answers.outage import Outage, not_in_memory
from indexer.index.index import Index
from indexer.index.selection import Selection
from knowledge.sources.entries import EntryStore
from knowledge.store.guilds import SourceSwitches
from knowledge.store.store import Store
from knowledge.values.documents import ARTICLES, Scope, is_server_scope, server_scopes
from knowledge.values.settings import EVERYTHING, AnsweredFrom


class ArticlesUse(StrEnum):
    """Use of the bundled articles in a guild."""

    # Not at all, by the operator's choice.
    OFF = "off"
    # No longer, by the guild's choice.
    ENDED = "ended"
    # Together with the guild's own documents, by the operator's choice.
    BESIDE = "beside"
    # Alone, until the guild has documents of its own.
    ALONE = "alone"
    # Only if no document of the guild is likely right.
    GUEST = "guest"


ArticlesSetting = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class SearchTier:
    """A place to search: all documents of some scopes, or a selection of these documents."""

    scopes: tuple[Scope, ...]
    selection: Selection | None = None

    @property
    def is_articles_only(self) -> bool:
        """Whether this tier has only the bundled articles.

        Partial evidence in such a tier doesn't count (`Lookups`), because the articles would then
        answer questions about other subjects, too.
        """
        return self.scopes == (ARTICLES,)

    @property
    def is_server_only(self) -> bool:
        """Whether this tier has only documents on the server itself."""
        return is_server_scope(self.scopes[0])


SearchTiers = tuple[SearchTier, ...]


def scopes_of_tiers(tiers: SearchTiers) -> tuple[Scope, ...]:
    """The scopes of all tiers, without duplicates."""
    return tuple(dict.fromkeys(scope for tier in tiers for scope in tier.scopes))


class BundledArticles:
    """Chooses the tiers to search, with or without the bundled articles."""

    def __init__(
        self,
        store: Store,
        index: Index,
        chosen: ArticlesSetting = "auto",
        *,
        pages: EntryStore | None = None,
        outage: Outage | None = None,
    ) -> None:
        """`chosen` is the operator's choice; a guild can only turn the articles off for itself.

        Without `pages`, no document belongs to a web source.
        """
        self._store = store
        self._index = index
        self._outage = outage or Outage()
        self._selections = Selections(store, index.tables, pages, self._outage)
        # The guilds that turned a source off, as read last, and this process's saves of each guild
        # by then.
        self._switches: dict[int, SourceSwitches] | None = None
        self._saves: Counter[int] = Counter()
        self.chosen = chosen

    def tiers(
        self,
        own: Sequence[Scope],
        of: AnsweredFrom = EVERYTHING,
        *,
        filled: bool = False,
        about_server: bool = False,
    ) -> SearchTiers:
        """The tiers to search, in order; a tier is searched if no tier before has evidence.

        Args:
            own: the visible scopes without the articles.
            of: the documents to answer from.
            filled: True to assume that the scopes in `own` have documents, as in a preview.
            about_server: whether the question may be about the server itself.
        """
        scopes = self._scopes(own, filled=filled)
        first, *further = map(SearchTier, scopes)
        whole = (first, *(self._server_tiers(own) if about_server else ()), *further)
        selection = self._selections.of(of)
        if selection is None:
            return whole
        selected = tuple(SearchTier(each, selection) for each in scopes)
        return (*selected, *whole) if of.first else selected

    def _server_tiers(self, own: Sequence[Scope]) -> Iterator[SearchTier]:
        for guild_id, scope in server_scopes(own).items():
            uses = self._remembered if self._outage.bridged else self._store.guilds.settings
            if uses(guild_id).server_documents:
                yield SearchTier((scope,))

    def _remembered(self, guild_id: int) -> SourceSwitches:
        """The switches of a guild as read last; those of the scope of a channel are on."""
        if self._switches is None or self._store.guilds.saves[guild_id] != self._saves[guild_id]:
            raise not_in_memory()
        return self._switches.get(guild_id, SourceSwitches())

    def _scopes(self, own: Sequence[Scope], *, filled: bool) -> tuple[tuple[Scope, ...], ...]:
        articles_use = self.articles_use(own, filled=filled)
        if articles_use in (ArticlesUse.OFF, ArticlesUse.ENDED):
            return (tuple(own),)
        if articles_use is ArticlesUse.GUEST:
            return (tuple(own), (ARTICLES,))
        return ((*own, ARTICLES),)

    def articles_use(self, own: Sequence[Scope], *, filled: bool = False) -> ArticlesUse:
        """How the articles are used beside the scopes in `own`; the arguments are as in `tiers`."""
        if self.chosen == "never":
            return ArticlesUse.OFF
        if self._are_ended(own):
            return ArticlesUse.ENDED
        if self.chosen == "always":
            return ArticlesUse.BESIDE
        return ArticlesUse.GUEST if filled or self._index.size(own) else ArticlesUse.ALONE

    def refresh(self) -> None:
        """Cache the values needed during an outage of the database."""
        self._saves = Counter(self._store.guilds.saves)
        self._switches = self._store.guilds.sources_turned_off()
        self._selections.refresh()

    def _are_ended(self, own: Sequence[Scope]) -> bool:
        if not self._outage.bridged:
            return self._store.guilds.without_articles(own)
        remembered = [*map(self._remembered, own)]
        return not all(switches.articles for switches in remembered)

    def visible_scopes(self, own: Sequence[Scope]) -> tuple[Scope, ...]:
        """The visible scopes, with the articles if they are used; `own` is as in `tiers`."""
        return scopes_of_tiers(self.tiers(own))
