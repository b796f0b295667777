"""Members who ask too fast are told so; other members are answered."""

import pytest

from bot.config.settings import QuestionSettings, Settings
from bot.text import error_messages
from tests.bot.message_parts import text_of
from tests.bot.spoken import english
from tests.bot.world import QUESTION, World

TOLD = error_messages.TOO_FAST.english.split("{")[0]


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # A window as long as no test takes on the slowest machine.
    monkeypatch.setattr(QuestionSettings, "member_seconds", 3_600)
    return Settings(data=settings.data)


async def test_a_flooder_is_told_once_and_others_are_answered(world: World) -> None:
    assert world.bot.user is not None
    bot_id = world.bot.user.id
    for number in range(9):
        await world.member.send(world.help, f"<@{bot_id}> {QUESTION} {number}")
    await world.second_member.send(world.help, f"<@{bot_id}> {QUESTION}")

    said = [text_of(m) for m in world.help.history() if m.author.id == bot_id]
    assert len(said) == 5 + 1 + 1
    assert [TOLD in content for content in said] == [False] * 5 + [True, False]
    assert said[5].endswith(english(error_messages.THEN_SILENT, sentence=""))


async def test_hasty_commands_are_refused_privately_each_time(world: World) -> None:
    for _ in range(5):
        await world.ask()

    for _ in range(3):
        result = await world.ask()

        assert result.response is not None
        assert result.response.ephemeral
        assert TOLD in text_of(result.response)
