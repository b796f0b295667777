"""Exponential back-off with jitter of one shard's connections.

The first connection after a good one is made at once: cuts, closes and operation 7 are everyday.
While connections fail or end soon, the waits double up to a minute, stay there for a while, so that
the bot is back soon after a short outage, and double again up to ten minutes. IDENTIFYs stay at a
minute for a shorter while: a bot has only so many a day.

Pure: a clock and a source of jitter are given, and nothing here waits or knows Discord.
"""

import random
from collections.abc import Callable
from typing import Final

# The longest wait while an outage is short: what connecting takes is left of a minute.
SHORT_SECONDS: Final = 55.0
# The longest wait.
LONG_SECONDS: Final = 600.0
FIRST_SECONDS: Final = 1.0
# As long as Discord wants between two of them, and a little more.
FIRST_IDENTIFY_SECONDS: Final = 5.5
# An outage is short for so many of each: 24 minutes, and three and a half.
SHORT_CONNECTIONS: Final = 34
SHORT_IDENTIFIES: Final = 7
# A wait is this share of its most at least. Less, and the bounds on three hours would not hold.
LEAST_JITTER: Final = 0.9
# A connection that has lasted so long ends an outage.
STEADY_SECONDS: Final = 60.0

# 2 to this power is more than any wait.
_EXPONENT: Final = 10


def connection_seconds(connections: int) -> float:
    """Most seconds between two connections, the earlier being the last of so many in a row."""
    return _wait(connections, FIRST_SECONDS, SHORT_CONNECTIONS)


def identify_seconds(identifies: int) -> float:
    """Most seconds between two IDENTIFYs, the earlier being the last of so many in a row."""
    return _wait(identifies, FIRST_IDENTIFY_SECONDS, SHORT_IDENTIFIES)


def _wait(number: int, first: float, short: int) -> float:
    doubled = first * 2.0 ** min(number - 1, _EXPONENT)
    longest = SHORT_SECONDS * 2.0 ** min(max(number - short, 0), _EXPONENT)
    return min(doubled, longest, LONG_SECONDS)


class ConnectionBackoff:
    """Waits between the connections of one shard."""

    def __init__(
        self,
        now: Callable[[], float],
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Have no connection yet.

        Args:
            now: seconds of a clock that never goes back.
            jitter: a number between two others.
        """
        self._now = now
        self._jitter = jitter
        self._connections = 0
        self._identifies = 0
        # Connections in a row that began well and ended soon.
        self._short_ones = 0
        self._next_connection = 0.0
        self._next_identify = 0.0
        self._ready_at: float | None = None

    @property
    def has_identified(self) -> bool:
        """Whether a session was begun since the last good one."""
        return self._identifies > 0

    def delay(self, *, identifies: bool) -> float:
        """Seconds until the next connection may begin, which sends IDENTIFY or resumes."""
        due = max(self._next_connection, self._next_identify if identifies else 0.0)
        return max(due - self._now(), 0.0)

    def begin(self, *, identifies: bool) -> None:
        """Count a connection that begins now."""
        self._ready_at = None
        self._connections += 1
        self._next_connection = self._after(connection_seconds(self._connections))
        if identifies:
            self._identifies += 1
            self._next_identify = self._after(identify_seconds(self._identifies))

    def ready(self) -> None:
        """Note that Discord has begun or resumed the session."""
        self._ready_at = self._now()

    def end(self) -> None:
        """Note that the connection has ended, if there was one."""
        if self._ready_at is None:
            return
        if self._now() - self._ready_at >= STEADY_SECONDS:
            self._short_ones = self._connections = self._identifies = 0
            self._next_connection = self._next_identify = 0.0
        else:
            # Discord is there: only how often it ended a connection so soon counts from now on.
            self._short_ones += 1
            self._connections = self._short_ones
            self._next_connection = self._after(connection_seconds(self._connections))
        self._ready_at = None

    def _after(self, seconds: float) -> float:
        return self._now() + self._jitter(LEAST_JITTER * seconds, seconds)
