"""Errors over the wire: explained in private, also for commands of an earlier version."""

import pytest

from bot.config.settings import Settings
from bot.process.client import Bot
from bot.text import error_messages
from tests.bot.launcher import run_bot
from tests.bot.wire.people import is_private
from tests.bot.wire.server import WireServer

pytestmark = pytest.mark.slow

_FAILED = error_messages.FAILED.english.partition("{")[0]

# The new places of some commands of 1.0.0.
PLACES = {
    "channel": "`/setup` and choose *Channels*",
    "limits": "`/setup` and choose *Limits and newcomers*",
    "digest": "`/setup` and choose *Reminders and digests*",
    "about": "`/stats`",
    "leaderboard": "`/stats` and choose *Whose notes helped*",
    "note edit": "press *Edit*",
    "note history": "press *History*",
    "note withdraw": "press *Withdraw*",
    "page review": "choose *Notes for the public page*",
    "review queue": "choose *Notes awaiting a decision*",
    "review note": "choose *Find a note*",
    "review log": "choose *Who decided what*",
    "review rules": "choose *Rules by tag*",
    "synonym": "choose *Synonyms*",
}


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
        for name, sentence in (
            ("question", error_messages.COMMAND_CHANGED.english),
            *((name, place) for name, place in PLACES.items()),
        ):
            command, _, subcommand = name.partition(" ")
            options = [{"name": subcommand, "type": 1, "description": "x"}] if subcommand else []
            known = [one for one in server.state.commands if one["name"] != command]
            server.state.commands[:] = [*known, {**ask, "name": command, "options": options}]
            used = await server.mia.slash(server.general, name)
            assert sentence in (await server.answered(used))["content"]
        message = await server.mia.say(server.general, "hello")
        for name in (menus := ("Approve note", "Reject note")):
            server.state.commands.append({**ask, "name": name, "type": 3, "options": []})
            used = await server.mia.menu(name, message)
            assert "*Decide on note…*" in (await server.answered(used))["content"]
        others = {name for name in Bot(settings).moved_commands if name not in (*PLACES, *menus)}
        assert others <= {"review rule", "note report"}
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
