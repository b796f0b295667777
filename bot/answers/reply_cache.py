"""LRU cache of replies, because questions repeat in a busy channel.

A hit needs the same words and scopes, unchanged scopes, and the same judging. Replies are keyed by
the generations of their scopes at lookup, and dropped once a scope has changed, so that deleted
messages don't stay in memory.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from bot.answers.places_to_search import Looks, scopes_in
from knowledge.values.documents import Scope

# A reply holds ten passages with their texts, about 20 kB: these are some 5 MB.
REPLIES: Final = 256

_Reply = TypeVar("_Reply")


class ReplyKey(NamedTuple):
    """Key of a cached reply.

    `text` is verbatim, because capitals mark names. `looks` are the places searched, and
    `generations` those of their scopes. `settings` identifies everything else that shapes a reply.
    """

    text: str
    earlier: str
    looks: Looks
    quotations: int | None
    generations: tuple[int, ...]
    settings: str


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
        """Drop replies of other generations than the scopes have now, as far as known.

        Cheap while `generation` is the same as in the call before.
        """
        if generation != self._generation:
            for key in list(self._replies):
                if key.generations != generations(scopes_in(key.looks)):
                    del self._replies[key]
            self._generation = generation
