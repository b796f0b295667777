"""Processes with an open community database, for tests of kills and of simultaneous writers.

The program of a fork server: its first argument names the task.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.cli.cluster import FilePlace, PostgresPlace
from knowledge.backup.move import move
from tests.fork_server import ENVIRONMENT, ROOT, ForkServer, number
from tests.stores import Place

KILLED = 9


class Started:
    """A started task, which waits for `go_on`."""

    def __init__(self, server: ForkServer, arguments: list[str]) -> None:
        told, self._say = os.pipe()
        hear, said = os.pipe()
        self.process_id, self._ended = server.start(arguments, [told, said, 2], ROOT, ENVIRONMENT)
        os.close(told)
        os.close(said)
        with os.fdopen(hear) as lines:
            assert lines.readline() == "ready\n"

    def go_on(self) -> None:
        os.write(self._say, b"\n")

    def wait(self) -> int:
        """The task's exit code, once it has ended."""
        return number(os.read(self._ended, 4))

    def close(self) -> None:
        for stream in (self._say, self._ended):
            os.close(stream)


@contextmanager
def started(server: ForkServer, task: str, place: Place, *arguments: int) -> Iterator[Started]:
    process = Started(server, [task, str(place.folder), place.url, *map(str, arguments)])
    try:
        yield process
    finally:
        process.close()


def main() -> None:
    task, folder, url, *arguments = sys.argv[1:]
    if task == "move":
        _move(FilePlace(Path(folder)), PostgresPlace(url, Path(folder)), *arguments)
        return
    with Place(Path(folder), url).store() as store:
        if task == "append":
            _wait()
            first, lines = map(int, arguments)
            for one in range(first, first + lines):
                guild_id = one % 3
                with store.database.writing(guild_id):
                    store.audit_log.append(guild_id or None, 7 + one, "left", "guild")
        else:
            with store.database.writing():
                store.audit_log.append(1, None, "left", "guild")
                store.audit_log.append(None, None, "left", "guild")
                _wait()


def _wait() -> None:
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    sys.stdin.readline()


def _move(file: FilePlace, database: PostgresPlace, way: str, last: str) -> None:
    """Move a database, and die at the beginning of a step."""
    source, target = (file, database) if way == "there" else (database, file)
    move(source, target, tell=lambda step: os._exit(KILLED) if step.name == last else None)
