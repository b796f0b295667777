"""Values of the embedding work queue, importable without psycopg."""

from collections.abc import Mapping
from typing import NamedTuple


class Job(NamedTuple):
    """A text to be embedded, with its digest."""

    id: int
    key: bytes
    text: str


class QueueState(NamedTuple):
    """The numbers of waiting and set-aside jobs of all models.

    `error` is the last error of a set-aside job. `workers` has the number of live workers by kind.
    """

    waiting: int
    set_aside: int
    error: str
    workers: Mapping[str, int]
