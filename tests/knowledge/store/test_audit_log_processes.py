"""Several processes that append to one log at once, and one that is killed while it does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.store.store import Store

ROOT = Path(__file__).parents[3]
LINES = 25

WRITER = """
import sys
from pathlib import Path
from knowledge.store.store import Store

path, first, lines = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Store(path) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(lines):
        with store.database.writing():
            guild_id = (first + number) % 3 or None
            store.audit_log.append(guild_id, None, "left", "guild", {"writer": first})
"""

KILLED = """
import sys
from pathlib import Path
from knowledge.store.store import Store

with Store(Path(sys.argv[1])) as store:
    with store.database.writing():
        store.audit_log.append(1, None, "left", "guild")
        store.audit_log.append(None, None, "left", "guild")
        print("ready", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def started(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has come to where it waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_that_append_at_once_leave_no_gap_and_no_fork(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    Store(path).close()
    with started(WRITER, path, 0, LINES) as one, started(WRITER, path, 1, LINES) as two:
        for process in (one, two):
            go_on(process)
        assert [one.wait(), two.wait()] == [0, 0]
    with Store(path) as store:
        entries = store.audit_log.entries()
        assert len(entries) == 2 * LINES
        for guild_id in (None, 1, 2):
            numbers = [entry.number for entry in entries if entry.guild_id == guild_id]
            assert numbers == [*range(1, len(numbers) + 1)]
        assert store.audit_log.breaks() == []


def test_a_process_that_is_killed_while_it_appends_leaves_the_chain_as_it_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "community.db"
    with Store(path) as store:
        store.audit_log.append(1, None, "left", "guild")
    with started(KILLED, path) as process:
        process.kill()
        process.wait()
    with Store(path) as store:
        assert store.audit_log.breaks() == []
        store.audit_log.append(1, None, "returned", "guild")
        numbers = [(entry.guild_id, entry.number) for entry in store.audit_log.entries()]
        assert numbers == [(1, 1), (1, 2)]
        assert store.audit_log.breaks() == []
