"""Limits of members: how much each may ask and propose, by role and tenure; when they can go on.

Values, and what follows from them alone. The most generous rule of a member's roles holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

# As many as somebody may choose, of questions, notes or days.
MOST: Final = 3_650


@dataclass(frozen=True, slots=True)
class Quota:
    """How many there may be in any hour, and in any day; 0 is any number."""

    hour: int = 0
    day: int = 0

    @property
    def is_any(self) -> bool:
        """Whether there may be any number."""
        return not (self.hour or self.day)

    def wait(self, times: Sequence[datetime], now: datetime) -> datetime | None:
        """When the next one is allowed, after those at these times; None if that is now."""
        windows = ((self.hour, HOUR), (self.day, DAY))
        free = [
            # As many fit into the window as are left in it when the oldest of the last goes.
            counted[-number] + window
            for number, window in windows
            if number
            and len(counted := sorted(one for one in times if now - window < one <= now)) >= number
        ]
        return max(free, default=None)


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Who is new: an account of fewer days, or fewer days on the server; 0 days make nobody so.

    They may propose so many `notes` a day; 0: none until they are new no more.
    """

    account_days: int = 0
    member_days: int = 0
    notes: int = 0

    def until(self, account_at: datetime, joined_at: datetime | None) -> datetime:
        """Until when somebody is new whose account is from then, and who joined then."""
        account = account_at + timedelta(days=self.account_days)
        if joined_at is None:
            return account
        return max(account, joined_at + timedelta(days=self.member_days))


@dataclass(frozen=True, slots=True)
class Limits:
    """What is chosen in a guild, by role; where nothing is, what the operator chose holds."""

    questions: Mapping[int, Quota] = field(default_factory=dict)
    notes: Mapping[int, Quota] = field(default_factory=dict)
    newcomers: Newcomers | None = None

    def with_role(self, role_id: int, questions: Quota | None, notes: Quota | None) -> Self:
        """These with a role's quotas in place of its last ones; None leaves what there is."""
        return replace(
            self,
            questions=_with(self.questions, role_id, questions),
            notes=_with(self.notes, role_id, notes),
        )

    def without_role(self, role_id: int) -> Self:
        return replace(
            self,
            questions={one: quota for one, quota in self.questions.items() if one != role_id},
            notes={one: quota for one, quota in self.notes.items() if one != role_id},
        )

    def written(self) -> str:
        """What `read` reads."""
        newcomers = self.newcomers
        return json.dumps(
            {
                "questions": {one: [each.hour, each.day] for one, each in self.questions.items()},
                "notes": {one: [each.hour, each.day] for one, each in self.notes.items()},
                "newcomers": newcomers
                and [newcomers.account_days, newcomers.member_days, newcomers.notes],
            }
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` wrote; of nothing, no limits.

        Raises:
            ValueError, TypeError: if it is something else.
        """
        kept: Any = json.loads(text or "{}")
        try:
            newcomers = kept.get("newcomers")
            return cls(
                _quotas(kept.get("questions", {})),
                _quotas(kept.get("notes", {})),
                Newcomers(*map(_amount, newcomers)) if newcomers else None,
            )
        except AttributeError as error:
            raise ValueError("limits are questions and notes by role") from error


def quota_of(chosen: Mapping[int, Quota], role_ids: Iterable[int], otherwise: Quota) -> Quota:
    """What somebody with these roles may: of every rule that applies, the most generous.

    `otherwise` is what holds where none does.
    """
    applying = [chosen[role_id] for role_id in role_ids if role_id in chosen]
    if not applying:
        return otherwise
    hours, days = ([each.hour for each in applying], [each.day for each in applying])
    return Quota(_most(hours), _most(days))


def _most(numbers: Sequence[int]) -> int:
    return max(numbers) if all(numbers) else 0


def _with(chosen: Mapping[int, Quota], role_id: int, quota: Quota | None) -> dict[int, Quota]:
    return {**chosen} if quota is None else {**chosen, role_id: quota}


def _quotas(kept: Mapping[str, Sequence[int]]) -> dict[int, Quota]:
    return {int(role_id): Quota(*map(_amount, pair)) for role_id, pair in kept.items()}


def _amount(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is no number of questions, notes or days")
    return value
