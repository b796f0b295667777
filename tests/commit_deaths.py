"""A process that ends by SIGKILL around one of its commits, for tests and benchmarks."""

import os
import signal
from typing import Any

import psycopg


def die_around_commit(number: int, *, after: bool) -> None:
    """Let this process end by SIGKILL before or after its n-th commit."""
    execute = psycopg.Connection.execute
    count = 0

    def counted(connection: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += query == b"commit"
        if count == number and query == b"commit" and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = execute(connection, query, *arguments, **options)
        if count == number and query == b"commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    psycopg.Connection.execute = counted  # type: ignore[assignment, method-assign]
