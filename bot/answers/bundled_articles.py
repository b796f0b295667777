"""Looks: what a question is looked up in, one after another; bundled articles are a guest there.

Where a channel is answered from some documents, those are all that is looked at, or come first. The
articles are on open-source AI, which few communities are about. So they are quoted until there is
something of one's own, and then only where nothing of that is near and they surely answer. Where
they may not be quoted, they are in nothing that is searched.
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
    """Whether the articles are quoted.

    Nowhere, by the operator's choice; not in this guild; beside everything else; as long as there
    is nothing else; or as a guest, where nothing else is near.
    """

    OFF = "off"
    ENDED = "ended"
    BESIDE = "beside"
    ALONE = "alone"
    GUEST = "guest"


Guest = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Look:
    """What is searched together: documents of these scopes, all or a selection of them."""

    scopes: tuple[Scope, ...]
    selection: Selection | None = None

    @property
    def is_of_guest(self) -> bool:
        """Whether it is in the articles alone, which answer only what they surely answer then.

        What nobody here has written about is mostly not about open-source AI either.
        """
        return self.scopes == (ARTICLES,)


Looks = tuple[Look, ...]


def scopes_in(looks: Looks) -> tuple[Scope, ...]:
    """All scopes that may be seen, each once."""
    return tuple(dict.fromkeys(scope for look in looks for scope in look.scopes))


class BundledArticles:
    """Where a guild, or whoever asks outside of one, is answered from the articles."""

    def __init__(
        self,
        store: Store,
        index: Index,
        chosen: Guest = "auto",
        *,
        pages: PageStore | None = None,
        outage: Outage | None = None,
    ) -> None:
        """Take the operator's choice; a guild can only end them for itself.

        Without `pages`, no document is known to be of a source on the web.
        """
        self._store = store
        self._index = index
        self._outage = outage or Outage()
        self._selections = Selections(store, index.tables, pages, self._outage)
        # The guilds that have ended them, as was read last, and how often each had been saved here.
        self._ended: frozenset[int] | None = None
        self._saves: Counter[int] = Counter()
        self.chosen = chosen

    def looks(
        self, own: Sequence[Scope], of: AnsweredFrom = EVERYTHING, *, filled: bool = False
    ) -> Looks:
        """What is searched, first to last: what comes next only where nothing before it is near.

        Args:
            own: the scopes that may be seen besides the articles.
            of: what is answered from.
            filled: whether something is in the scopes, whatever the index says.
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
        """How the articles stand to what is in these scopes; arguments as in `looks`."""
        if self.chosen == "never":
            return Standing.OFF
        if self._are_ended(own):
            return Standing.ENDED
        if self.chosen == "always":
            return Standing.BESIDE
        return Standing.GUEST if filled or self._index.size(own) else Standing.ALONE

    def refresh(self) -> None:
        """Read what answers need of the database while it is away."""
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
        """All scopes that may be seen."""
        return scopes_in(self.looks(own))
