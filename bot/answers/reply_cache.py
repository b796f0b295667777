"""LRU cache of replies, because questions repeat in a busy channel.

A cached reply is used for the same question with the same tiers and settings, as long as no
document has changed in the searched scopes. A reply is dropped once a document in its scopes has
changed, so that deleted messages don't stay in memory.
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

    Attributes:
        text: the question as typed, because capitals mark names.
        earlier: the questions before a follow-up, one a line.
        tiers: the tiers to search.
        quotations: the largest number of passages to quote, or None for the operator's setting.
        generations: the number of changes of each scope in `tiers`.
        settings: a text that changes with the model, the parameters of retrieval, the documents
            past their review date, or the confirmed answers.
        synonyms: the guild's synonyms.
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
        """Drop the replies with a changed document in the searched scopes.

        Args:
            generation: the number of all changes of the index. If the number is the same as in the
                last call, no reply is dropped.
            generations: returns the number of changes of each given scope.
        """
        if generation != self._generation:
            for key in list(self._replies):
                if key.generations != generations(scopes_of_tiers(key.tiers)):
                    del self._replies[key]
            self._generation = generation
