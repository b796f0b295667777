"""Places to search for a question, in order, and the part of the bundled articles in them.

A channel may be answered from a selection of documents, alone or before all others. The articles
are on open-source AI, the subject of few communities. So they are quoted until a guild has
documents of its own, and after that only with strong evidence where no own document is near.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.answers.outage import Outage, not_in_memory
from bot.answers.selections import Selections
from indexer.index.index import Index
from indexer.index.selection import Selection
from knowledge.store.store import Store
from knowledge.values.channel_settings import EVERYTHING, AnsweredFrom
from knowledge.values.documents import ARTICLES, Scope
from knowledge.web.page_store import PageStore


class Standing(StrEnum):
    """The part of the articles in a guild.

    OFF: nowhere, by the operator's choice. ENDED: not in this guild. BESIDE: like all documents.
    ALONE: until the guild has documents. GUEST: only where no own document is near.
    """

    OFF = "off"
    ENDED = "ended"
    BESIDE = "beside"
    ALONE = "alone"
    GUEST = "guest"


Guest = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Look:
    """Documents that are searched together: all of these scopes, or a selection of them."""

    scopes: tuple[Scope, ...]
    selection: Selection | None = None

    @property
    def is_of_guest(self) -> bool:
        """Whether it has the articles alone, which then need strong evidence to answer.

        A subject without own documents is rarely open-source AI.
        """
        return self.scopes == (ARTICLES,)


Looks = tuple[Look, ...]


def scopes_in(looks: Looks) -> tuple[Scope, ...]:
    """All their scopes, each once."""
    return tuple(dict.fromkeys(scope for look in looks for scope in look.scopes))


class BundledArticles:
    """The places to search, with or without the articles."""

    def __init__(
        self,
        store: Store,
        index: Index,
        chosen: Guest = "auto",
        *,
        pages: PageStore | None = None,
        outage: Outage | None = None,
    ) -> None:
        """Take the operator's choice; a guild can only end the articles for itself.

        Without `pages`, no document belongs to a web source.
        """
        self._store = store
        self._index = index
        self._outage = outage or Outage()
        self._selections = Selections(store, index.tables, pages, self._outage)
        # Guilds that ended the articles, as read last, and this process's saves of each until then.
        self._ended: frozenset[int] | None = None
        self._saves: Counter[int] = Counter()
        self.chosen = chosen

    def looks(
        self, own: Sequence[Scope], of: AnsweredFrom = EVERYTHING, *, filled: bool = False
    ) -> Looks:
        """The places to search, in order, each only if nothing before it is near.

        Args:
            own: the visible scopes besides the articles.
            of: the documents to answer from.
            filled: whether these scopes hold documents, even if the index has none yet.
        """
        scopes = self._scopes(own, filled=filled)
        whole = tuple(map(Look, scopes))
        selection = self._selections.of(of)
        if selection is None:
            return whole
        selected = tuple(Look(each, selection) for each in scopes)
        return (*selected, *whole) if of.first else selected

    def _scopes(self, own: Sequence[Scope], *, filled: bool) -> tuple[tuple[Scope, ...], ...]:
        standing = self.standing(own, filled=filled)
        if standing in (Standing.OFF, Standing.ENDED):
            return (tuple(own),)
        if standing is Standing.GUEST:
            return (tuple(own), (ARTICLES,))
        return ((*own, ARTICLES),)

    def standing(self, own: Sequence[Scope], *, filled: bool = False) -> Standing:
        """The part of the articles beside these scopes; arguments as in `looks`."""
        if self.chosen == "never":
            return Standing.OFF
        if self._are_ended(own):
            return Standing.ENDED
        if self.chosen == "always":
            return Standing.BESIDE
        return Standing.GUEST if filled or self._index.size(own) else Standing.ALONE

    def refresh(self) -> None:
        """Read from the database what answers need during an outage."""
        self._ended = frozenset(self._store.guilds.all_without_articles())
        self._saves = Counter(self._store.guilds.saves)
        self._selections.refresh()

    def _are_ended(self, own: Sequence[Scope]) -> bool:
        guilds = self._store.guilds
        if not self._outage.bridged:
            return guilds.without_articles(own)
        if self._ended is None or any(guilds.saves[one] != self._saves[one] for one in own):
            raise not_in_memory()
        return not self._ended.isdisjoint(own)

    def seen(self, own: Sequence[Scope]) -> tuple[Scope, ...]:
        """All visible scopes."""
        return scopes_in(self.looks(own))
