"""For a minute after the database was there for the last time, what was read of it is known."""

import pytest

from bot.answers.outage import SECONDS, Outage
from knowledge.store.database import DatabaseAwayError


def test_an_outage_is_short_for_a_minute() -> None:
    now = [5.0]
    outage = Outage(lambda: now[0])
    now[0] += SECONDS - 1
    assert outage.is_short
    outage.record_contact()
    now[0] += SECONDS - 1
    assert outage.is_short
    now[0] += 1
    assert not outage.is_short


def test_the_last_value_is_given_only_where_bridged() -> None:
    outage, values, rows = Outage(), dict[str, int](), [1, 2, 3]
    assert outage.last_known(values, "a", lambda: rows.pop(0)) == 1
    assert outage.last_known(values, "a", lambda: rows.pop(0)) == 2
    with outage.bridge():
        assert outage.last_known(values, "a", lambda: rows.pop(0)) == 2
        with pytest.raises(DatabaseAwayError):
            outage.last_known(values, "b", lambda: rows.pop(0))
    assert outage.last_known(values, "a", lambda: rows.pop(0)) == 3


def test_a_failed_question_bridges_nothing_later() -> None:
    outage = Outage()
    with pytest.raises(ValueError, match="bad"), outage.bridge():
        raise ValueError("bad")
    assert not outage.bridged
