"""Circuit breaker of the endpoint: when it is left alone, and until when.

Pure but for its clock. Five failures within a minute leave the endpoint alone for five minutes;
then one request tries it, and what becomes of that decides. What the endpoint itself asks for by
`Retry-After` is kept to as well, and is no failure.
"""

import time
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Final

FAILURES: Final = 5
WITHIN_SECONDS: Final = 60.0
OPEN_SECONDS: Final = 300.0
# However long an endpoint asks to be left alone, it is tried again after this.
LONGEST_PAUSE_SECONDS: Final = 3_600.0


class Circuit:
    """The state of one endpoint: closed, open, or half open while one request tries it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin closed."""
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until = 0.0
        self._paused_until = 0.0
        self._is_open = False
        self._is_tried = False
        self._last = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing may be sent now because the endpoint failed too often."""
        return self._is_open and (self._is_tried or self._clock() < self._open_until)

    @property
    def is_paused(self) -> bool:
        """Whether the endpoint asked to be left alone until later."""
        return self._clock() < self._paused_until

    @property
    def problem(self) -> str:
        """What is wrong, as a sentence; nothing while requests are sent."""
        if self._is_open:
            return f"it failed too often, the last time because it {self._last}"
        if self.is_paused:
            left = ceil(self._paused_until - self._clock())
            return f"it asked to be left alone for {left} seconds more"
        return ""

    def began(self) -> None:
        """A request is sent: while the circuit is open, the one that tries."""
        self._is_tried = self._is_open

    def abandoned(self) -> None:
        """A request ended without saying anything about the endpoint."""
        self._is_tried = False

    def succeeded(self) -> None:
        self._is_open = self._is_tried = False
        self._failures.clear()

    def failed(self, how: str) -> None:
        """A request failed; `how` says what the endpoint did: "answered 500"."""
        now = self._clock()
        self._last = how
        self._failures.append(now)
        often = len(self._failures) == FAILURES and now - self._failures[0] <= WITHIN_SECONDS
        if often or self._is_tried:
            self._is_open = True
            self._open_until = now + OPEN_SECONDS
        self._is_tried = False

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, an hour at the most."""
        self._paused_until = self._clock() + min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
        self._is_tried = False
