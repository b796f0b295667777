"""The request by which `doctor` finds out whether the endpoint can be used."""

import asyncio

import pytest

from bot.config.sections import PhrasingSettings
from bot.phrasing.endpoint_trial import problem
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    fails,
    says,
    says_as,
)

# Nothing listens there.
NOWHERE = PhrasingSettings(mode="choose", url="http://127.0.0.1:9/v1", model="m")


def _settings(scripted: ScriptedEndpoint) -> PhrasingSettings:
    return PhrasingSettings(mode="choose", url=scripted.url, model=MODEL, seconds=60)


async def test_an_endpoint_that_answers_is_sound(scripted: ScriptedEndpoint) -> None:
    scripted.will(says('{"sentences": ["1.1"], "answers": true}'))
    assert await asyncio.to_thread(problem, _settings(scripted), KEY) == ""


@pytest.mark.parametrize(
    ("does", "told"),
    [(fails(401), "answered 401"), (says_as("text/html", "<html>"), "not JSON")],
)
async def test_one_that_does_not_is_told_with_the_settings_to_look_at(
    scripted: ScriptedEndpoint, does: Behaviour, told: str
) -> None:
    scripted.will(does)
    found = await asyncio.to_thread(problem, _settings(scripted), KEY)
    assert told in found
    assert "`phrasing.url`" in found
    assert KEY not in found


@pytest.mark.parametrize(("key", "told"), [("", "can't be connected to"), ("two words", "key")])
def test_what_can_not_be_asked_at_all_is_told(key: str, told: str) -> None:
    assert told in problem(NOWHERE, key)
