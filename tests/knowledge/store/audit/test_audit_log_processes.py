"""Several processes append to one log at once, and one is killed meanwhile."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from knowledge.store.store import Store
from tests.stores import Place

ROOT = Path(__file__).parents[4]
WRITERS = 8
LINES = 15

WRITER = """
import sys
from pathlib import Path
from tests.stores import Place

with Place(Path(sys.argv[1]), sys.argv[2]).store() as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[4])):
        guild_id = (int(sys.argv[3]) + number) % 3
        with store.database.writing(guild_id):
            store.audit_log.append(guild_id or None, 7 + number, "left", "guild")
"""

KILLED = """
import sys
from pathlib import Path
from tests.stores import Place

with Place(Path(sys.argv[1]), sys.argv[2]).store() as store:
    with store.database.writing():
        store.audit_log.append(1, None, "left", "guild")
        store.audit_log.append(None, None, "left", "guild")
        print("ready", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def started(program: str, place: Place, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process with the database open."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place.folder), place.url, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.slow
def test_processes_that_append_at_once_leave_no_gap_and_no_fork(place: Place) -> None:
    with place.store() as store, ExitStack() as stack:
        writers = [
            stack.enter_context(started(WRITER, place, number, LINES)) for number in range(WRITERS)
        ]
        for act in (wait_until_ready, go_on):
            for writer in writers:
                act(writer)
        assert [writer.wait() for writer in writers] == [0] * WRITERS
        entries = store.audit_log.entries()
        assert len(entries) == WRITERS * LINES
        for guild_id in (None, 1, 2):
            numbers = [entry.number for entry in entries if entry.guild_id == guild_id]
            assert numbers == [*range(1, len(numbers) + 1)]
        assert store.audit_log.breaks() == []


def test_a_process_that_is_killed_while_it_appends_leaves_the_chain_as_it_was(
    place: Place, store: Store
) -> None:
    store.audit_log.append(1, None, "left", "guild")
    with started(KILLED, place) as process:
        wait_until_ready(process)
        process.kill()
        process.wait()
    assert store.audit_log.breaks() == []
    # The next writer waits until the database has noticed.
    with store.database.writing(1):
        store.audit_log.append(1, None, "returned", "guild")
    numbers = [(entry.guild_id, entry.number) for entry in store.audit_log.entries()]
    assert numbers == [(1, 1), (1, 2)]
    assert store.audit_log.breaks() == []
