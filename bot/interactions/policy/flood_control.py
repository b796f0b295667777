"""Flood control of questions: token buckets by member and guild, one waiting question a member.

Checked before anything is looked up, so that a flood costs nothing. A member's own bucket comes
first: what one member sends too fast takes nothing from the others of the guild. A member who is
refused counts as told until they have been quiet for as long as their bucket takes to fill: a
message that mentions the bot is then met with silence. An interaction never is.

Errors:
    Exception
    └── TooFastError    the question is not taken; says whether the member is to be told
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

from bot.config.sections import QuestionSettings
from bot.interactions.services import Interaction

# Of so many members it is remembered that they were told; fifty bytes each.
_TOLD: Final = 10_000

_P = ParamSpec("_P")
_Self = TypeVar("_Self")
_Command = Callable[Concatenate[_Self, Interaction, _P], Coroutine[Any, Any, None]]


class Limit(StrEnum):
    """Which limit a question met."""

    MEMBER = "member"
    WAITING = "waiting"
    GUILD = "guild"
    QUOTA = "quota"


class TooFastError(Exception):
    """A question is not taken.

    `seconds` is when the next one will be, `told` whether the member knows that already.
    """

    def __init__(self, limit: Limit, seconds: int, *, told: bool) -> None:
        super().__init__(f"A question was not taken: the limit is that of the {limit.value}.")
        self.reason = limit
        self.seconds = seconds
        self.told = told


class FloodControl:
    """Who may ask now without the bot being flooded; what a server wants is in `admission`."""

    def __init__(
        self, settings: QuestionSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with full buckets; `clock` gives seconds."""
        self._clock = clock
        self._members = _buckets(settings.member_burst, settings.member_seconds)
        self._guilds = _buckets(settings.guild_burst, settings.guild_seconds)
        self._waiting: set[int] = set()
        self._told: TTLCache[int, bool] = TTLCache(_TOLD, settings.member_seconds, timer=clock)

    @contextmanager
    def admitted(self, member_id: int, guild_id: int | None) -> Iterator[None]:
        """Take a question of a member, which waits until the context ends.

        Raises:
            TooFastError: if it is not taken.
        """
        if member_id in self._waiting:
            raise self._refused(member_id, Limit.WAITING, 1)
        self.take(member_id, guild_id)
        self._waiting.add(member_id)
        try:
            yield
        finally:
            self._waiting.discard(member_id)

    def take(self, member_id: int, guild_id: int | None) -> None:
        """Take a question of a member, who may have others waiting.

        Raises:
            TooFastError: if it is not taken.
        """
        for limit, buckets, key in (
            (Limit.MEMBER, self._members, member_id),
            (Limit.GUILD, self._guilds, guild_id),
        ):
            if buckets is None or key is None:
                continue
            wait = buckets.update_rate_limit(key, self._clock())
            if wait is not None:
                raise self._refused(member_id, limit, math.ceil(wait))

    def used_up(self, member_id: int, seconds: int) -> TooFastError:
        """The error of a member who has no questions left for so many seconds."""
        return self._refused(member_id, Limit.QUOTA, seconds)

    def _refused(self, member_id: int, limit: Limit, seconds: int) -> TooFastError:
        told = member_id in self._told
        # Anew each time: who goes on is not told again.
        self._told[member_id] = True
        return TooFastError(limit, max(seconds, 1), told=told)


def _buckets(burst: int, seconds: int) -> CooldownMapping[int] | None:
    return CooldownMapping(Cooldown(burst, seconds), int) if burst else None


def unless_too_fast(callback: _Command[_Self, _P]) -> _Command[_Self, _P]:
    """Decorate a command that takes a question; a member who asks too fast is told each time."""

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
