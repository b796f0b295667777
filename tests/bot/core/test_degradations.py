"""Degradations: one log line each, and a reason until the part works again."""

import logging

import pytest

from bot.core.degradations import Degradations


def test_a_missing_part_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.core.degradations")
    found = Degradations()
    assert found.reasons() == ()
    found.leave_out("phrasing", "It is slow.")
    found.leave_out("phrasing", "It is gone.")
    assert found.reasons() == ("It is gone.",)
    assert caplog.messages == ["Answers are given without phrasing: It is slow."]
    found.restore("phrasing")
    found.restore("phrasing")
    assert found.reasons() == ()
    assert caplog.messages[1:] == ["Phrasing works again."]


def test_each_part_has_a_reason_of_its_own() -> None:
    found = Degradations()
    found.leave_out("phrasing", "It is slow.")
    found.leave_out("ocr", "It is missing.")
    found.restore("phrasing")
    assert found.reasons() == ("It is missing.",)
