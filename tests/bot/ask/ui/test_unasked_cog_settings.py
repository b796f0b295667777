"""What the operator set: how often a member and a channel are helped, and whether at all."""

import pytest

from bot.config.sections import HelperSettings
from bot.config.settings import Settings
from tests.bot.ask.helping import ASKED, POST_TITLE, Helped


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update={"helper": request.param})


def asking_often(**caps: int) -> pytest.MarkDecorator:
    chosen = HelperSettings(message_content=True, **caps)
    return pytest.mark.parametrize("settings", [chosen], indirect=True)


@asking_often(member_daily=1)
async def test_a_member_is_helped_so_often_a_day_wherever_they_ask(helped: Helped) -> None:
    first = await helped.forum.post(POST_TITLE, ASKED)
    await helped.world.member.send(helped.world.help, ASKED)
    other = await helped.forum.post(POST_TITLE, ASKED, by=helped.world.second_member)
    said = [helped.said_in(place) for place in (first, helped.world.help, other)]
    assert [len(one) for one in said] == [1, 0, 1]


@asking_often(channel_daily=1)
async def test_in_a_channel_it_helps_so_often_a_day_whoever_asks(helped: Helped) -> None:
    first = await helped.forum.post(POST_TITLE, ASKED)
    second = await helped.forum.post(POST_TITLE, ASKED, by=helped.world.second_member)
    await helped.world.member.send(helped.world.help, ASKED)
    said = [helped.said_in(place) for place in (first, second, helped.world.help)]
    assert [len(one) for one in said] == [1, 0, 1]


@pytest.mark.parametrize("settings", [HelperSettings()], indirect=True)
async def test_without_the_content_of_messages_it_is_silent_and_the_log_says_why(
    helped: Helped, caplog: pytest.LogCaptureFixture
) -> None:
    await helped.world.member.send(helped.world.help, ASKED)
    post = await helped.forum.post(POST_TITLE, ASKED)
    assert helped.said_in(post) + helped.said_in(helped.world.help) == []
    [said] = [one.getMessage() for one in caplog.records if "Nobody is helped" in one.getMessage()]
    assert "message_content" in said
