"""Tuning of glibc's `malloc` for a process that runs for months; elsewhere it does nothing.

By default each thread may get an arena of its own, and an arena keeps what is freed in it. A minute
of many questions then stays resident for ever. Two arenas are enough for the event loop and the
worker, and a trim gives free pages back to the system.
"""

import ctypes
import sys
from typing import Any, Final

_ARENAS: Final = 2
# Of malloc.h.
_M_ARENA_MAX: Final = -8


def limit_arenas() -> None:
    """Limit the number of arenas, before threads have begun to allocate."""
    if mallopt := _function("mallopt"):
        mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give free pages back to the system, in some milliseconds without the GIL."""
    if trim := _function("malloc_trim"):
        trim(0)


def _function(name: str) -> Any:
    """A function of the C library, or None where there is no such function."""
    system = ctypes.CDLL(None) if sys.platform == "linux" else None
    return getattr(system, name, None)
