"""Work shared out among threads: order, exceptions, and that one item needs none."""

import os
import threading

import pytest

from indexer import parallel
from indexer.parallel import cores, pool_map, pool_submit
from tests.processes import in_a_process


def test_results_come_in_the_order_of_the_items() -> None:
    assert pool_map(lambda n: n * n, range(100)) == [n * n for n in range(100)]


def test_nothing_to_do_gives_nothing() -> None:
    assert pool_map(str, []) == []


def test_one_item_is_done_in_the_calling_thread() -> None:
    assert pool_map(lambda _: threading.get_ident(), [0]) == [threading.get_ident()]


def test_as_many_run_at_once_as_there_are_cores() -> None:
    meeting = threading.Barrier(cores(), timeout=10)
    assert len(pool_map(lambda _: meeting.wait(), range(cores()))) == cores()


def test_an_exception_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        pool_map(lambda n: 1 // n, [1, 0])


def test_what_was_submitted_is_done_once_and_gives_its_result() -> None:
    calls: list[int] = []

    def call() -> str:
        calls.append(1)
        return "done"

    assert pool_submit(call)() == "done"
    assert calls == [1]


def test_waiting_thread_does_what_no_core_began() -> None:
    go, taken = threading.Event(), threading.Semaphore(0)

    def hold(_: int) -> None:
        taken.release()
        go.wait(10)

    busy = threading.Thread(target=pool_map, args=(hold, range(max(cores(), 2))))
    busy.start()
    for _ in range(cores()):
        assert taken.acquire(timeout=10)
    try:
        assert pool_submit(threading.get_ident)() == threading.get_ident()
    finally:
        go.set()
        busy.join()


def test_on_one_core_nothing_is_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    assert pool_submit(threading.get_ident)() == threading.get_ident()


def test_an_exception_reaches_whoever_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        pool_submit(lambda: 1 // 0)()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked off here")
def test_forked_process_has_its_own_threads() -> None:
    def share() -> None:
        assert pool_map(abs, [-1, -2, -3]) == [1, 2, 3]

    share()
    assert in_a_process(share) == ""
