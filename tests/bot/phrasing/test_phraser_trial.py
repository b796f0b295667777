"""The request by which `doctor` finds out whether the endpoint can be used."""

import asyncio

import pytest

from bot.config.sections import PhrasingSettings
from bot.phrasing.phraser import endpoint_problem
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


async def test_doctor_accepts_an_endpoint_that_replies(scripted: ScriptedEndpoint) -> None:
    scripted.will(says('{"sentences": ["1.1"], "answers": true}'))
    assert await asyncio.to_thread(endpoint_problem, _settings(scripted), KEY) == ""


@pytest.mark.parametrize(
    ("does", "told"),
    [(fails(401), "answered 401"), (says_as("text/html", "<html>"), "not JSON")],
)
async def test_doctor_names_the_settings_of_a_failing_endpoint(
    scripted: ScriptedEndpoint, does: Behaviour, told: str
) -> None:
    scripted.will(does)
    found = await asyncio.to_thread(endpoint_problem, _settings(scripted), KEY)
    assert told in found
    assert "`phrasing.url`" in found
    assert KEY not in found


@pytest.mark.parametrize(("key", "told"), [("", "can't be connected to"), ("two words", "key")])
def test_doctor_names_closed_port_and_invalid_key(key: str, told: str) -> None:
    assert told in endpoint_problem(NOWHERE, key)
