"""A bot that helps in a forum and in a text channel, where a note answers one question."""

import pytest

from bot.config.settings import HelperSettings, Settings
from tests.bot.forum import Helped, help_in, page_as_discord_does
from tests.bot.world import World


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    if "helped" not in request.fixturenames:
        return settings
    return Settings(
        data=settings.data,
        questions=settings.questions,
        helper=HelperSettings(message_content=True),
    )


@pytest.fixture
async def helped(world: World, monkeypatch: pytest.MonkeyPatch) -> Helped:
    page_as_discord_does(monkeypatch)
    return await help_in(world)
