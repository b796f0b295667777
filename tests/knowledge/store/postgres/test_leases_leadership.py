"""Leader election and fencing: only the leader and live members can write."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.leases import Fence, Leases, NotAllowedError
from tests.postgres import Cluster


class Member:
    """A process, as far as it writes."""

    def __init__(self, url: str, name: str) -> None:
        self.leases = Leases(url, seconds=3_600, patience=0, name=name)
        self.store = Connection(url, "kept", name=name)
        self.fence = Fence(self.store, lambda: self.leases.id)
        self.leases.join(1)

    def write(self, text: str) -> None:
        with self.store.writing():
            self.store.insert("written", {"said": text})

    def close(self) -> None:
        self.leases.close()
        self.store.close()


@pytest.fixture
def members(postgres_url: str) -> Iterator[tuple[Member, Member]]:
    made = Connection(postgres_url, "kept")
    made.run("create table written (said text)")
    made.close()
    with ExitStack() as opened:
        pair = Member(postgres_url, "first"), Member(postgres_url, "second")
        for member in pair:
            opened.callback(member.close)
        yield pair


def _written(member: Member) -> list[str]:
    return [row["said"] for row in member.store.rows("select said from written order by said")]


def _end(member: Member, by: Member) -> None:
    """Let a process be late, and be ended by another one."""
    by.store.run("update work.processes set until = 'epoch' where id = ?", [member.leases.id])
    by.leases.step()


def test_one_process_leads_until_it_steps_down_or_ends(members: tuple[Member, Member]) -> None:
    first, second = members
    assert first.fence.try_to_lead()
    assert first.fence.try_to_lead()
    assert not second.fence.try_to_lead()
    first.fence.step_down()
    assert second.fence.try_to_lead()
    second.store.close()
    assert not second.fence.leads
    # The server notices in a moment.
    while not first.fence.try_to_lead():
        pass


def test_former_leader_writes_nothing(
    members: tuple[Member, Member], postgres: Cluster, postgres_url: str
) -> None:
    first, second = members
    assert first.fence.try_to_lead()
    with first.fence.leading():
        first.write("while it leads")
        postgres.cut(postgres_url)
        assert second.fence.try_to_lead()
        # It believes to lead, until the server reports the end of its session.
        with pytest.raises(StoreError):
            first.write("while it believes so")
        with pytest.raises(NotAllowedError):
            first.write("after it knows better")
    with pytest.raises(NotAllowedError), first.fence.leading():
        pass
    first.write("not as the leader")
    assert _written(first) == ["not as the leader", "while it leads"]


def test_ended_process_writes_only_after_joining(members: tuple[Member, Member]) -> None:
    first, second = members
    first.write("as a member")
    _end(first, second)
    for _ in range(2):
        with pytest.raises(StoreError):
            first.write("after its end")
    first.leases.join(1)
    first.write("as another member")
    assert _written(second) == ["as a member", "as another member"]


def test_ended_process_writes_by_no_connection(
    members: tuple[Member, Member], postgres_url: str
) -> None:
    first, second = members
    index = Connection(postgres_url, "kept", name="first")
    first.fence.guard(index)
    with index.writing():
        index.insert("written", {"said": "as a member"})
    _end(first, second)
    for _ in range(2):
        with pytest.raises(StoreError), index.writing():
            index.insert("written", {"said": "after its end"})
    first.leases.join(1)
    assert first.fence.try_to_lead()
    with first.fence.leading(), index.writing():
        index.insert("written", {"said": "as the leader"})
    with first.fence.leading():
        first.store.close()
        with pytest.raises(NotAllowedError), index.writing():
            index.insert("written", {"said": "without the lock"})
    index.close()
    assert _written(second) == ["as a member", "as the leader"]


def test_nobody_is_ended_inside_a_transaction(members: tuple[Member, Member]) -> None:
    first, second = members
    first.leases.step()
    # Its sessions can't be found by name, so only its hold on its membership protects others.
    second.store.run("update work.processes set name = 'unknown', until = 'epoch'")
    with first.store.writing():
        first.store.insert("written", {"said": "begun before"})
        assert second.leases.step().shards == {}
    assert [*second.leases.step().shards] == [0]
    assert _written(second) == ["begun before"]
