"""Work shared out among threads: order, exceptions, and that one item needs none."""

import threading

import pytest

from indexer.threads import cores, shared_out


def test_results_come_in_the_order_of_the_items() -> None:
    assert shared_out(lambda n: n * n, range(100)) == [n * n for n in range(100)]


def test_nothing_to_do_gives_nothing() -> None:
    assert shared_out(str, []) == []


def test_one_item_is_done_in_the_calling_thread() -> None:
    assert shared_out(lambda _: threading.get_ident(), [0]) == [threading.get_ident()]


def test_as_many_run_at_once_as_there_are_cores() -> None:
    meeting = threading.Barrier(cores(), timeout=10)
    assert len(shared_out(lambda _: meeting.wait(), range(cores()))) == cores()


def test_an_exception_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        shared_out(lambda n: 1 // n, [1, 0])
