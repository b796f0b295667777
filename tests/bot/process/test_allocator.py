"""The allocator gives freed memory back, in a process of its own."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes glibc")

# Between two kept blocks, the allocator keeps free pages.
_FRAGMENTS = """
from benchmarks.embedding import resident
from bot.process.allocator import give_back
blocks = [bytes(2_000) for _ in range(30_000)]
kept = blocks[::100]
del blocks
before = resident()
give_back()
print(before - resident())
"""
_THREADS = """
import ctypes, threading
from bot.process.allocator import limit_arenas
limit_arenas()
together = threading.Barrier(8)
def allocate():
    block = bytes(2_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )


def test_free_pages_are_given_back() -> None:
    assert float(_run(_FRAGMENTS).stdout) > 30


def test_threads_share_two_arenas() -> None:
    assert _run(_THREADS).stderr.count("Arena ") <= 2
