"""Errors over the wire: explained in private, also for commands that have changed."""

import pytest

from bot.config.settings import Settings
from bot.text import error_messages
from tests.bot.launcher import run_bot
from tests.bot.wire.people import is_private
from tests.bot.wire.server import WireServer

pytestmark = pytest.mark.slow

_FAILED = error_messages.FAILED.english.partition("{")[0]


async def test_public_promises_fail_in_private(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings):
        server.fail("PATCH", "/messages/@original$", 400)
        asked = await server.mia.slash(server.general, "ask", question="What is open source AI?")
        await server.until(lambda: asked.followups, "the error")
        said = server.state.messages[asked.followups[0]]
        assert _FAILED in said["content"]
        assert is_private(said)
        assert server.messages(server.general) == []


async def test_outdated_commands_ask_for_a_reload(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings):
        [ask] = [one for one in server.state.commands if one["name"] == "ask"]
        server.state.commands.append({**ask, "name": "question", "options": []})
        used = await server.mia.slash(server.general, "question")
        assert (await server.answered(used))["content"] == error_messages.COMMAND_CHANGED.english
        ask["options"] = [{"name": "text", "type": 3, "description": "x", "required": True}]
        used = await server.mia.slash(server.general, "ask", text="What is open source AI?")
        assert (await server.answered(used))["content"] == error_messages.COMMAND_CHANGED.english


@pytest.mark.parametrize("command", [{"ask": "question"}, {"search": "query"}], ids=str)
async def test_each_of_sixty_rapid_questions_of_one_member_is_acknowledged(
    server: WireServer, settings: Settings, command: dict[str, str]
) -> None:
    [(name, option)] = command.items()
    async with run_bot(server, settings):
        first = await server.mia.slash(server.general, "ask", question="What opens slowly?")
        rapid = [await server.mia.slash(server.general, name, **{option: "x"}) for _ in range(60)]
        told = [await server.answered(one) for one in rapid]
        assert await server.answered(first)
    waiting = [one for one in told if one["content"] == error_messages.STILL_ANSWERING.english]
    assert len(waiting) > 1
    assert all(is_private(one) for one in waiting)
    assert server.unanswered() == []
