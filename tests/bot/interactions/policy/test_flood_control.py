"""Token buckets of questions, on a clock that the tests turn."""

import pytest

from bot.config.settings import QuestionSettings
from bot.interactions.policy.flood_control import FloodControl, Limit, TooFastError

GUILD = 5


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits(clock: Clock, **chosen: int) -> FloodControl:
    return FloodControl(QuestionSettings(**chosen), clock)


def ask(limits: FloodControl, member_id: int, guild_id: int | None = GUILD) -> TooFastError | None:
    try:
        with limits.admitted(member_id, guild_id):
            return None
    except TooFastError as error:
        return error


def test_a_flooder_is_told_once_until_quiet(clock: Clock) -> None:
    asked = limits(clock, member_burst=5)
    refusals = []
    # 20 a second for a minute.
    for _ in range(1_200):
        clock.now += 0.05
        refusals.append(ask(asked, 1))

    assert sum(refusal is None for refusal in refusals) <= 5 * (60 / 15 + 1)
    assert sum(refusal is not None and not refusal.told for refusal in refusals) == 1
    clock.now += 16
    assert ask(asked, 1) is None


def test_who_was_quiet_is_told_again(clock: Clock) -> None:
    asked = limits(clock, member_burst=1)
    ask(asked, 1)
    first = ask(asked, 1)
    clock.now += 16
    ask(asked, 1)
    again = ask(asked, 1)

    assert first is not None
    assert again is not None
    assert (first.told, again.told) == (False, False)
    assert (first.reason, first.seconds) == (Limit.MEMBER, 15)


def test_what_one_member_sends_too_fast_takes_nothing_from_the_others(clock: Clock) -> None:
    asked = limits(clock, member_burst=5)
    for _ in range(1_000):
        ask(asked, 1)

    assert [ask(asked, member) for member in range(2, 7)] == [None] * 5


def test_a_guild_has_one_bucket_for_members(clock: Clock) -> None:
    asked = limits(clock, member_burst=1)
    assert [ask(asked, member) for member in range(10)] == [None] * 10

    refusal = ask(asked, 10)

    assert refusal is not None
    assert refusal.reason is Limit.GUILD
    assert ask(asked, 11, GUILD + 1) is None
    assert ask(asked, 12, None) is None


def test_a_member_has_one_question_waiting(clock: Clock) -> None:
    asked = limits(clock)
    with asked.admitted(1, GUILD):
        refusal = ask(asked, 1)
        assert ask(asked, 2) is None

    assert refusal is not None
    assert refusal.reason is Limit.WAITING
    assert ask(asked, 1) is None


def test_a_question_that_failed_waits_no_longer(clock: Clock) -> None:
    asked = limits(clock)
    with pytest.raises(KeyError), asked.admitted(1, GUILD):
        raise KeyError

    assert ask(asked, 1) is None


def test_limits_of_nought_are_none(clock: Clock) -> None:
    asked = limits(clock, member_burst=0)

    assert [ask(asked, 1) for _ in range(500)] == [None] * 500
