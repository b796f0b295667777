"""Shards: each guild belongs to one process."""

from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.processes import Shards


@given(
    guild_ids=st.sets(st.integers(0, (1 << 63) - 1)),
    count=st.integers(1, 64),
    ids=st.sets(st.integers(0, 63)),
)
def test_each_guild_is_of_one_shard(guild_ids: set[int], count: int, ids: set[int]) -> None:
    """Shards of two processes share no guild, and all shards together have every one."""
    mine = Shards(count, frozenset(ids))
    others = Shards(count, frozenset(range(count)) - frozenset(ids))
    assert all(mine.have(one) != others.have(one) for one in guild_ids)
