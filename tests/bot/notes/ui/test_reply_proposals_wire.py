"""Notes from replies over the wire, without the Message Content intent: one card, one notice."""

from dataclasses import replace
from typing import Final

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from tests.bot.forum import UNKNOWN
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import APPLICATION
from tests.fakes import WordEmbedder

pytestmark = pytest.mark.slow

ANSWER: Final = (
    "In winter, the Zanzibar ferry leaves at nine and at four; the timetable is at the harbour."
)
ATTEMPTS: Final = 9


@pytest.fixture(autouse=True)
def _turned_on(server: WireServer, settings: Settings) -> None:
    with Core(settings, WordEmbedder()) as core:
        guilds = core.store.guilds
        kept = replace(guilds.settings(int(server.guild["id"])), from_replies=True)
        guilds.save_settings(kept, server.root.id)


async def answered(server: WireServer) -> None:
    """Mia asks the bot, which refuses; Ada, a moderator, replies to the refusal."""
    await server.mia.say(server.general, f"<@{APPLICATION}> {UNKNOWN}")
    refusal = await server.until(lambda: server.bot_messages(server.general), "the refusal")
    await server.ada.say(server.general, ANSWER, to=refusal[0])


async def test_a_lost_connection_neither_loses_nor_repeats(
    server: WireServer, settings: Settings
) -> None:
    faults = [
        server.fail("POST", f"/channels/{place['id']}/messages$", taken=True)
        for place in (server.review, server.ada.direct)
    ]
    async with run_bot(server, settings):
        await answered(server)
        await server.until(lambda: server.bot_messages(server.ada.direct), "the notice")
    assert [fault.met for fault in faults] == [1, 1]
    assert (len(server.waiting()), len(server.bot_messages(server.ada.direct))) == (1, 1)
    # The answer is not answered.
    assert len(server.bot_messages(server.general)) == 1


async def test_a_killed_proposal_is_proposed_once(server: WireServer, settings: Settings) -> None:
    path = f"/channels/{server.review['id']}/messages$"
    async with run_and_kill_bot(server, settings):
        fault = server.fail("POST", path, 500, taken=True, times=ATTEMPTS)
        await answered(server)
        await server.until(lambda: fault.met, "a card that Discord takes and does not confirm")
    async with run_bot(server, settings):
        await server.until(lambda: server.bot_messages(server.ada.direct), "the notice")
    assert (len(server.waiting()), len(server.bot_messages(server.ada.direct))) == (1, 1)
