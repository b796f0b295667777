"""Flood control of questions: token buckets, and at most one waiting question per member.

The limits are checked before any lookup, so a flood costs nothing. The member's bucket is checked
before the guild's, so one member's flood takes nothing from other members. A refused member gets
one reply. Further mentions of the bot get no reply until the member was quiet for `member_seconds`.
An interaction always gets a reply.

Errors:
    Exception
    └── TooFastError    the question is refused
"""

import functools
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from cachetools import TTLCache
from discord.ext.commands import Cooldown, CooldownMapping

from bot.config.settings import QuestionSettings
from bot.interactions.services import Interaction

# The largest number of members remembered as told; fifty bytes each.
_TOLD: Final = 10_000

_P = ParamSpec("_P")
_Self = TypeVar("_Self")
_Command = Callable[Concatenate[_Self, Interaction, _P], Coroutine[Any, Any, None]]


class Limit(StrEnum):
    """The limit that refused a question."""

    MEMBER = "member"
    WAITING = "waiting"
    GUILD = "guild"
    QUOTA = "quota"


class TooFastError(Exception):
    """A question is refused for `seconds`; `told` says if another was shortly before."""

    def __init__(self, limit: Limit, seconds: int, *, told: bool) -> None:
        super().__init__(f"A question was not taken: the limit is that of the {limit.value}.")
        self.reason = limit
        self.seconds = seconds
        self.told = told


class FloodControl:
    """Flood control of all members and guilds, besides the servers' own limits."""

    def __init__(
        self, settings: QuestionSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with full buckets; `clock` gives seconds."""
        self._clock = clock
        self._members = _buckets(settings.member_burst, settings.member_seconds)
        self._guilds = _buckets(settings.guild_burst, settings.guild_seconds)
        self._waiting: set[int] = set()
        self._told: TTLCache[int, bool] = TTLCache(_TOLD, settings.member_seconds, timer=clock)

    @contextmanager
    def admitted(self, member_id: int, guild_id: int | None) -> Iterator[None]:
        if member_id in self._waiting:
            raise self._refusal(member_id, Limit.WAITING, 1)
        self.take(member_id, guild_id)
        self._waiting.add(member_id)
        try:
            yield
        finally:
            self._waiting.discard(member_id)

    def take(self, member_id: int, guild_id: int | None) -> None:
        """Count a question, without regard to waiting ones; TooFastError as in `admitted`."""
        for limit, buckets, key in (
            (Limit.MEMBER, self._members, member_id),
            (Limit.GUILD, self._guilds, guild_id),
        ):
            if buckets is None or key is None:
                continue
            wait = buckets.update_rate_limit(key, self._clock())
            if wait is not None:
                raise self._refusal(member_id, limit, math.ceil(wait))

    def used_up(self, member_id: int, seconds: int) -> TooFastError:
        return self._refusal(member_id, Limit.QUOTA, seconds)

    def _refusal(self, member_id: int, limit: Limit, seconds: int) -> TooFastError:
        told = member_id in self._told
        # Restarted by each refusal, so a member who goes on is not told again.
        self._told[member_id] = True
        return TooFastError(limit, max(seconds, 1), told=told)


def _buckets(burst: int, seconds: int) -> CooldownMapping[int] | None:
    return CooldownMapping(Cooldown(burst, seconds), int) if burst else None


def flood_controlled(callback: _Command[_Self, _P]) -> _Command[_Self, _P]:
    """Decorate a command that asks a question; a question asked too fast gets a refusal."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: Interaction, /, *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        bot = interaction.client
        try:
            with bot.flood_control.admitted(interaction.user.id, interaction.guild_id):
                await callback(self, interaction, *args, **kwargs)
        except TooFastError as error:
            # An exception would count as a failed command.
            await bot.explain(interaction, error)

    return wrapped
