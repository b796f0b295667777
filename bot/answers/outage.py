"""Outage of the database: for how long, and from which caches, questions are answered.

A question goes to the database first. If that can't be reached, it is answered from caches. Each
cache serves its last reading, except for entries that this process has changed since. A minute
after the last contact with the database, the caches are too old.
"""

import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final, TypeVar

from knowledge.store.database import DatabaseAwayError

# Seconds after the last contact with the database in which questions are answered.
SECONDS: Final = 60.0

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Outage:
    """Whether answers are given without the database. Owned by the core's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start as if the database had just answered; `clock` gives seconds."""
        self._clock = clock
        self._seen_at = clock()
        # Whether a question is now being answered from caches.
        self.bridged = False

    def seen(self) -> None:
        """Note that the database is there, and that caches were compared with it."""
        self._seen_at = self._clock()

    @property
    def is_short(self) -> bool:
        """Whether the caches are still recent enough."""
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
        """Read a value, or return the last one read while answers come from caches.

        Raises:
            DatabaseAwayError: if it was never read.
        """
        if not self.bridged:
            values[key] = read()
        elif key not in values:
            raise not_in_memory()
        return values[key]


def not_in_memory() -> DatabaseAwayError:
    """The error for an answer that needs the database itself."""
    return DatabaseAwayError("The database is away, and what this takes of it is not in memory.")
