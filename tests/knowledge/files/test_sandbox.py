"""The process that parses hostile files: real processes, confined, killed and broken."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from knowledge.files import reader
from knowledge.files.document import checked_document, parse_in_sandbox
from knowledge.files.parsed_file import ParsedFile, UnreadableError
from knowledge.files.reader import parse_bytes
from knowledge.files.sandbox import SECONDS, Sandbox
from knowledge.files.sandbox_process import Parse
from tests.knowledge.files import hostile_code
from tests.knowledge.hostile_files import NAMES, holds, hostile_files
from tests.processes import suspend

PAGE = b"<!doctype html><p>Hi."
ROOT = Path(__file__).parents[3]
TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.never-to-be-seen"  # noqa: S105 - it opens nothing


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of a program with a token in its environment; tests share its process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISCORD_TOKEN", TOKEN)
        made = Sandbox(readable=[ROOT])
        _begin(made, PAGE).result()
        yield made
        made.close()


def _running(sandbox: Sandbox) -> "subprocess.Popen[bytes]":
    """The sandbox's process, started if it has ended."""
    assert _begin(sandbox, PAGE).result().text == "Hi."
    assert sandbox._process is not None
    return sandbox._process


def _begin(
    sandbox: Sandbox, content: bytes, function: Parse = parse_in_sandbox
) -> "Future[ParsedFile]":
    return sandbox.begin(function, content, "x", checked_document)


def _slow_page(paragraphs: int = 300_000) -> bytes:
    return b"<!doctype html>" + b"<p>word" * paragraphs


def test_slow_file_refused_next_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    process = _running(sandbox)
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "_seconds", 0.2)
        with pytest.raises(UnreadableError, match=r"takes longer than 0.2 seconds to read"):
            _begin(sandbox, _slow_page()).result()
    assert process.returncode is not None
    assert _begin(sandbox, PAGE).result().text == "Hi."


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't bound processor time")
def test_file_taking_processor_time_is_refused() -> None:
    sandbox = Sandbox(cpu_seconds=1)
    with pytest.raises(UnreadableError, match="takes longer than"):
        _begin(sandbox, _slow_page(1_000_000)).result()
    sandbox._cpu_seconds = SECONDS
    assert _begin(sandbox, PAGE).result().text == "Hi."
    sandbox.close()


def _address_space(sandbox: Sandbox) -> int:
    """The address space of a process that has read a small page: Python and its libraries."""
    pages = Path(f"/proc/{_running(sandbox).pid}/statm").read_text().split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="memory is limited on Linux only")
def test_file_needing_memory_is_refused(sandbox: Sandbox) -> None:
    tight = Sandbox(memory_bytes=_address_space(sandbox) + 50_000_000)
    with pytest.raises(UnreadableError, match=r"needs more than \d+ MB of memory"):
        _begin(tight, _slow_page()).result()
    assert _begin(tight, PAGE).result().text == "Hi."
    tight.close()


def test_killed_process_is_replaced(sandbox: Sandbox) -> None:
    process = _running(sandbox)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _begin(sandbox, PAGE).result().text == "Hi."


def test_one_process_reads_the_files_of_many_threads(sandbox: Sandbox) -> None:
    process = _running(sandbox)

    def text(number: int) -> str:
        return _begin(sandbox, b"<!doctype html><p>Page %d." % number).result().text

    with ThreadPoolExecutor(4) as threads:
        texts = [*threads.map(text, range(20))]
    assert texts == [f"Page {number}." for number in range(20)]
    assert sandbox._process is process


def test_reading_does_not_make_its_caller_wait(sandbox: Sandbox) -> None:
    process = _running(sandbox)
    suspend(process.pid)
    future = _begin(sandbox, PAGE)
    assert not future.done()
    os.kill(process.pid, signal.SIGCONT)
    assert future.result().text == "Hi."


def test_file_that_ends_its_reader_fails_alone(sandbox: Sandbox) -> None:
    futures = [_begin(sandbox, PAGE), _begin(sandbox, b"x", hostile_code.ending)]
    futures.append(_begin(sandbox, PAGE))
    assert futures[0].result().text == futures[2].result().text == "Hi."
    process = sandbox._process
    for _ in range(2):
        with pytest.raises(UnreadableError, match="broke the process"):
            _begin(sandbox, b"x", hostile_code.ending).result()
    # It was refused by its digest: the process that read the page after it is still there.
    assert sandbox._process is process


def test_memory_that_a_file_needed_once_is_given_back(sandbox: Sandbox) -> None:
    assert _begin(sandbox, b"x", hostile_code.swelling).result().text == "400000000"
    assert sandbox._process is None
    assert _begin(sandbox, PAGE).result().text == "Hi."


def test_an_answer_that_no_parser_gives_is_not_believed(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableError, match="broke the process"):
        _begin(sandbox, b"x", hostile_code.lying).result()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes these rights away")
def test_code_in_the_sandbox_reaches_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "community.db"
    secret.write_text(TOKEN)
    content = os.fsencode(secret)
    begun = sandbox.begin(hostile_code.everything, content, "x", lambda values, _: values["got"])
    assert begun.result() == {}
    assert secret.read_text() == TOKEN


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_has_an_empty_environment_and_its_limits(sandbox: Sandbox) -> None:
    folder = Path(f"/proc/{_running(sandbox).pid}")
    assert folder.joinpath("environ").read_bytes() == b""
    limits = {
        line[:26].strip(): line[26:].split()[1]
        for line in folder.joinpath("limits").read_text().splitlines()
    }
    assert limits["Max file size"] == limits["Max processes"] == limits["Max core file size"] == "0"
    assert (limits["Max open files"], limits["Max address space"]) == ("64", "1000000000")
    assert "NoNewPrivs:\t1\n" in folder.joinpath("status").read_text()


def test_a_thousand_files_take_one_thread_and_those_cancelled_nothing(sandbox: Sandbox) -> None:
    process = _running(sandbox)
    before = set(threading.enumerate())
    suspend(process.pid)
    futures = [_begin(sandbox, b"waits", hostile_code.ending) for _ in range(1_000)]
    last = _begin(sandbox, PAGE)
    # Beside the one that there was, at most the clock of the file whose turn it is.
    begun = set(threading.enumerate()) - before
    assert len(begun) <= 1
    # The first one has its turn already.
    assert sum(future.cancel() for future in futures) >= 999
    os.kill(process.pid, signal.SIGCONT)
    wait(futures)
    assert last.result().text == "Hi."
    for thread in begun:
        thread.join(30)
    assert not any(thread.is_alive() for thread in begun)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows memory")
def test_process_of_hostile_files_has_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small form of `benchmarks.hostile_files`, which takes 500 files of each format."""
    # Put together, for the sake of whoever looks for it here.
    token = os.urandom(16).hex()
    monkeypatch.setenv("DISCORD_TOKEN", token)
    monkeypatch.setattr(reader, "sandbox", Sandbox())
    refusals: set[str] = set()
    for kind, name in NAMES.items():
        for content in hostile_files(kind, 6):
            try:
                assert parse_bytes(content, name=name).text.strip()
            except UnreadableError as error:
                refusals.add(str(error))
        process = reader.sandbox._process
        if process is not None and process.poll() is None:
            assert not holds(process.pid, token.encode())
    reader.sandbox.close()
    # The search itself works: this process has the token.
    assert holds(os.getpid(), token.encode())
    assert all(sentence.endswith(".") for sentence in refusals)
