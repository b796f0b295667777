"""The rate limit of IDENTIFY, on a clock that only waiting moves."""

import asyncio
import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.process.connection import UnreachableError
from bot.process.identify_limit import SECONDS, IdentifyLimit


def _limits(max_concurrency: int, remaining: int = 1_000) -> dict[str, int]:
    return {
        "total": 1_000,
        "remaining": remaining,
        "reset_after": 90_000,
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


@given(
    shards=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    max_concurrency=st.sampled_from([1, 2, 16]),
)
def test_no_two_shards_of_a_bucket_begin_within_five_seconds(
    shards: list[int], max_concurrency: int
) -> None:
    """All at once, as after an outage; some shards more than once."""
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.allow(1, **_limits(max_concurrency))
    began: defaultdict[int, list[float]] = defaultdict(list)

    async def begin(shard: int) -> None:
        await limit.wait(shard)
        began[shard % max_concurrency].append(clock.seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*map(begin, shards))

    asyncio.run(all_of_them())
    assert sum(map(len, began.values())) == len(shards)
    for times in began.values():
        assert all(b - a >= SECONDS for a, b in itertools.pairwise(times))


def test_the_first_shard_of_each_bucket_waits_for_nobody() -> None:
    clock = _Clock()
    limit = IdentifyLimit(clock.now, clock.sleep)
    limit.allow(16, **_limits(16))

    async def all_of_them() -> None:
        for shard in range(16):
            await limit.wait(shard)

    asyncio.run(all_of_them())
    assert clock.seconds == 100.0


@pytest.mark.parametrize("remaining", [0, 3])
def test_a_bot_with_more_shards_than_sessions_are_left_says_when_to_start_it(
    remaining: int,
) -> None:
    """To go on would cost it its token."""
    IdentifyLimit().allow(remaining, **_limits(1, remaining))
    with pytest.raises(UnreachableError, match=f"{remaining} more times .* 2 minutes"):
        IdentifyLimit().allow(4, **_limits(1, remaining))
