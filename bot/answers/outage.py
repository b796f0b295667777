"""Short outages of the database, bridged by answering from caches.

A question goes to the database first. If the database can't be reached, caches give the values
read last. A question fails if it needs a value that is not cached, or a value that this process has
changed since. After a minute without contact with the database, the caches are too old to be used.
"""

import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final, TypeVar

from knowledge.store.database import DatabaseAwayError

# Seconds for which questions are answered after the last contact with the database.
SECONDS: Final = 60.0

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Outage:
    """State of an outage of the database, shared by all caches. Owned by the core's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start as if the database had just answered; `clock` gives seconds."""
        self._clock = clock
        self._seen_at = clock()
        # Whether a question is now being answered from caches.
        self.bridged = False

    def record_contact(self) -> None:
        """Record that the database has answered. The caches may be used for `SECONDS` from now."""
        self._seen_at = self._clock()

    @property
    def is_short(self) -> bool:
        """Whether the last contact was less than `SECONDS` ago, so that caches may be used."""
        return self._clock() - self._seen_at < SECONDS

    @contextmanager
    def bridge(self) -> Iterator[None]:
        """Answer from caches inside this context."""
        self.bridged = True
        try:
            yield
        finally:
            self.bridged = False

    def last_known(
        self, values: MutableMapping[_Key, _Value], key: _Key, read: Callable[[], _Value]
    ) -> _Value:
        """Read a value and keep it in `values`. Inside `bridge`, return the value kept before.

        Raises:
            DatabaseAwayError: inside `bridge`, if the value was never read.
        """
        if not self.bridged:
            values[key] = read()
        elif key not in values:
            raise not_in_memory()
        return values[key]


def not_in_memory() -> DatabaseAwayError:
    """The error for a question that caches can't answer."""
    return DatabaseAwayError("The database is away, and what this takes of it is not in memory.")
