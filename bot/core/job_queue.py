"""Fair, bounded queue of the worker's jobs: lanes by priority, members in turn inside a lane.

A more urgent lane goes first, but passes a waiting one over only so often (aging): then it is that
one's turn, so each lane has a share that no other can take. Inside a lane, members are served round
robin, a job each, however many one of them sent. What members sent has a bound, for one of them and
for all of them together; what the bot does by itself has none, since nobody could be told.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Generic, TypeVar

_Job = TypeVar("_Job")

# What waits in a lane at the most: a hundred questions are some two seconds of work on two cores,
# and who is told "busy" has to be told within three.
MAX_WAITING: Final = 100
# What one member has waiting in a lane at the most: a form needs two or three lookups.
MEMBER_WAITING: Final = 8


class Priority(IntEnum):
    """What goes first; smaller is more urgent."""

    HEALTH = 0
    ASKING = 1
    REVIEWING = 2
    INDEXING = 3
    STOPPING = 4


# How often a lane that waits is passed over in a row. Of every three turns reviewing has one, and
# indexing one of every ten, however much is asked; stopping waits for all.
PASSED_OVER: Final = {Priority.REVIEWING: 2, Priority.INDEXING: 8}


class QueueFullError(Exception):
    """So much waits already that nothing more is taken."""


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
        """Take a member's first job; what else they wait for comes after everybody else's."""
        jobs = self.turns.pop(member)
        job = jobs.popleft()
        if jobs:
            self.turns[member] = jobs
        self.length -= 1
        return job


class JobQueue(Generic[_Job]):
    """Jobs that wait for one thread; any thread may put, one gets."""

    def __init__(self) -> None:
        self._lanes: dict[Priority, _Lane[_Job]] = {priority: _Lane() for priority in Priority}
        self._changed = threading.Condition()

    def lengths(self) -> dict[Priority, int]:
        """How many jobs of each priority wait, those of health and stopping left out."""
        with self._changed:
            return {
                priority: self._lanes[priority].length
                for priority in (Priority.ASKING, Priority.REVIEWING, Priority.INDEXING)
            }

    def put(self, job: _Job, priority: Priority, member: int | None = None) -> None:
        """Let a job wait for its turn in a lane; without a `member` it is the bot's own.

        Raises:
            QueueFullError: if the lane, or this member's part of it, is full.
        """
        with self._changed:
            lane = self._lanes[priority]
            if member is not None and (
                lane.length >= MAX_WAITING or len(lane.turns.get(member, ())) >= MEMBER_WAITING
            ):
                raise QueueFullError
            lane.put(job, member)
            self._changed.notify()

    def get(self) -> tuple[Priority, _Job]:
        """The job whose turn it is; waits for one."""
        with self._changed:
            while not (waiting := [p for p in Priority if self._lanes[p].length]):
                self._changed.wait()
            chosen = next((p for p in waiting if self._is_due(p)), waiting[0])
            for priority in waiting:
                self._lanes[priority].passed_over += 1
            lane = self._lanes[chosen]
            lane.passed_over = 0
            return chosen, lane.take(next(iter(lane.turns)))

    def _is_due(self, priority: Priority) -> bool:
        patience = PASSED_OVER.get(priority)
        return patience is not None and self._lanes[priority].passed_over >= patience

    def take_alike(
        self, priority: Priority, alike: Callable[[_Job], bool], most: int
    ) -> list[_Job]:
        """Take what can be done in the same turn: a job of each member, then a second, and so on.

        A member's next job waits for one that is not `alike`.
        """
        taken: list[_Job] = []
        with self._changed:
            lane = self._lanes[priority]
            while len(taken) < most:
                members = [member for member, jobs in lane.turns.items() if alike(jobs[0])]
                if not members:
                    break
                taken += [lane.take(member) for member in members[: most - len(taken)]]
        return taken
