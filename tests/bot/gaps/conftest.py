"""Hand-overs in a world with helpers."""

import pytest

from tests.bot.gaps.handing_over import Helping
from tests.bot.world import World


@pytest.fixture
async def helping(world: World) -> Helping:
    made = Helping(world)
    made.sees(world.review)
    await made.choose()
    return made
