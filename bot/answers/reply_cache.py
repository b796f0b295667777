"""LRU cache of replies, because questions repeat in a busy channel.

A hit needs the same question, places and settings, and unchanged scopes. Replies are keyed by the
generations of their scopes, and dropped once a scope has changed, so that deleted messages don't
stay in memory.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from bot.answers.search_tiers import SearchTiers, scopes_of_tiers
from bot.answers.synonyms import Synonyms
from knowledge.values.documents import Scope

# Some 5 MB: a reply holds ten passages with their texts, about 20 kB.
REPLIES: Final = 256

_Reply = TypeVar("_Reply")


class ReplyKey(NamedTuple):
    """Key of a cached reply.

    `text` is verbatim, because capitals mark names. `tiers` are the places searched, and
    `generations` count the changes of their scopes. `settings` identify the retrieval, the due
    documents and the confirmed answers. `synonyms` are those of the guild.
    """

    text: str
    earlier: str
    tiers: SearchTiers
    quotations: int | None
    generations: tuple[int, ...]
    settings: str
    synonyms: Synonyms = ()


class ReplyCache(Generic[_Reply]):
    """LRU cache of replies whose scopes have not changed."""

    def __init__(self, size: int = REPLIES) -> None:
        self._replies: LRUCache[ReplyKey, _Reply] = LRUCache(size)
        self._generation = 0

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, key: ReplyKey) -> _Reply | None:
        return self._replies.get(key)

    def put(self, key: ReplyKey, reply: _Reply) -> None:
        self._replies[key] = reply

    def keep_current(
        self, generation: int, generations: Callable[[Iterable[Scope]], tuple[int, ...]]
    ) -> None:
        """Drop replies with a changed scope.

        `generation` counts all changes of the index: without any since the last call, nothing is
        compared. `generations` returns the counts of given scopes.
        """
        if generation != self._generation:
            for key in list(self._replies):
                if key.generations != generations(scopes_of_tiers(key.tiers)):
                    del self._replies[key]
            self._generation = generation
