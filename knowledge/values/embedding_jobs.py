"""Values of the work queue; they are had without psycopg."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A text to be embedded, and the digest that it is known by."""

    id: int
    key: bytes
    text: str


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many jobs wait and how many are set aside, over all models; `error` is one's last.

    `workers` are those that are alive, by what they take (`kind`).
    """

    waiting: int
    set_aside: int
    error: str
    workers: Mapping[str, int]
