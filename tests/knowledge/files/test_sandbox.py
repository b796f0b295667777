"""The process that reads hostile formats: real processes, killed and broken."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes
from knowledge.files.sandbox import SECONDS, Sandbox
from tests.knowledge.made_files import pdf

PAGE = b"<!doctype html><p>Hi."


@pytest.fixture
def isolation() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def _slow_page(paragraphs: int = 300_000) -> bytes:
    return b"<!doctype html>" + b"<p>word" * paragraphs


def test_a_file_that_takes_too_long_is_refused_and_the_next_one_read() -> None:
    isolation = Sandbox(seconds=1)
    with pytest.raises(UnreadableError, match=r"takes longer than 1 seconds to read"):
        isolation.begin("HTML", _slow_page(), "x").result()
    # On a busy machine to start another process may take longer than that by itself.
    isolation._seconds = SECONDS
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."
    isolation.close()


def _address_space() -> int:
    """What a process that has read a small page takes: Python and its libraries."""
    isolation = Sandbox()
    isolation.begin("HTML", PAGE, "x").result()
    assert isolation._process is not None
    pages = Path(f"/proc/{isolation._process.pid}/statm").read_text().split()[0]
    isolation.close()
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is limited on Linux only")
def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_one_read() -> None:
    isolation = Sandbox(memory_bytes=_address_space() + 100_000_000)
    with pytest.raises(UnreadableError, match=r"needs more than \d+ MB of memory"):
        isolation.begin("HTML", _slow_page(), "x").result()
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."
    isolation.close()


def test_a_process_that_was_killed_is_replaced(isolation: Sandbox) -> None:
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."
    process = isolation._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(UnreadableError, match="broke the process"):
        isolation.begin("HTML", PAGE, "x").result()
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."


def test_one_process_reads_many_files(isolation: Sandbox) -> None:
    isolation.begin("HTML", PAGE, "x").result()
    process = isolation._process
    futures = [isolation.begin("PDF", pdf([f"Page of {n}."]), "x") for n in range(20)]
    assert [f"Page of {n}." in future.result().text for n, future in enumerate(futures)] == [
        True
    ] * 20
    assert isolation._process is process


def test_files_are_read_from_several_threads() -> None:
    texts: list[str] = []

    def read_some() -> None:
        texts.extend(parse_bytes(PAGE, name="x.html").text for _ in range(5))

    threads = [threading.Thread(target=read_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["Hi."] * 20


def test_reading_does_not_make_whoever_began_it_wait(isolation: Sandbox) -> None:
    isolation.begin("HTML", PAGE, "x").result()
    process = isolation._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    future = isolation.begin("HTML", PAGE, "x")
    assert not future.done()
    os.kill(process.pid, signal.SIGCONT)
    assert future.result().text == "Hi."
