"""Messages of `/limits`. Pure."""

from collections.abc import Mapping
from typing import Final

from bot.text.languages import Plural, Sentence
from knowledge.values.guilds import Language
from knowledge.values.quotas import Limits, Newcomers, Quota

_MODERATORS: Final = Sentence(
    "-# For members with several roles, the most generous limit counts. Moderators have no limits."
)
_QUESTIONS: Final = Sentence("**Questions**: {limits}")
_NOTES: Final = Sentence("**Notes**: {limits}")
_EVERYBODY: Final = Sentence("everyone {quota}")
_ANY: Final = Sentence("no limit")
_HOUR: Final = Sentence("{hourly:,} an hour")
_DAY: Final = Sentence("{daily:,} a day")
_BOTH: Final = Sentence("{hourly:,} an hour and {daily:,} a day")
_NEWCOMERS: Final = Sentence("**New members** ({who}): {notes}")
_ACCOUNT: Final = Plural(
    "account younger than {number:,} day",
    "account younger than {number:,} days",
)
_JOINED: Final = Plural(
    "joined less than {number:,} day ago", "joined less than {number:,} days ago"
)
_OR: Final = Sentence("{first} or {second}")
_NONE_YET: Final = Sentence("no notes")
_FEWER: Final = Plural("{number:,} note a day", "{number:,} notes a day")


def limits(chosen: Limits, guild_id: int, language: Language = Language.ENGLISH) -> str:
    """List a guild's limits."""
    lines = [
        label(language, limits=_by_role(quotas, guild_id, language))
        for label, quotas in ((_QUESTIONS, chosen.questions), (_NOTES, chosen.notes))
    ]
    newcomers = chosen.newcomers
    if newcomers and (newcomers.account_days or newcomers.member_days):
        lines.append(_newcomers(newcomers, language))
    return "\n".join([*lines, _MODERATORS(language)])


def _by_role(quotas: Mapping[int, Quota], guild_id: int, language: Language) -> str:
    return " · ".join(
        _EVERYBODY(language, quota=_quota(quota, language))
        if role_id == guild_id
        else f"<@&{role_id}> {_quota(quota, language)}"
        for role_id, quota in {guild_id: Quota(), **quotas}.items()
    )


def _quota(quota: Quota, language: Language) -> str:
    if quota.is_unlimited:
        return _ANY(language)
    if quota.hour and quota.day:
        return _BOTH(language, hourly=quota.hour, daily=quota.day)
    return _HOUR(language, hourly=quota.hour) if quota.hour else _DAY(language, daily=quota.day)


def _newcomers(newcomers: Newcomers, language: Language) -> str:
    parts = [
        phrase(days, language)
        for days, phrase in ((newcomers.account_days, _ACCOUNT), (newcomers.member_days, _JOINED))
        if days
    ]
    who = parts[0] if len(parts) == 1 else _OR(language, first=parts[0], second=parts[1])
    notes = _FEWER(newcomers.notes, language) if newcomers.notes else _NONE_YET(language)
    return _NEWCOMERS(language, who=who, notes=notes)
