"""LRU cache of replies: what is asked in a busy channel repeats.

A reply is given again only to the very same words, in the very same scopes, while these have not
changed and evidence is judged in the same way. It is of the generations that it was looked up in,
also where a scope changed meanwhile; what was answered from a scope leaves the cache once it has
changed: what was taken out of it, a deleted message for instance, is not to stay in memory.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from bot.answers.bundled_articles import Looks, scopes_in
from knowledge.values.documents import Scope

# A reply holds ten passages with their texts, about 20 kB: these are some 5 MB.
REPLIES: Final = 256

_Reply = TypeVar("_Reply")


class ReplyKey(NamedTuple):
    """What two questions must have in common to be answered alike.

    `text` as it was asked, to the letter: capitals tell names. `looks` have the documents that are
    answered from, as they are now, whose scopes are of these `generations`. `settings` is a digest
    of everything else that shapes a reply.
    """

    text: str
    earlier: str
    looks: Looks
    quotations: int | None
    generations: tuple[int, ...]
    settings: str


class ReplyCache(Generic[_Reply]):
    """LRU cache of replies, of the generations that their scopes have now."""

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
        """Drop what is of other generations than the scopes have now, as far as that is known.

        Cheap as long as `generation` is the one of the call before.
        """
        if generation != self._generation:
            for key in list(self._replies):
                if key.generations != generations(scopes_in(key.looks)):
                    del self._replies[key]
            self._generation = generation
