"""Thread pool for work that releases the GIL: a thread a core, kept for the whole process.

Starting threads for every batch costs more than a millisecond each when the event loop is busy. A
mapped function must be thread-safe, and must not map anything itself: it would wait for threads
that wait for it. The calling thread must not touch a submitted function's data until it has ended.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def cores() -> int:
    """The cores this process may use; in a container fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pool_map(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Map a function over items in the pool; results come in the order of the items.

    A single item is done in the calling thread.
    """
    if len(items) <= 1:
        return [function(item) for item in items]
    return list(_pool().map(function, items))


def pool_submit(function: Callable[[], _Result]) -> Callable[[], _Result]:
    """Submit a function to the pool; useful while the calling thread has released the GIL.

    Returns:
        A callable that waits for the result. If no core was free to begin, or there is only one, it
        calls the function itself, in the calling thread.
    """
    if cores() == 1:
        return function
    future = _pool().submit(function)
    return lambda: function() if future.cancel() else future.result()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="commonplace-share")


# A forked process has none of these threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
