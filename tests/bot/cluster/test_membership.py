"""Membership: shards follow their leases, and leases are trusted in time only."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from bot.cluster.membership import COUNTED_ON, Membership
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.leases import SCHEMA, Leases, Standing
from tests.postgres import Cluster

SECONDS = 3_600.0
SHARDS = 2


class Shards:
    """Connections of shards, none of them real."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.events: list[tuple[str, int]] = []

    async def launch(self, shard_id: int) -> None:
        self.open.add(shard_id)
        self.events.append(("launched", shard_id))

    async def close(self, shard_id: int) -> None:
        self.open.discard(shard_id)
        self.events.append(("closed", shard_id))


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Process:
    """One process, with its shards and its clock."""

    def __init__(self, url: str, name: str, leases: type[Leases] = Leases) -> None:
        self.shards, self.clock = Shards(), Clock()
        self.membership = Membership(
            lambda: leases(url, seconds=SECONDS, patience=0, name=name),
            launch=self.shards.launch,
            close=self.shards.close,
            seconds=SECONDS,
            clock=self.clock,
        )
        self.membership.sessions_at_once = SHARDS

    async def step(self) -> None:
        await self.membership.step()
        # Shards are launched in tasks of their own.
        await asyncio.gather(*self.membership._launching.values())


@pytest.fixture
async def made(postgres_url: str) -> AsyncIterator[Callable[[str], Process]]:
    opened: list[Process] = []

    def make(name: str) -> Process:
        opened.append(Process(postgres_url, name))
        return opened[-1]

    yield make
    for process in opened:
        await process.membership.end()


async def _joined(process: Process) -> Process:
    await process.membership.join(SHARDS)
    await process.step()
    return process


async def test_a_held_shard_is_launched(made: Callable[[str], Process]) -> None:
    process = await _joined(made("one"))
    assert process.shards.open == process.membership.held == {0, 1}
    process.clock.seconds += SECONDS * COUNTED_ON - 1
    assert process.membership.valid
    process.clock.seconds += 1
    assert not process.membership.valid
    assert process.membership.held == frozenset()


async def test_who_could_not_renew_in_time_closes_its_shards(
    made: Callable[[str], Process], postgres: Cluster, postgres_url: str
) -> None:
    process = await _joined(made("one"))
    process.membership.begin()
    postgres.execute("alter database " + _name(postgres_url) + " allow_connections false")
    postgres.cut(postgres_url)
    process.clock.seconds += SECONDS
    await _until(lambda: not process.shards.open)
    await _until(lambda: process.membership.problem != "")
    postgres.execute("alter database " + _name(postgres_url) + " allow_connections true")
    await _until(lambda: process.shards.open == {0, 1})
    assert process.membership.valid


async def _until(look: Callable[[], bool]) -> None:
    while not look():  # noqa: ASYNC110 - what a thread does sets no event
        await asyncio.sleep(0.01)


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


async def test_an_ended_member_closes_its_shards(
    made: Callable[[str], Process], postgres_url: str
) -> None:
    first, second = await _joined(made("one")), made("two")
    before = first.membership.id
    seen = Connection(postgres_url, SCHEMA)
    seen.run("update processes set until = 'epoch'")
    seen.close()
    await _joined(second)
    assert second.shards.open == {0, 1}
    first.shards.events.clear()
    await first.step()
    assert first.shards.events == [("closed", 0), ("closed", 1)]
    assert not first.membership.valid
    assert first.membership.id not in {"", before}
    await first.step()
    assert first.shards.open == set()


async def test_surplus_shards_close_before_another_gets_them(
    made: Callable[[str], Process],
) -> None:
    first, second = await _joined(made("one")), made("two")
    for shard in range(SHARDS):
        await first.membership.ready(shard)
    await _joined(second)
    assert second.shards.open == set()
    await first.step()
    assert first.shards.events[-1] == ("closed", 1)
    await second.step()
    assert (first.shards.open, second.shards.open) == ({0}, {1})


async def test_expired_leases_are_not_used_after_an_outage(postgres_url: str) -> None:
    hanging = SECONDS

    class HangingLeases(Leases):
        def step(self, most: int = 1_000) -> Standing:
            standing = super().step(most)
            process.clock.seconds += hanging
            return standing

    process = Process(postgres_url, "one", HangingLeases)
    await _joined(process)
    assert process.shards.events == []
    assert not process.membership.valid
    hanging = 0.0
    await process.step()
    assert process.shards.open == {0, 1}
    await process.membership.end()


async def test_no_more_are_taken_than_may_begin(made: Callable[[str], Process]) -> None:
    process = made("one")
    process.membership.sessions_left = 0
    await _joined(process)
    assert process.shards.open == set()
    process.membership.sessions_left = process.membership.sessions_at_once = 1
    await process.step()
    assert process.shards.open == {0}


async def test_who_leaves_hands_over_at_once(made: Callable[[str], Process]) -> None:
    first, second = await _joined(made("one")), made("two")
    await first.membership.end()
    assert not first.membership.valid
    await _joined(second)
    assert second.shards.open == {0, 1}
