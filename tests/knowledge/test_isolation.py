"""The process that reads hostile formats: real processes, killed and broken."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.files.reader import UnreadableError, read_bytes
from knowledge.files.sandbox import Isolation
from tests.knowledge.files import pdf

PAGE = b"<!doctype html><p>Hi."


@pytest.fixture
def isolation() -> Iterator[Isolation]:
    made = Isolation()
    yield made
    made.close()


def _slow_page(paragraphs: int = 300_000) -> bytes:
    return b"<!doctype html>" + b"<p>word" * paragraphs


def test_a_file_that_takes_too_long_is_refused_and_the_next_one_read() -> None:
    isolation = Isolation(seconds=1)
    started = time.monotonic()
    with pytest.raises(UnreadableError, match=r"takes longer than 1 seconds to read"):
        isolation.begin("HTML", _slow_page(), "x").result()
    assert time.monotonic() - started < 10
    isolation_again = isolation.begin("HTML", PAGE, "x")
    assert isolation_again.result().text == "Hi."
    isolation.close()


@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is limited on Linux only")
def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_one_read() -> None:
    isolation = Isolation(memory_bytes=420_000_000)
    with pytest.raises(UnreadableError, match="needs more than 420 MB of memory"):
        isolation.begin("HTML", _slow_page(), "x").result()
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."
    isolation.close()


def test_a_process_that_was_killed_is_replaced(isolation: Isolation) -> None:
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."
    process = isolation._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(UnreadableError, match="broke the process"):
        isolation.begin("HTML", PAGE, "x").result()
    assert isolation.begin("HTML", PAGE, "x").result().text == "Hi."


def test_one_process_reads_many_files(isolation: Isolation) -> None:
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
        texts.extend(read_bytes(PAGE, name="x.html").text for _ in range(5))

    threads = [threading.Thread(target=read_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["Hi."] * 20


def test_reading_does_not_make_whoever_began_it_wait(isolation: Isolation) -> None:
    isolation.begin("HTML", PAGE, "x").result()
    future = isolation.begin("HTML", _slow_page(20_000), "x")
    assert not future.done()
    assert future.result().text.count("word") == 20_000
