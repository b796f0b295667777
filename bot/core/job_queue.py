"""Fair, bounded queue of the worker's jobs: lanes by priority, members in turn inside a lane.

A more urgent lane goes first, but aging gives every waiting lane a share of the turns. Inside a
lane, members are served round robin, one job each. Members' jobs are limited, per member and in
total. The bot's own jobs have no limit, because nobody would see the refusal.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Generic, TypeVar

_Job = TypeVar("_Job")

# The largest number of jobs in a lane: a hundred questions take about two seconds on two cores, and
# Discord wants a response, even "busy", within three.
MAX_WAITING: Final = 100
# The largest number of jobs of one member in a lane: a form needs two or three lookups.
MEMBER_WAITING: Final = 8


class Priority(IntEnum):
    """Priority of a job; smaller is more urgent."""

    HEALTH = 0
    ASKING = 1
    REVIEWING = 2
    INDEXING = 3
    STOPPING = 4


# How often a waiting lane is passed over in a row. Under load, reviewing gets one of three turns
# and indexing one of ten; stopping waits for all.
PASSED_OVER: Final = {Priority.REVIEWING: 2, Priority.INDEXING: 8}


class QueueFullError(Exception):
    """The queue is full."""


@dataclass(slots=True)
class _Lane(Generic[_Job]):
    """The jobs of one priority, by member; None stands for the bot itself."""

    turns: OrderedDict[int | None, deque[_Job]] = field(default_factory=OrderedDict)
    length: int = 0
    passed_over: int = 0

    def put(self, job: _Job, member: int | None) -> None:
        self.turns.setdefault(member, deque()).append(job)
        self.length += 1

    def take(self, member: int | None) -> _Job:
        """Take a member's first job, and move the member to the end of the line."""
        jobs = self.turns.pop(member)
        job = jobs.popleft()
        if jobs:
            self.turns[member] = jobs
        self.length -= 1
        return job


class JobQueue(Generic[_Job]):
    """The worker thread's queue; jobs can be put from any thread."""

    def __init__(self) -> None:
        self._lanes: dict[Priority, _Lane[_Job]] = {priority: _Lane() for priority in Priority}
        self._changed = threading.Condition()

    def lengths(self) -> dict[Priority, int]:
        """Return the number of waiting jobs by priority.

        Jobs that check the health or stop the worker are left out.
        """
        with self._changed:
            return {
                priority: self._lanes[priority].length
                for priority in (Priority.ASKING, Priority.REVIEWING, Priority.INDEXING)
            }

    def put(self, job: _Job, priority: Priority, member: int | None = None) -> None:
        """Put a job into a lane. A job without a `member` is the bot's own.

        QueueFullError if the lane is full, or has too many jobs of the member.
        """
        with self._changed:
            lane = self._lanes[priority]
            if member is not None and (
                lane.length >= MAX_WAITING or len(lane.turns.get(member, ())) >= MEMBER_WAITING
            ):
                raise QueueFullError
            lane.put(job, member)
            self._changed.notify()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a job, at most `seconds`; return whether there is one."""
        with self._changed:
            return bool(self._changed.wait_for(self._waiting, seconds))

    def _waiting(self) -> list[Priority]:
        return [priority for priority in Priority if self._lanes[priority].length]

    def get(self) -> tuple[Priority, _Job]:
        """Wait for a job, and take the next one."""
        with self._changed:
            waiting = self._changed.wait_for(self._waiting)
            chosen = next((p for p in waiting if self._is_due(p)), waiting[0])
            for priority in waiting:
                self._lanes[priority].passed_over += 1
            lane = self._lanes[chosen]
            lane.passed_over = 0
            return chosen, lane.take(next(iter(lane.turns)))

    def _is_due(self, priority: Priority) -> bool:
        patience = PASSED_OVER.get(priority)
        return patience is not None and self._lanes[priority].passed_over >= patience

    def get_matching(
        self, priority: Priority, matches: Callable[[_Job], bool], most: int
    ) -> list[_Job]:
        """Take up to `most` matching jobs: one of each member, then a second of each, and so on.

        A member's jobs stay in order: a job that doesn't match holds back the member's later jobs.
        """
        taken: list[_Job] = []
        with self._changed:
            lane = self._lanes[priority]
            while len(taken) < most:
                members = [member for member, jobs in lane.turns.items() if matches(jobs[0])]
                if not members:
                    break
                taken += [lane.take(member) for member in members[: most - len(taken)]]
        return taken
