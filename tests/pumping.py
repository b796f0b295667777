"""CPU of the dearest job that an entrance of foreign text causes, up to the entrance's limit.

A text is pumped: one piece of it repeated until it is as long as it may be. A pattern or a loop
that looks at everything again takes longest for that.
"""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.pumped_texts import pumped

# The promise: no job takes longer, whatever is written, up to the limit of its entrance.
JOB_SECONDS: Final = 1.0
# Twice the text may take so many times as long; n log n takes 2.1.
GROWTH: Final = 2.3
# Even the worst growth shows at this length before it takes minutes.
FIRST_CHARACTERS: Final = 2_000
# Times below this are noise.
FLOOR_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class Entrance:
    """A way for foreign text into the bot.

    Attributes:
        limit: the most characters that it takes.
        jobs: reads a text, a job in each step.
    """

    name: str
    limit: int
    jobs: Callable[[str], Iterator[object]]


@dataclass(frozen=True, slots=True)
class Dear:
    """A text whose dearest job takes longer than it may."""

    entrance: str
    fragment: str
    characters: int
    seconds: float


def dear(
    entrance: Entrance, fragment: str, characters: int, most: float = JOB_SECONDS
) -> Dear | None:
    """A text of this fragment with a job above `most` seconds, if there is any up to the limit.

    Texts up to `characters` are read, and longer ones for as long as the dearest job grows faster
    than its text. Growth alone finds nothing, so that a busy machine is not blamed on a text.
    """
    before = 0.0
    for size in _sizes(min(characters, entrance.limit), entrance.limit):
        seconds = dearest_job(entrance, fragment, size)
        if most < seconds < 3 * most:
            # Once more, before a busy machine is taken for a dear text.
            seconds = min(seconds, dearest_job(entrance, fragment, size))
        if seconds > most:
            return Dear(entrance.name, fragment, size, round(seconds, 2))
        if size >= characters and seconds <= max(FLOOR_SECONDS, GROWTH * before):
            return None
        before = seconds
    return None


def _sizes(characters: int, limit: int) -> Iterator[int]:
    """`FIRST_CHARACTERS`, half of `characters`, `characters`, and its doubles up to the limit."""
    if characters // 2 > FIRST_CHARACTERS:
        yield FIRST_CHARACTERS
    size = characters // 2
    while size < limit:
        yield size
        size *= 2
    yield limit


def dearest_job(entrance: Entrance, fragment: str, characters: int) -> float:
    """CPU seconds of the dearest job, in this thread."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return max(timed_jobs(entrance.jobs(pumped(fragment, characters)[: entrance.limit])))
    finally:
        if enabled:
            gc.enable()


def timed_jobs(jobs: Iterator[object]) -> Iterator[float]:
    """Do a job in each step, and yield its CPU seconds in the thread that does it."""
    ended = False
    while not ended:
        begun = time.thread_time()
        ended = next(jobs, jobs) is jobs
        yield time.thread_time() - begun
