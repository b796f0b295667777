"""Questions, verdicts and overviews for tests of the overview."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bot.core.core import Core
from bot.statistics.overview import (
    DAYS,
    MOST_ASKED,
    MOST_DOUBTFUL,
    AskedOften,
    Day,
    Doubtful,
    Overview,
    SourceUse,
)
from knowledge.values.questions import Evidence, Feedback, Question, Verdict

NOW: Final = datetime(2026, 3, 30, 7, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
GUILD: Final = 10
CHANNEL: Final = 5
MANY: Final = 999_999
LONG: Final = "*_`[~<@&1>🦘|" * 400


def asked(core: Core, text: str, **changes: object) -> int:
    """Record a question of an hour ago; returns its id."""
    values: dict[str, object] = {
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "asker_id": 7,
        "evidence": Evidence.STRONG,
        "asked_at": NOW - HOUR,
        "generation": 1,
    }
    question = Question(id=0, text=text, **(values | changes))  # type: ignore[arg-type]
    return core.store.question_records.record([question])[0]


def found_unhelpful(core: Core, question_id: int, *members: int) -> None:
    for member_id in members:
        core.store.feedback_records.record(Feedback(question_id, member_id, Verdict.UNHELPFUL))


def full(text: str = LONG) -> Overview:
    """The largest possible overview."""
    each = dict.fromkeys(Evidence, MANY)
    first = date(2026, 3, 1)
    return Overview(
        tuple(Day(first + timedelta(days=number), each) for number in range(DAYS)),
        (AskedOften(text, MANY, each),) * MOST_ASKED,
        tuple(
            SourceUse(f"https://{number}.org/", MANY, MANY, MANY * (number % 2), MANY, text)
            for number in range(99)
        ),
        (Doubtful(text, MANY, MANY, text),) * MOST_DOUBTFUL,
    )


def small(text: str) -> Overview:
    """An overview of one day with one question."""
    one = {**dict.fromkeys(Evidence, 0), **Counter([Evidence.STRONG])}
    question = AskedOften(text, 1, one)
    return Overview((Day(NOW.date(), one),), (question,), (), ())
