"""Leases of shards: no two processes hold the same one."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.leases import SCHEMA, Fence, LapsedError, Leases, NotAllowedError
from tests.postgres import Cluster

SHARDS = 4
LONG = 3_600.0

Join = Callable[[], Leases]

_numbers = itertools.count()


def _name() -> str:
    return f"member {next(_numbers)}"


def _member(url: str) -> Leases:
    """A member whose lease ends on demand, without patience before it ends others."""
    return Leases(url, seconds=LONG, patience=0, name=_name())


@pytest.fixture
def join(postgres_url: str) -> Iterator[Join]:
    """Makes members."""
    with ExitStack() as opened:

        def joined() -> Leases:
            leases = _member(postgres_url)
            opened.callback(leases.close)
            leases.join(SHARDS)
            return leases

        yield joined


@pytest.fixture
def seen(postgres_url: str) -> Iterator[Connection]:
    """The tables, seen from outside."""
    connection = Connection(postgres_url, SCHEMA)
    yield connection
    connection.close()


def _expire(seen: Connection, leases: Leases) -> None:
    seen.run("update processes set until = 'epoch' where id = ?", [leases.id])


def _held(seen: Connection) -> dict[int, tuple[str | None, int]]:
    rows = seen.rows("select shard, holder, epoch from shards")
    return {row["shard"]: (row["holder"], row["epoch"]) for row in rows}


def test_second_process_gets_its_share_of_shards(join: Join, seen: Connection) -> None:
    first, second = join(), None
    assert [*first.step().shards] == [*range(SHARDS)]
    for shard in range(SHARDS):
        first.mark_ready(shard)
    second = join()
    assert second.step().shards == {}
    for expected in (3, 2):
        assert first.step().surplus == expected
        # Shards that aren't ready elsewhere are waited for.
        first.give_back(expected)
        assert first.step().surplus is None
        assert expected in second.step().shards
        second.mark_ready(expected)
    assert first.step().surplus is None
    assert [*first.step().shards] == [0, 1]
    assert second.step().shards == {2: 2, 3: 2}


def test_who_leaves_hands_over_at_once(join: Join) -> None:
    first, second = join(), join()
    before = {**first.step().shards, **second.step().shards}
    first.leave()
    assert {*second.step().shards} == set(range(SHARDS)) == {*before}


def test_expired_shards_are_taken_at_the_next_epoch(join: Join, seen: Connection) -> None:
    first, second = join(), join()
    lost = first.step().shards
    second.step()
    _expire(seen, first)
    taken = second.step().shards
    assert {shard: taken[shard] for shard in lost} == dict.fromkeys(lost, 2)
    with pytest.raises(LapsedError):
        first.step()
    first.join(SHARDS)
    assert first.step().shards == {}


def test_who_is_late_but_was_not_ended_renews(join: Join, seen: Connection) -> None:
    first = join()
    held = first.step().shards
    _expire(seen, first)
    assert first.step().shards == held


def test_unconnected_process_ends_nobody(join: Join, seen: Connection, postgres_url: str) -> None:
    """After a server outage, holders of shards can renew before others take them."""
    first = join()
    held = first.step().shards
    _expire(seen, first)
    late = Leases(postgres_url, seconds=LONG, name=_name())
    try:
        late.join(SHARDS)
        assert late.step().shards == {}
    finally:
        late.close()
    assert first.step().shards.keys() <= held.keys()


def test_who_was_late_ends_others_only_after_a_while(postgres_url: str, seen: Connection) -> None:
    """The database hung, so everybody was late, and nobody is dead."""
    members = [Leases(postgres_url, seconds=LONG, patience=0.3, name=_name()) for _ in range(3)]
    first = members[0]
    for member in members:
        member.join(SHARDS)
    held = [member.step().shards for member in members]
    time.sleep(0.4)
    for member in members:
        _expire(seen, member)
    assert [member.step().shards for member in members] == held
    # What dies meanwhile is ended later.
    _expire(seen, members[1])
    assert first.step().processes == 3
    time.sleep(0.4)
    assert first.step().processes == 2
    for member in members:
        member.close()


def test_a_transaction_of_who_is_ended_is_undone(join: Join, seen: Connection) -> None:
    first, second = join(), join()
    first.step()
    seen.run("create table kept (id int)")
    store = Connection(seen.url, SCHEMA, name=first.name)
    with pytest.raises(Exception, match="connection"), store.writing():  # noqa: PT012
        store.run("insert into kept (id) values (1)")
        _expire(seen, first)
        assert len(second.step().shards) == SHARDS
        store.run("insert into kept (id) values (2)")
    store.close()
    assert seen.rows("select id from kept") == []


def test_shard_count_changes_only_without_members(join: Join, postgres_url: str) -> None:
    first = join()
    other = Leases(postgres_url, seconds=LONG, name=_name())
    try:
        assert other.join(SHARDS + 2) == SHARDS
        first.leave()
        other.leave()
        assert other.join(SHARDS + 2) == SHARDS + 2
        assert len(other.step().shards) == SHARDS + 2
    finally:
        other.close()


@pytest.mark.parametrize("then", ["leave", "join"])
def test_ended_process_can_leave_and_join(join: Join, seen: Connection, then: str) -> None:
    first, second = join(), join()
    _expire(seen, first)
    second.step()
    if then == "leave":
        first.leave()
    else:
        first.join(SHARDS)
        assert first.step().processes == 2


def test_only_as_many_are_taken_as_may_begin(join: Join) -> None:
    first = join()
    assert [*first.step(most=1).shards] == [0]
    assert [*first.step(most=0).shards] == [0]
    assert [*first.step(most=2).shards] == [0, 1, 2]


def test_sessions_of_one_bucket_take_turns_over_all_processes(join: Join) -> None:
    first, second = join(), join()
    waits = [who.reserve_identify(0, 100) for who in (first, second, first)]
    assert waits[0] == 0
    assert [round(wait, -1) for wait in waits[1:]] == [100, 200]
    assert second.reserve_identify(1, 100) == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "step", "step", "step", "expire", "leave", "ready", "give back"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def shared_url(postgres: Cluster) -> Iterator[str]:
    url = postgres.empty()
    yield url
    postgres.drop(url)


@given(steps=_STEPS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shard_has_one_holder_an_epoch(shared_url: str, steps: list[tuple[str, int]]) -> None:
    """In any history, two processes never believe to hold the same shard."""
    members = [_member(shared_url) for _ in range(4)]
    seen = Connection(shared_url, SCHEMA)
    claims: dict[tuple[int, int], str] = {}
    try:
        for action, number in steps:
            member = members[number]
            _act(seen, member, action, claims)
        _settled(seen, members, claims)
    finally:
        for member in members:
            member.leave()
            member.close()
        seen.close()


def _act(seen: Connection, member: Leases, action: str, claims: dict[tuple[int, int], str]) -> None:
    if action == "join" or not member.id:
        member.join(SHARDS)
    elif action == "expire":
        _expire(seen, member)
    elif action == "leave":
        member.leave()
    else:
        _step(member, action, claims)


def _step(member: Leases, action: str, claims: dict[tuple[int, int], str]) -> None:
    try:
        standing = member.step()
    except LapsedError:
        return
    for claim in standing.shards.items():
        assert claims.setdefault(claim, member.id) == member.id
    if action == "ready":
        for shard in standing.shards:
            member.mark_ready(shard)
    elif action == "give back" and standing.surplus is not None:
        member.give_back(standing.surplus)


def _settled(seen: Connection, members: list[Leases], claims: dict[tuple[int, int], str]) -> None:
    """In the end every shard has a holder, in about equal shares."""
    for member in members:
        member.join(SHARDS)
    for _ in range(SHARDS * 2):
        for member in members:
            _step(member, "ready", claims)
            _step(member, "give back", claims)
    by_holder = [holder for holder, _ in _held(seen).values()]
    assert {by_holder.count(member.id) for member in members} == {SHARDS // len(members)}


def test_threads_that_step_at_once_share_nothing(postgres_url: str) -> None:
    claims: list[tuple[int, int]] = []

    def work() -> None:
        leases = _member(postgres_url)
        leases.join(SHARDS)
        for _ in range(12):
            before = {*leases.step().shards.items()}
            claims.extend(before)
            leases.leave()
            leases.join(SHARDS)
        leases.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claims
    assert len(claims) == len(set(claims))


_HOLDING = """
import sys
from knowledge.store.postgres.leases import Leases
leases = Leases(sys.argv[1], seconds=0.5)
leases.join(4)
print(len(leases.step().shards), flush=True)
sys.stdin.readline()
try:
    leases.step()
except Exception as error:
    print(type(error).__name__, flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_killed_or_stopped_process_loses_its_shards(postgres_url: str, how: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDING, postgres_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    other = _member(postgres_url)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "4\n"
        os.kill(holder.pid, how)
        other.join(SHARDS)
        while len(other.step().shards) < SHARDS:
            pass
        os.kill(holder.pid, signal.SIGCONT)
        said, _ = holder.communicate("go on\n")
        assert said == ("" if how is signal.SIGKILL else "LapsedError\n")
        assert len(other.step().shards) == SHARDS
    finally:
        holder.kill()
        holder.wait()
        other.close()


# Leader election and fencing: only the leader and live members write.


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
