"""Waits between one shard's connections, by a clock that a test sets."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.interactions.kit.connection_backoff import (
    LONG_SECONDS,
    SHORT_SECONDS,
    STEADY_SECONDS,
    ConnectionBackoff,
    connection_seconds,
    identify_seconds,
)

THREE_HOURS = 10_800.0
# A share of the way from the least to the most that a wait can be.
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@dataclass
class Shard:
    """A shard whose connections take no time, on a clock of its own."""

    shares: list[float] = field(default_factory=lambda: [1.0])
    seconds: float = 0.0
    began: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        shares = itertools.cycle(self.shares)
        self.backoff = ConnectionBackoff(
            lambda: self.seconds, lambda least, most: least + (most - least) * next(shares)
        )

    def connect(self, *, identifies: bool = False) -> float:
        """Wait as long as it takes, and connect; returns how long that was."""
        self.backoff.end()
        waited = self.backoff.delay(identifies=identifies)
        self.seconds += waited
        self.began.append(self.seconds)
        self.backoff.begin(identifies=identifies)
        return waited

    def connected_for(self, seconds: float) -> None:
        self.backoff.ready()
        self.seconds += seconds


def test_waits_double_below_a_minute_twice() -> None:
    waits = [connection_seconds(number) for number in range(1, 50)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, SHORT_SECONDS]
    assert waits[33:39] == [SHORT_SECONDS, 110, 220, 440, LONG_SECONDS, LONG_SECONDS]
    waits = [identify_seconds(number) for number in range(1, 13)]
    assert waits[:5] == [5.5, 11, 22, 44, SHORT_SECONDS]
    assert waits[6:] == [SHORT_SECONDS, 110, 220, 440, LONG_SECONDS, LONG_SECONDS]
    assert connection_seconds(10**6) == identify_seconds(10**6) == LONG_SECONDS


@given(SHARES)
def test_whatever_the_jitter_three_hours_hold_few_connections(shares: list[float]) -> None:
    shard = Shard(shares)
    while shard.seconds <= THREE_HOURS:
        shard.connect()
    assert len(shard.began) <= 60


@given(SHARES)
def test_whatever_the_jitter_three_hours_hold_fewer_sessions(shares: list[float]) -> None:
    shard = Shard(shares)
    while shard.seconds <= THREE_HOURS:
        shard.connect(identifies=True)
    assert len(shard.began) <= 30


@given(SHARES, st.floats(0, 1_400))
def test_a_short_outage_costs_a_minute_at_most(shares: list[float], outage: float) -> None:
    shard = Shard(shares)
    while shard.seconds <= outage:
        shard.connect()
    assert shard.began[-1] - outage <= SHORT_SECONDS


@given(SHARES)
def test_connections_that_end_soon_are_no_good_ones(shares: list[float]) -> None:
    shard = Shard(shares)
    while shard.seconds <= THREE_HOURS:
        shard.connect()
        shard.connected_for(0.1)
    assert len(shard.began) <= 60


@pytest.mark.parametrize("identifies", [True, False])
def test_a_good_connection_is_renewed_at_once(identifies: bool) -> None:
    shard = Shard()
    assert shard.connect(identifies=True) == 0
    for _ in range(100):
        shard.connected_for(STEADY_SECONDS)
        assert shard.connect(identifies=identifies) == 0


def test_a_connection_is_good_as_long_as_it_lasted() -> None:
    """Not how long the next one had to wait."""
    shard = Shard()
    for _ in range(50):
        shard.connect(identifies=True)
    shard.connected_for(1)
    assert shard.connect(identifies=True) > STEADY_SECONDS
    assert shard.connect(identifies=True) == LONG_SECONDS


def test_a_session_cut_after_an_outage_resumes_soon() -> None:
    shard = Shard()
    for _ in range(50):
        shard.connect()
    shard.connected_for(1)
    assert shard.connect() <= 1


def test_another_cut_session_hastens_none() -> None:
    shard = Shard()
    for _ in range(7):
        shard.connect(identifies=True)
    shard.connected_for(1)
    assert shard.backoff.has_identified
    assert shard.connect(identifies=True) == SHORT_SECONDS - 1
