"""Settings with channel sync, and a forum."""

import pytest

from bot.config.settings import Settings, SourceSettings
from tests.bot.forum import Forum, make_forum
from tests.bot.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data=settings.data, questions=settings.questions, sources=SourceSettings(channels=True)
    )


@pytest.fixture
def forum(world: World) -> Forum:
    return make_forum(world)
