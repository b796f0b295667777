"""Rate limits of IDENTIFY, on a simulated clock."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.process.connections import ASK_SECONDS, SECONDS, IdentifyLimit
from bot.process.login import UnreachableError

RESET_SECONDS = 7_200.0


def _limits(max_concurrency: int, remaining: int = 1_000) -> dict[str, int]:
    return {
        "total": 1_000,
        "remaining": remaining,
        "reset_after": round(RESET_SECONDS * 1_000),
        "max_concurrency": max_concurrency,
    }


class _Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        end = self.seconds + seconds
        await asyncio.sleep(0)
        self.seconds = max(self.seconds, end)


async def _begin(limit: IdentifyLimit, shard: int, *, again: bool = False) -> None:
    async with limit.turn(shard, again=again):
        await limit.count(shard)


@given(
    shards=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    max_concurrency=st.sampled_from([1, 2, 16]),
)
def test_sessions_begin_five_seconds_apart(shards: list[int], max_concurrency: int) -> None:
    """All at once, as after an outage; some shards more than once."""
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.apply(1, **_limits(max_concurrency))
    began: defaultdict[int, list[float]] = defaultdict(list)

    async def begin(shard: int) -> None:
        async with limit.turn(shard, again=False):
            # Connecting takes a while, now more, now less.
            await clock.sleep(shard / 10)
            await limit.count(shard)
            began[shard % max_concurrency].append(clock.seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*map(begin, shards))

    asyncio.run(all_of_them())
    assert sum(map(len, began.values())) == len(shards)
    for times in began.values():
        # Sums of floats are less exact than that.
        assert all(b - a >= SECONDS - 1e-6 for a, b in itertools.pairwise(times)), times


def test_first_shard_of_each_bucket_begins_immediately() -> None:
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.apply(16, **_limits(16))

    async def all_of_them() -> None:
        for shard in range(16):
            await _begin(limit, shard)

    asyncio.run(all_of_them())
    assert clock.seconds == 100.0


def test_connection_that_fails_early_costs_no_session() -> None:
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.apply(1, **_limits(1, remaining=1))

    async def fail_and_begin() -> None:
        for _ in range(5):
            with pytest.raises(OSError, match="away"):
                async with limit.turn(0, again=False):
                    raise OSError("away")
        await _begin(limit, 0)

    asyncio.run(fail_and_begin())
    assert clock.seconds == 100.0


@pytest.mark.parametrize(("remaining", "times"), [(0, "times"), (1, "time"), (3, "times")])
def test_too_few_sessions_name_the_next_start(remaining: int, times: str) -> None:
    """More sessions would reset the token."""
    clock = _Clock()
    IdentifyLimit(clock.now).apply(remaining, **_limits(1, remaining))
    with pytest.raises(UnreachableError, match=f"{remaining} more {times}, .* 120 minutes"):
        IdentifyLimit(clock.now).apply(4, **_limits(1, remaining))


def test_concurrent_shards_keep_to_the_days_sessions() -> None:
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.apply(3, **_limits(16, remaining=3))
    began: list[float] = []

    async def begin(shard: int) -> None:
        async with limit.turn(shard, again=False):
            await clock.sleep(1)
            await limit.count(shard)
            began.append(clock.seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*map(begin, range(16)))

    asyncio.run(all_of_them())
    assert sum(at < 100 + RESET_SECONDS for at in began) == 3
    assert len(began) == 16


@pytest.mark.parametrize(("again", "waited"), [(False, 0.0), (True, RESET_SECONDS)])
def test_last_sessions_are_kept_for_new_shards(again: bool, waited: float) -> None:
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.apply(1, **_limits(1, remaining=100))
    asyncio.run(_begin(limit, 0, again=again))
    assert clock.seconds == 100 + waited
    assert limit.problem == ""


def test_held_shard_begins_once_discord_allows() -> None:
    clock = _Clock()
    said: list[str] = []
    answers = [{}, _limits(1, remaining=50), _limits(1, remaining=500)]

    async def ask() -> Mapping[str, int]:
        said.append(limit.problem)
        return answers.pop(0)

    async def sleep(seconds: float) -> None:
        said.append(limit.problem)
        await clock.sleep(seconds)

    limit = IdentifyLimit(clock.now, sleep, ask)
    limit.apply(1, **_limits(1, remaining=100))
    asyncio.run(_begin(limit, 0, again=True))
    assert answers == []
    assert clock.seconds == 100 + 3 * ASK_SECONDS
    assert (
        "Discord lets this bot begin 100 more sessions for now, so a shard waits 120 minutes."
        in said
    )


def test_session_limits_are_fetched_once_a_minute() -> None:
    clock = _Clock()
    asked: list[float] = []

    async def ask() -> Mapping[str, int]:
        asked.append(clock.seconds)
        return _limits(1)

    limit = IdentifyLimit(clock.now, clock.sleep, ask)

    async def all_of_them() -> None:
        await asyncio.gather(*(_begin(limit, shard, again=True) for shard in range(40)))

    asyncio.run(all_of_them())
    assert len(asked) == 4
    assert all(b - a >= ASK_SECONDS for a, b in itertools.pairwise(asked))
