"""Service of `/leaderboard` and `/stats`. Runs in the worker's thread."""

from datetime import datetime
from typing import Final

from bot.answers.outcome import FURTHER_SHARE
from bot.core.core import Core
from knowledge.store.notes.credit import Activity, Contributor

MOST_QUOTED: Final = 3


def contributors(
    core: Core, guild_id: int, since: datetime | None, quotes: int
) -> list[Contributor]:
    return core.store.credit.contributors(guild_id, since, quotes, FURTHER_SHARE)


def activity(core: Core, guild_id: int) -> Activity:
    open_questions = core.store.gaps.number_open(guild_id)
    return core.store.credit.activity(guild_id, open_questions, MOST_QUOTED)
