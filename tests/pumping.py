"""Cost of functions that read text, as the text grows.

A text is pumped: one piece of it repeated until it is as long as it may be. That is what a pattern
or a loop that looks at everything again takes longest for.
"""

import dataclasses
import gc
import inspect
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

from tests.pumped_texts import pumped
from tests.text_readers import Reader, modules

# Characters of the texts that each function is given; of the first alone where that takes so long.
SIZES: Final = (2_000, 8_000)
ENOUGH_NS: Final = 2_000_000
# Nothing quicker than this is judged. It takes less than 10 ms for the longest note of 32,000
# characters, even if it takes sixteen times as long for four times the text.
FLOOR_NS: Final = 600_000
# A suspicion is confirmed up to this length.
LONGEST: Final = 64_000
# Twice the text may take so many times as long; n log n takes 2.1.
GROWTH: Final = 2.3
# What takes longer is judged without a longer text.
LONG_NS: Final = 400_000_000
# A pattern with a bound of a thousand characters is linear beyond them: its growth slows down. It
# is less than so much of the growth before, and is looked at with longer texts.
SLOWING: Final = 0.9


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """What was seen of a text that costs more than it should."""

    reader: str
    fragment: str
    characters: int
    milliseconds: tuple[float, ...]


def growth(reader: Reader, fragment: str) -> Growth | None:
    """What a function's cost does as a text grows, if that is more than `GROWTH`; else None.

    The time is the thread's own on a processor. A suspicion is looked at again with longer texts,
    each several times, so that what else the machine does is not blamed on the function.
    """
    for characters in SIZES:
        longer = _cost(reader, fragment, characters)
        if longer >= ENOUGH_NS:
            break
    if longer < FLOOR_NS or longer <= GROWTH * _cost(reader, fragment, characters // 2):
        return None
    while characters <= LONGEST:
        sizes = (characters // 2, characters, 2 * characters)
        seen = _least(reader, fragment, sizes)
        if not _grows(seen):
            return None
        slows = seen[0] * seen[2] < SLOWING * seen[1] ** 2
        if not slows and (characters == LONGEST or seen[-1] > LONG_NS):
            # Again, before a busy machine is taken for a slow function.
            for _ in range(3):
                seen = list(map(min, seen, _least(reader, fragment, sizes)))
            milliseconds = tuple(cost / 1e6 for cost in seen)
            found = Growth(reader.name, fragment, sizes[-1], milliseconds)
            return found if _grows(seen) else None
        characters *= 2
    return None


def _least(reader: Reader, fragment: str, sizes: Sequence[int]) -> list[int]:
    """The least of several costs for each size, those of all sizes in turn; long ones come once."""
    costs = [_cost(reader, fragment, size) for size in sizes]
    if costs[-1] <= LONG_NS:
        for _ in range(2):
            costs = [
                min(cost, _cost(reader, fragment, size))
                for cost, size in zip(costs, sizes, strict=True)
            ]
    return costs


def _grows(costs: Sequence[int]) -> bool:
    return all(longer > GROWTH * shorter for shorter, longer in pairwise(costs))


def _cost(reader: Reader, fragment: str, characters: int) -> int:
    read = reader.prepared(pumped(fragment, characters))
    for clear in _caches():
        clear()
    enabled = gc.isenabled()
    gc.disable()
    watch.reader, watch.thread = reader.name, threading.get_ident()
    begun = time.thread_time_ns()
    try:
        found = read()
        if isinstance(found, Iterator):
            deque(found, maxlen=0)
    except Exception:  # noqa: BLE001, S110 - what can't be read is refused, in time as well
        pass
    finally:
        taken = time.thread_time_ns() - begun
        watch.reader = ""
        if enabled:
            gc.enable()
    return taken


class _Watch:
    """Keeps what reads text from doing anything else, and notes who tried."""

    _REFUSED: Final = (
        "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.", "socket.connect",
        "socket.getaddrinfo", "subprocess.", "sqlite3.connect",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reader = ""
        self.thread = 0
        self.outside: dict[str, str] = {}
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Threads of earlier tests may still be at work.
        if not self.reader or self.thread != threading.get_ident():
            return
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] != "r"
        if not writes and not event.startswith(self._REFUSED):
            return
        # A first import keeps its bytecode: it makes a folder, and opens a descriptor.
        if isinstance(arguments[0], int) or "__pycache__" in str(arguments[0]):
            return
        self.outside[self.reader] = f"{event} {arguments}"
        raise PermissionError(f"{self.reader}: {event} {arguments}")


watch = _Watch()


@cache
def _caches() -> tuple[Callable[[], None], ...]:
    """What forgets the results of functions of texts; lists that come with the program stay."""
    found = []
    for module in modules():
        for value in list(vars(module).values()):
            wrapped = getattr(value, "__wrapped__", None)
            if not hasattr(value, "cache_clear") or not inspect.isfunction(wrapped):
                continue
            if set(inspect.signature(wrapped).parameters) - {"language", "table", "digest", "name"}:
                found.append(value.cache_clear)
    return tuple(dict.fromkeys(found))
