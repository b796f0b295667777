"""Thread pool for work that releases the GIL: one thread per core, for the life of the process.

The threads are kept, because starting one takes more than a millisecond while the event loop is
busy. A mapped function must be thread-safe, and must not use the pool itself: it would deadlock.
The calling thread must not touch a submitted function's data until the function has ended.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def cores() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pool_map(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Map a function over items in the pool; results have the order of the items.

    A single item is processed in the calling thread.
    """
    if len(items) <= 1:
        return [function(item) for item in items]
    return list(_pool().map(function, items))


def pool_submit(function: Callable[[], _Result]) -> Callable[[], _Result]:
    """Submit a function to the pool, to run while the calling thread has released the GIL.

    Returns a function that waits for the result. If no thread of the pool has begun to run
    `function`, or there is only one core, the returned function runs it in the calling thread.
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
