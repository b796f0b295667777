"""Limits for members' questions and notes, by role and tenure.

The most generous rule among a member's roles applies.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

# The largest number of questions, notes or days in a setting.
MOST: Final = 3_650


@dataclass(frozen=True, slots=True)
class Quota:
    """The largest number of questions or notes in an hour and in a day; 0 is unlimited."""

    hour: int = 0
    day: int = 0

    @property
    def is_unlimited(self) -> bool:
        return not (self.hour or self.day)

    def wait(self, earlier: Sequence[datetime], now: datetime) -> datetime | None:
        """When the next question or note is allowed, given the times `earlier`; None if now."""
        windows = ((self.hour, HOUR), (self.day, DAY))
        free = [
            # A question or note is allowed once this earlier one leaves the window.
            counted[-number] + window
            for number, window in windows
            if number
            and len(counted := sorted(at for at in earlier if now - window < at <= now)) >= number
        ]
        return max(free, default=None)


@dataclass(frozen=True, slots=True)
class Newcomers:
    """The rule for new members: at most `notes` notes a day; 0 allows none.

    Members are new until the account is `account_days` old and the membership `member_days`. With
    0 days for both, nobody is new.
    """

    account_days: int = 0
    member_days: int = 0
    notes: int = 0

    def until(self, account_at: datetime, joined_at: datetime | None) -> datetime:
        """The time at which a member stops being new; `joined_at` is None if it is unknown."""
        account = account_at + timedelta(days=self.account_days)
        if joined_at is None:
            return account
        return max(account, joined_at + timedelta(days=self.member_days))


@dataclass(frozen=True, slots=True)
class Limits:
    """A guild's limits by role."""

    questions: Mapping[int, Quota] = field(default_factory=dict)
    notes: Mapping[int, Quota] = field(default_factory=dict)
    newcomers: Newcomers | None = None

    def with_role(self, role_id: int, questions: Quota | None, notes: Quota | None) -> Self:
        """A copy with a role's quotas replaced; None leaves a quota as it is."""
        asked, written = ({} if quota is None else {role_id: quota} for quota in (questions, notes))
        return replace(self, questions={**self.questions, **asked}, notes={**self.notes, **written})

    def without_role(self, role_id: int) -> Self:
        return replace(
            self,
            questions={role: quota for role, quota in self.questions.items() if role != role_id},
            notes={role: quota for role, quota in self.notes.items() if role != role_id},
        )

    def serialize(self) -> str:
        newcomers = self.newcomers
        return json.dumps(
            {
                "questions": {role: [of.hour, of.day] for role, of in self.questions.items()},
                "notes": {role: [of.hour, of.day] for role, of in self.notes.items()},
                "newcomers": newcomers
                and [newcomers.account_days, newcomers.member_days, newcomers.notes],
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a text from `serialize`; an empty text stands for a guild that has chosen nothing.

        Raises ValueError or TypeError if the text is malformed.
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


def quota_of(chosen: Mapping[int, Quota], role_ids: Iterable[int]) -> Quota:
    """The most generous quota for these roles; unlimited if no role has a quota."""
    applying = [chosen[role_id] for role_id in role_ids if role_id in chosen]
    if not applying:
        return Quota()
    hours, days = ([quota.hour for quota in applying], [quota.day for quota in applying])
    return Quota(max(hours) if all(hours) else 0, max(days) if all(days) else 0)


def _quotas(kept: Mapping[str, Sequence[int]]) -> dict[int, Quota]:
    return {int(role_id): Quota(*map(_amount, pair)) for role_id, pair in kept.items()}


def _amount(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is no number of questions, notes or days")
    return value
