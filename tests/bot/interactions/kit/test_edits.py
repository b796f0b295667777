"""Delayed edits: once, in time, and only of a message that still has its line."""

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.interactions.kit.edits import PAUSE_SECONDS, EditPacer, edit_once

LINE = "-# A language model may add to this until <t:1764115220:T>."


class Sent:
    """A sent message; its fields decide how Discord treats it."""

    channel_id = 7

    def __init__(self, text: str | None = f"An answer.\n{LINE}", lasts: int = 9) -> None:
        self.text = text
        self.lasts = lasts
        self.vanishes = False
        self.gone: discord.HTTPException | None = None
        self.looked = 0
        self.edits: list[dict[str, Any]] = []

    @property
    def is_over(self) -> bool:
        self.lasts -= 1
        return self.lasts < 0

    async def fetch(self) -> Any:
        self.looked += 1
        if self.gone is not None:
            raise self.gone
        return self.text and SimpleNamespace(content=self.text, components=[])

    async def edit(self, **shown: Any) -> None:
        if self.vanishes:
            raise _refusal(discord.NotFound, 404)
        self.edits.append(shown)


def _refusal(kind: type[discord.HTTPException], status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="No")
    return kind(response, {"code": 0, "message": "No"})


async def edited(sent: Sent) -> bool:
    return await edit_once(sent, EditPacer(), LINE, {"content": "Better."})


async def test_what_is_as_it_was_sent_is_edited() -> None:
    sent = Sent()
    assert await edited(sent)
    assert sent.edits == [{"content": "Better."}]


async def test_what_may_not_be_looked_at_is_edited() -> None:
    sent = Sent(text=None)
    assert await edited(sent)


@pytest.mark.parametrize("text", ["Something else.", f"It quotes “{LINE}”."])
async def test_what_says_something_else_is_left_alone(text: str) -> None:
    sent = Sent(text)
    assert not await edited(sent)
    assert sent.edits == []


@pytest.mark.parametrize("lasts", [0, 1])
async def test_an_expired_interaction_is_asked_nothing_more(lasts: int) -> None:
    sent = Sent(lasts=lasts)
    assert not await edited(sent)
    assert (sent.looked, sent.edits) == (lasts, [])


@pytest.mark.parametrize(
    ("kind", "status"), [(discord.NotFound, 404), (discord.DiscordServerError, 500)]
)
async def test_what_is_gone_or_can_not_be_reached_is_left(
    kind: type[discord.HTTPException], status: int
) -> None:
    sent = Sent()
    sent.gone = _refusal(kind, status)
    assert not await edited(sent)


async def test_what_is_deleted_at_that_moment_is_left() -> None:
    sent = Sent()
    sent.vanishes = True
    assert not await edited(sent)


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
