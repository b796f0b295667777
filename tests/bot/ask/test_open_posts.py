"""The time for a ping of the helpers, and for the question whether a post is solved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.ask.open_posts import QUIET, Step, first_look, next_step
from knowledge.values.questions import HelpedQuestion, PostState
from knowledge.values.settings import EffectiveSettings, SolvedPosts

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POST = HelpedQuestion(7, 1, 2, 3, True, AT, AT)
PINGED = replace(POST, post_state=PostState.PINGED)
OFF = EffectiveSettings()
PING = EffectiveSettings(ping_hours=8)
ASK = EffectiveSettings(solved_posts=SolvedPosts.LOCK)
BOTH = EffectiveSettings(ping_hours=8, solved_posts=SolvedPosts.ASK)


@pytest.mark.parametrize(
    ("post", "settings", "age", "answered", "expected"),
    [
        pytest.param(POST, PING, 7 * HOUR, False, (Step.WAIT, 8 * HOUR), id="too early to ping"),
        pytest.param(POST, PING, 8 * HOUR, False, Step.PING, id="unanswered"),
        pytest.param(POST, PING, 8 * HOUR, True, Step.END, id="answered, and nobody is asked"),
        pytest.param(PINGED, PING, 9 * HOUR, False, Step.END, id="pinged once"),
        pytest.param(POST, ASK, 8 * HOUR, False, (Step.WAIT, 9 * HOUR), id="waits for an answer"),
        pytest.param(
            PINGED, BOTH, 16 * HOUR, False, (Step.WAIT, 18 * HOUR), id="waits after the ping"
        ),
        pytest.param(POST, BOTH, HOUR, True, (Step.WAIT, QUIET), id="answered just now"),
        pytest.param(POST, BOTH, QUIET, True, Step.ASK, id="answered and quiet"),
    ],
)
def test_a_post_gets_one_step_at_its_time(
    post: HelpedQuestion,
    settings: EffectiveSettings,
    age: timedelta,
    answered: bool,
    expected: Any,
) -> None:
    step, due = next_step(post, settings, AT + age, answered=answered, quiet_since=AT)
    if isinstance(expected, tuple):
        assert (step, due - AT) == expected
    else:
        assert step is expected


@pytest.mark.parametrize(
    ("post", "settings", "wait"),
    [
        (POST, OFF, None),
        (POST, PING, 8 * HOUR),
        (PINGED, PING, None),
        (POST, BOTH, QUIET),
        (replace(POST, look_at=AT + HOUR), BOTH, HOUR),
        (replace(POST, post_state=PostState.SOLVED), OFF, timedelta()),
    ],
)
def test_no_step_sends_none(
    post: HelpedQuestion, settings: EffectiveSettings, wait: timedelta | None
) -> None:
    first = first_look(post, settings)
    assert (first and first - AT) == wait
