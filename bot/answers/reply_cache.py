"""Which replies are given again: what makes two questions the same, and how many are remembered.

What is asked in a busy channel repeats. A reply is given again only to the very same words, in the
very same scopes, while the index has not changed and evidence is judged in the same way. A reply
is of the generation that it was looked up in, also where the index changed meanwhile. The oldest
use is forgotten first, and all of them once the index is asked for that has changed: what was taken
out of it, a deleted message for instance, is not to stay in memory.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from knowledge.model.documents import Scope

_T = TypeVar("_T")

# A reply holds ten passages with their texts, about 20 kB: these are some 5 MB.
REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Key:
    """What two questions must have in common to be answered alike.

    Attributes:
        text: as it was asked, to the letter: capitals tell names.
        earlier: the questions that it follows up.
        scopes: what the asker may see.
        generation: of the index.
        settings: a digest of everything else that shapes a reply.
    """

    text: str
    earlier: str
    scopes: tuple[Scope, ...]
    generation: int
    settings: str


class Repeated(Generic[_T]):
    """Replies by what was asked, at most `REMEMBERED` of them, all of one generation."""

    def __init__(self, most: int = REMEMBERED) -> None:
        """Remember at most this many."""
        self._most = most
        self._replies: OrderedDict[Key, _T] = OrderedDict()
        self._generation = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._replies)

    def recall(self, key: Key) -> _T | None:
        """The reply that was given before, or None."""
        self._begin(key.generation)
        reply = self._replies.get(key)
        if reply is not None:
            self._replies.move_to_end(key)
        return reply

    def remember(self, key: Key, reply: _T) -> None:
        """Give this reply again."""
        self._begin(key.generation)
        self._replies[key] = reply
        self._replies.move_to_end(key)
        while len(self._replies) > self._most:
            self._replies.popitem(last=False)

    def _begin(self, generation: int) -> None:
        """Forget what was said of another generation."""
        if generation != self._generation:
            self._replies.clear()
            self._generation = generation
