"""What the operator set: how often a member and a channel are helped, and whether at all."""

import pytest

from bot.config.settings import HelperSettings, Settings
from tests.bot.forum import ASKED, POST_TITLE, Helped


@pytest.fixture
def settings(
    settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for cap in ("member_daily", "channel_daily"):
        monkeypatch.setattr(HelperSettings, cap, 1)
    return settings.model_copy(update={"helper": request.param})


@pytest.mark.parametrize("settings", [HelperSettings(message_content=True)], indirect=True)
async def test_daily_caps_limit_members_and_channels(helped: Helped) -> None:
    world = helped.world
    first = await helped.forum.post(POST_TITLE, ASKED)
    await world.member.send(world.help, ASKED)
    other = await helped.forum.post(POST_TITLE, ASKED, by=world.second_member)
    assert [len(helped.said_in(place)) for place in (first, world.help, other)] == [1, 0, 0]
    await world.second_member.send(world.help, ASKED)
    assert len(helped.said_in(world.help)) == 1


@pytest.mark.parametrize("settings", [HelperSettings()], indirect=True)
async def test_without_content_it_is_silent(
    helped: Helped, caplog: pytest.LogCaptureFixture
) -> None:
    await helped.world.member.send(helped.world.help, ASKED)
    post = await helped.forum.post(POST_TITLE, ASKED)
    assert helped.said_in(post) + helped.said_in(helped.world.help) == []
    [said] = [one.getMessage() for one in caplog.records if "Nobody is helped" in one.getMessage()]
    assert "message_content" in said
