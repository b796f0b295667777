"""Several processes append to one log at once, and one is killed meanwhile."""

import os
import signal
from contextlib import ExitStack

import pytest

from knowledge.store.store import Store
from tests.fork_server import ForkServer
from tests.knowledge.store_processes import started
from tests.stores import Place, in_both

WRITERS = 6
LINES = 12


@pytest.mark.slow
@in_both
def test_appends_leave_no_gaps(place: Place, store: Store, store_processes: ForkServer) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(started(store_processes, "append", place, number, LINES))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.go_on()
        assert [writer.wait() for writer in writers] == [0] * WRITERS
    entries = store.audit_log.entries()
    assert len(entries) == WRITERS * LINES
    for guild_id in (None, 1, 2):
        numbers = [entry.number for entry in entries if entry.guild_id == guild_id]
        assert numbers == [*range(1, len(numbers) + 1)]


@pytest.mark.slow
@in_both
def test_killed_append_has_no_gap(place: Place, store: Store, store_processes: ForkServer) -> None:
    store.audit_log.append(1, None, "left", "guild")
    with started(store_processes, "append and wait", place) as process:
        os.kill(process.process_id, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    # The next writer waits until the database has noticed.
    with store.database.writing(1):
        store.audit_log.append(1, None, "returned", "guild")
    numbers = [(entry.guild_id, entry.number) for entry in store.audit_log.entries()]
    assert numbers == [(1, 1), (1, 2)]
