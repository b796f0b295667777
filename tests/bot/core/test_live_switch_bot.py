"""Live switch of a whole bot, and its health meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from simcord import Env

from bot.core.core import Core
from bot.core.live_switch import POLL_SECONDS
from bot.core.worker import Worker
from bot.process.client import Bot
from tests.bot.models.choosing import FIRST, MEETUP, OTHER, choose, opened, publish, settings_for

pytestmark = pytest.mark.usefixtures("one_article")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path / "data") as core:
        publish(core, *MEETUP)
    return tmp_path / "data"


@pytest.fixture
async def env(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Env]:
    """Discord with a bot whose settings name the test's model."""
    name = request.param
    made = Bot(settings_for(folder, name), Worker(lambda: opened(folder, name), Core.close))
    started = Env(made)
    await started.start()
    yield started
    await started.shutdown()
    await made.close()


def _bot(env: Env) -> Bot:
    assert isinstance(env.bot, Bot)
    return env.bot


async def _seen_until_it_serves(env: Env, name: str) -> list[str]:
    """The model in the health report at each look, until it serves."""
    bot, seen = _bot(env), []

    async def watch() -> None:
        while True:
            seen.append(str((await bot.health()).details.get("model", "")))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    while await bot.worker.call(lambda core: core.served.model.name) != name:
        await env.advance_time(POLL_SECONDS)
    watching.cancel()
    return seen


@pytest.mark.parametrize("env", [OTHER], indirect=True)
async def test_a_bot_builds_what_its_settings_name_and_health_says_so(env: Env) -> None:
    seen = await _seen_until_it_serves(env, OTHER)
    assert any(f"The index of {OTHER} is being built" in said for said in seen)
    await env.advance_time(POLL_SECONDS)
    assert _bot(env).background.next_model == ""


@pytest.mark.parametrize("env", [FIRST], indirect=True)
async def test_a_bot_follows_what_somebody_chose(env: Env, folder: Path) -> None:
    await asyncio.to_thread(choose, folder)
    await _seen_until_it_serves(env, OTHER)
    assert _bot(env).background.next_model == ""
