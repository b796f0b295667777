"""Outage of the database: for how long questions are answered from what was read of it before.

A question is asked of the database first. Only where that can't be reached is it answered once more
from caches, of which each says itself what it knows: what it has read last, and nothing that this
process has changed since. As long as nothing was asked of the database for a minute, whatever was
read of it before is too old.
"""

import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final, TypeVar

from knowledge.store.database import DatabaseAwayError

# How many seconds after the database was there for the last time questions are still answered.
SECONDS: Final = 60.0

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Outage:
    """Whether answers are given without the database. It belongs to the thread of the core."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a database that has just been there; `clock` gives seconds."""
        self._clock = clock
        self._seen_at = clock()
        # Whether a question is being answered from caches now.
        self.bridged = False

    def seen(self) -> None:
        """Say that the database is there, and what is cached of it was compared with it."""
        self._seen_at = self._clock()

    @property
    def is_short(self) -> bool:
        """Whether what was read last may still be answered from."""
        return self._clock() - self._seen_at < SECONDS

    @contextmanager
    def bridge(self) -> Iterator[None]:
        """Answer from caches inside."""
        self.bridged = True
        try:
            yield
        finally:
            self.bridged = False

    def last_known(
        self, values: MutableMapping[_Key, _Value], key: _Key, read: Callable[[], _Value]
    ) -> _Value:
        """What is read now, or was read last where answers are given without the database.

        Raises:
            DatabaseAwayError: if it was never read.
        """
        if not self.bridged:
            values[key] = read()
        elif key not in values:
            raise not_in_memory()
        return values[key]


def not_in_memory() -> DatabaseAwayError:
    """What is raised where an answer takes something that is in the database alone."""
    return DatabaseAwayError("The database is away, and what this takes of it is not in memory.")
