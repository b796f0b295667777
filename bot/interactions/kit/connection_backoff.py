"""Exponential back-off with jitter for the connections of one shard.

The first reconnection is immediate, because dropped connections and opcode 7 are common. Later
waits double up to one minute. After 24 minutes of outage, the waits double again, up to ten
minutes. For connections with IDENTIFY, this second doubling begins after 3.5 minutes, because
Discord limits IDENTIFYs per day.

Pure: clock and jitter are parameters.
"""

import random
from collections.abc import Callable
from typing import Final

# Longest wait during a short outage. With the time to connect, that is one attempt a minute.
SHORT_SECONDS: Final = 55.0
# Longest wait of all.
LONG_SECONDS: Final = 600.0
FIRST_SECONDS: Final = 1.0
# A little more than the interval that Discord requires.
FIRST_IDENTIFY_SECONDS: Final = 5.5
# Attempts in a short outage: about 24 minutes of connections, or 3.5 minutes of IDENTIFYs.
SHORT_CONNECTIONS: Final = 34
SHORT_IDENTIFIES: Final = 7
# Smallest share of the full wait. A smaller share would allow too many attempts in three hours.
LEAST_JITTER: Final = 0.9
# A connection this old ends an outage.
STEADY_SECONDS: Final = 60.0

# Bound of the exponent; 2 ** 10 seconds exceed every wait.
_EXPONENT: Final = 10


def connection_seconds(connections: int) -> float:
    """Return the wait after a number of connections since the last steady one, without jitter."""
    return _wait(connections, FIRST_SECONDS, SHORT_CONNECTIONS)


def identify_seconds(identifies: int) -> float:
    """Return the wait after a number of IDENTIFYs since the last steady connection."""
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
        """Start without a connection; `now` is a monotonic clock, `jitter` a number between two."""
        self._now = now
        self._jitter = jitter
        self._connections = 0
        self._identifies = 0
        # Connections in a row that became ready but ended soon.
        self._short_ones = 0
        self._next_connection = 0.0
        self._next_identify = 0.0
        self._ready_at: float | None = None

    @property
    def has_identified(self) -> bool:
        """Whether the shard has sent IDENTIFY since its last steady connection ended.

        A connection is steady if its session lasted `STEADY_SECONDS`.
        """
        return self._identifies > 0

    def delay(self, *, identifies: bool) -> float:
        """Return the seconds until the shard may connect and send IDENTIFY, or else RESUME."""
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
        """Record that Discord started or resumed the session."""
        self._ready_at = self._now()

    def end(self) -> None:
        """Record that the connection ended, if it had become ready."""
        if self._ready_at is None:
            return
        if self._now() - self._ready_at >= STEADY_SECONDS:
            self._short_ones = self._connections = self._identifies = 0
            self._next_connection = self._next_identify = 0.0
        else:
            # Discord is reachable, so only its early closes count from now on.
            self._short_ones += 1
            self._connections = self._short_ones
            self._next_connection = self._after(connection_seconds(self._connections))
        self._ready_at = None

    def _after(self, seconds: float) -> float:
        return self._now() + self._jitter(LEAST_JITTER * seconds, seconds)
