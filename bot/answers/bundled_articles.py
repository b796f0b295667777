"""Bundled articles as a guest: the scopes that a question is looked up in, one after another.

They are on open-source AI, which few communities are about. So they are quoted until there is
something of one's own, and then only where nothing of that is near. What decides is scopes alone:
articles that may not be quoted are in nothing that is searched.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from indexer.index.index import Index
from knowledge.model.documents import ARTICLES, Scope
from knowledge.store.store import Store


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
Looks = tuple[tuple[Scope, ...], ...]


class BundledArticles:
    """Where a guild, or whoever asks outside of one, is answered from the articles."""

    def __init__(self, store: Store, index: Index, chosen: Guest = "auto") -> None:
        """Take the operator's choice; a guild can only end them for itself."""
        self._store = store
        self._index = index
        self.chosen = chosen

    def looks(self, own: Sequence[Scope], *, filled: bool = False) -> Looks:
        """Scopes to be searched together, first to last.

        What comes next is looked at only where nothing before it is near.

        Args:
            own: the scopes that may be seen besides the articles.
            filled: whether something is in them, whatever the index says.
        """
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
        if self._store.guilds.without_articles(own):
            return Standing.ENDED
        if self.chosen == "always":
            return Standing.BESIDE
        return Standing.GUEST if filled or self._index.size(own) else Standing.ALONE

    def seen(self, own: Sequence[Scope]) -> tuple[Scope, ...]:
        """All scopes that may be seen."""
        return tuple(scope for look in self.looks(own) for scope in look)
