"""A plain answer is there at once, and is edited once with what a model made of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.config import Settings
from bot.phrasing_settings import PhrasingSettings
from knowledge.model.guilds import Phrasing
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    MODEL,
    ScriptedEndpoint,
    chooses,
    scripted_endpoint,
)
from tests.bot.world import TEXT, World, text_of

LINE = "-# phrasing…"
CHOSEN = f"-# Chosen by {MODEL.replace('-', chr(92) + '-')} from the quotes below, word for word."


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedEndpoint]:
    monkeypatch.setenv("PHRASING_KEY", KEY)
    async with scripted_endpoint() as made:
        yield made


@pytest.fixture
def phrasing(endpoint: ScriptedEndpoint) -> PhrasingSettings:
    return PhrasingSettings(mode="phrase", url=endpoint.url, model=MODEL)


@pytest.fixture
def settings(settings: Settings, phrasing: PhrasingSettings) -> Settings:
    return settings.model_copy(update={"phrasing": phrasing})


async def turn_on(world: World, mode: Phrasing = Phrasing.CHOOSE, **more: Any) -> None:
    """Have the administrators choose it, for the endpoint that there is."""
    changes = {"phrasing": mode, "phrasing_host": "127.0.0.1", **more}
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, changes, None, world.admin.id)
    )
    world.bot.guild_settings.forget(world.guild.id)


async def test_chosen_sentences_stand_above_the_quotations(
    world: World, endpoint: ScriptedEndpoint
) -> None:
    await turn_on(world)
    await world.publish()
    endpoint.always(chooses("Rua Augusta"))

    answered = await world.ask()
    await world.env.settle()

    text = text_of(answered.response)
    assert f"> {TEXT} [1]" in text
    assert CHOSEN in text
    assert LINE not in text
