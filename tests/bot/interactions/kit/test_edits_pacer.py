"""Edits of a channel go one a second, those of others at once."""

import asyncio

from bot.interactions.kit.edits import PAUSE_SECONDS, EditPacer


class Time:
    """A clock that goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_channels_edits_are_a_second_apart() -> None:
    time = Time()
    pacer = EditPacer(time.clock, time.sleep)
    await asyncio.gather(*(pacer.turn(7) for _ in range(4)))
    assert time.slept == [PAUSE_SECONDS, 2 * PAUSE_SECONDS, 3 * PAUSE_SECONDS]


async def test_other_and_later_channels_do_not_wait() -> None:
    time = Time()
    pacer = EditPacer(time.clock, time.sleep)
    await pacer.turn(7)
    await pacer.turn(8)
    time.now += PAUSE_SECONDS
    await pacer.turn(7)
    assert time.slept == []
