"""Work queue: each job has one worker at a time; none is lost or retried for ever."""

import threading
from collections.abc import Iterator

import pytest

from knowledge.store.postgres.work_queue import ALIVE_SECONDS, LEASE_SECONDS, MOST_TRIES, WorkQueue
from tests.postgres import Cluster

KIND = "embed words 4 256"
TEXTS = {bytes([number]): f"text {number}" for number in range(40)}


@pytest.fixture
def queue(postgres_url: str) -> Iterator[WorkQueue]:
    opened = WorkQueue(postgres_url)
    yield opened
    opened.close()


def _let_leases_lapse(postgres: Cluster, url: str) -> None:
    """Let a lease's length pass in the database."""
    moved = f"taken_until - interval '{LEASE_SECONDS + 1} seconds'"
    postgres.execute(f"update work.jobs set taken_until = {moved}", url)  # noqa: S608


def test_what_is_offered_twice_is_done_once(queue: WorkQueue) -> None:
    queue.offer(KIND, TEXTS)
    queue.offer(KIND, TEXTS)
    taken = queue.take(KIND, "a", 100)
    assert {job.key: job.text for job in taken} == TEXTS
    assert not queue.take(KIND, "b", 100)


def test_vector_waits_without_text(queue: WorkQueue, postgres: Cluster, postgres_url: str) -> None:
    queue.offer(KIND, {b"key": "what a member wrote"})
    [job] = queue.take(KIND, "a", 1)
    queue.finish([(job, b"vector")])
    [[row]] = postgres.execute("select cast(jobs as text) from work.jobs", postgres_url)
    assert "member" not in str(row)
    for _ in range(2):
        assert queue.results(KIND, 10) == {b"key": b"vector"}
    queue.drop(KIND, [b"key"])
    assert queue.results(KIND, 10) == {}
    assert postgres.execute("select 1 from work.jobs", postgres_url) == []


def test_jobs_of_another_model_are_not_taken(queue: WorkQueue) -> None:
    queue.offer("embed other 4 256", TEXTS)
    assert not queue.take(KIND, "a", 100)
    assert queue.other_kinds(KIND) == {"embed other 4 256": len(TEXTS)}
    assert not queue.is_attended(KIND)
    queue.report_alive(KIND, "a")
    assert queue.is_attended(KIND)
    assert not queue.is_attended("embed other 4 256")


def test_gone_workers_jobs_are_free(queue: WorkQueue, postgres: Cluster, postgres_url: str) -> None:
    queue.offer(KIND, TEXTS)
    [gone] = queue.take(KIND, "killed", 1)
    queue.report_alive(KIND, "killed")
    assert gone not in queue.take(KIND, "b", 100)
    _let_leases_lapse(postgres, postgres_url)
    assert gone in queue.take(KIND, "b", 100)
    moved = f"seen_at - interval '{ALIVE_SECONDS + 1} seconds'"
    postgres.execute(f"update work.workers set seen_at = {moved}", postgres_url)  # noqa: S608
    assert not queue.is_attended(KIND)


def test_first_vector_is_kept(queue: WorkQueue, postgres: Cluster, postgres_url: str) -> None:
    queue.offer(KIND, {b"key": "text"})
    [stopped] = queue.take(KIND, "stopped for a while", 1)
    _let_leases_lapse(postgres, postgres_url)
    [job] = queue.take(KIND, "b", 1)
    queue.finish([(job, b"first")])
    queue.finish([(stopped, b"second")])
    assert queue.results(KIND, 10) == {b"key": b"first"}
    queue.drop(KIND, [b"key"])
    queue.finish([(stopped, b"second")])
    assert queue.results(KIND, 10) == {}


def test_job_that_keeps_failing_is_set_aside(queue: WorkQueue) -> None:
    queue.offer(KIND, {b"bad": "bad", b"good": "good"})
    for _ in range(MOST_TRIES):
        jobs = queue.take(KIND, "a", 100)
        queue.finish([(job, b"vector") for job in jobs if job.key == b"good"])
        queue.fail("a", [job for job in jobs if job.key == b"bad"], "ValueError")
    assert not queue.take(KIND, "a", 100)
    assert queue.problems(KIND, [b"bad", b"other"]) == {b"bad": "ValueError"}
    state = queue.state()
    assert (state.waiting, state.set_aside, state.error) == (0, 1, "ValueError")


def test_what_others_died_of_is_taken_last_and_alone_and_at_last_by_nobody(
    queue: WorkQueue, postgres: Cluster, postgres_url: str
) -> None:
    queue.offer(KIND, {b"bad": "bad", b"good": "good"})
    for _ in range(2):
        assert len(queue.take(KIND, "a", 100)) == 2
        _let_leases_lapse(postgres, postgres_url)
    queue.offer(KIND, {b"new": "new"})
    for expected in (b"new", b"bad", b"good"):
        [job] = queue.take(KIND, "a", 100)
        assert job.key == expected
        if expected != b"bad":
            queue.finish([(job, b"vector")])
    for _ in range(MOST_TRIES - 3):
        _let_leases_lapse(postgres, postgres_url)
        assert [job.key for job in queue.take(KIND, "a", 100)] == [b"bad"]
        assert queue.problems(KIND, [b"bad"]) == {b"bad": None}
    _let_leases_lapse(postgres, postgres_url)
    assert not queue.take(KIND, "a", 100)
    assert queue.problems(KIND, [b"bad"]) == {b"bad": ""}


def test_what_is_given_back_was_not_tried(queue: WorkQueue) -> None:
    queue.offer(KIND, {b"key": "text"})
    for _ in range(MOST_TRIES * 2):
        jobs = queue.take(KIND, "a", 1)
        assert jobs
        queue.give_back("a", jobs)
    assert queue.problems(KIND, [b"key"]) == {b"key": None}


def test_a_worker_that_leaves_is_not_waited_for(queue: WorkQueue) -> None:
    queue.report_alive(KIND, "a")
    queue.report_alive(KIND, "b")
    assert queue.state().workers == {KIND: 2}
    queue.leave("a")
    queue.leave("b")
    assert not queue.is_attended(KIND)


def test_uncollected_is_forgotten(queue: WorkQueue, postgres: Cluster, postgres_url: str) -> None:
    queue.offer(KIND, TEXTS)
    assert queue.forget_old() == 0
    postgres.execute("update work.jobs set offered_at = now() - interval '2 hours'", postgres_url)
    assert queue.forget_old() == len(TEXTS)


def test_many_that_open_the_queue_at_once_make_it_together(postgres_url: str) -> None:
    problems: list[BaseException] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        start.wait()
        try:
            WorkQueue(postgres_url).close()
        except BaseException as error:  # noqa: BLE001 - told below
            problems.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
