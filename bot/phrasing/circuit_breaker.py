"""Circuit breaker of the endpoint. Pure, apart from its clock.

Five failures within a minute open the circuit: for five minutes, no request is sent. Then one trial
request is sent, and its outcome closes the circuit or opens it again. The endpoint can also pause
requests with a `Retry-After` header, which doesn't count as a failure.
"""

import time
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Final

FAILURES: Final = 5
WITHIN_SECONDS: Final = 60.0
OPEN_SECONDS: Final = 300.0
# Bound on `Retry-After`.
LONGEST_PAUSE_SECONDS: Final = 3_600.0


class Circuit:
    """State of one endpoint: closed, open, or half open during a trial request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until = 0.0
        self._paused_until = 0.0
        self._is_open = False
        self._is_tried = False
        self._last = ""

    @property
    def is_open(self) -> bool:
        """Whether requests are blocked after too many failures."""
        return self._is_open and (self._is_tried or self._clock() < self._open_until)

    @property
    def is_paused(self) -> bool:
        """Whether a pause that the endpoint asked for still lasts."""
        return self._clock() < self._paused_until

    @property
    def problem(self) -> str:
        """Return why requests are blocked, such as "it failed too often, the last time …".

        Return "" if the circuit is closed and no pause lasts.
        """
        if self._is_open:
            return f"it failed too often, the last time because it {self._last}"
        if self.is_paused:
            left = ceil(self._paused_until - self._clock())
            return f"it asked to be left alone for {left} seconds more"
        return ""

    def began(self) -> None:
        """Record that a request begins. If the circuit is open, this request is the trial."""
        self._is_tried = self._is_open

    def abandoned(self) -> None:
        """Record a request that ended without showing whether the endpoint works."""
        self._is_tried = False

    def succeeded(self) -> None:
        self._is_open = self._is_tried = False
        self._failures.clear()

    def failed(self, how: str) -> None:
        """Record a failure, described by `how`, such as "answered 500"."""
        now = self._clock()
        self._last = how
        self._failures.append(now)
        often = len(self._failures) == FAILURES and now - self._failures[0] <= WITHIN_SECONDS
        if often or self._is_tried:
            self._is_open = True
            self._open_until = now + OPEN_SECONDS
        self._is_tried = False

    def pause(self, seconds: float) -> None:
        """Block requests for some seconds, at most an hour."""
        self._paused_until = self._clock() + min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
        self._is_tried = False
