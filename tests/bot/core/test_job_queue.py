"""Order of the job queue, by lane and member."""

import pytest

from bot.core.job_queue import (
    MAX_WAITING,
    MEMBER_WAITING,
    JobQueue,
    Priority,
    QueueFullError,
)


def test_members_take_turns_however_many_jobs_one_of_them_has() -> None:
    queue: JobQueue[str] = JobQueue()
    for job in ("a1", "a2", "a3"):
        queue.put(job, Priority.ASKING, 1)
    queue.put("b1", Priority.ASKING, 2)
    queue.put("c1", Priority.ASKING, 3)

    assert [queue.get()[1] for _ in range(5)] == ["a1", "b1", "c1", "a2", "a3"]


def test_reviewing_has_every_third_turn_and_indexing_every_tenth_of_a_flood() -> None:
    queue: JobQueue[str] = JobQueue()
    for number in range(40):
        queue.put(f"asking {number}", Priority.ASKING)
        queue.put(f"reviewing {number}", Priority.REVIEWING)
        queue.put(f"indexing {number}", Priority.INDEXING)

    order = [queue.get()[0] for _ in range(36)]

    assert order[:3] == [Priority.ASKING, Priority.ASKING, Priority.REVIEWING]
    assert order.count(Priority.INDEXING) == 3
    assert order.count(Priority.REVIEWING) >= 36 // 3 - 1
    assert order.count(Priority.ASKING) > order.count(Priority.REVIEWING)


def test_health_goes_before_all_that_waits() -> None:
    queue: JobQueue[str] = JobQueue()
    for priority in (Priority.INDEXING, Priority.REVIEWING, Priority.ASKING, Priority.HEALTH):
        queue.put(priority.name, priority)

    assert queue.get() == (Priority.HEALTH, "HEALTH")


def test_only_members_jobs_are_limited() -> None:
    queue: JobQueue[int] = JobQueue()
    for job in range(MEMBER_WAITING):
        queue.put(job, Priority.REVIEWING, 1)

    with pytest.raises(QueueFullError):
        queue.put(0, Priority.REVIEWING, 1)
    queue.put(0, Priority.REVIEWING, 2)

    queue = JobQueue()
    for member in range(MAX_WAITING):
        queue.put(member, Priority.ASKING, member)

    with pytest.raises(QueueFullError):
        queue.put(0, Priority.ASKING, MAX_WAITING)
    queue.put(0, Priority.ASKING)
    assert queue.lengths()[Priority.ASKING] == MAX_WAITING + 1


def test_alike_jobs_alternate_between_members() -> None:
    queue: JobQueue[str] = JobQueue()
    for job in ("q a1", "q a2", "other a3", "q a4"):
        queue.put(job, Priority.ASKING, 1)
    queue.put("other b1", Priority.ASKING, 2)
    queue.put("q c1", Priority.ASKING, 3)

    def is_question(job: str) -> bool:
        return job.startswith("q ")

    assert queue.get_matching(Priority.ASKING, is_question, 2) == ["q a1", "q c1"]
    assert queue.get_matching(Priority.ASKING, is_question, 9) == ["q a2"]
    assert queue.lengths()[Priority.ASKING] == 3
