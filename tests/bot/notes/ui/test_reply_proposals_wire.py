"""Notes from replies over the wire, without the Message Content intent: one card, one notice."""

from dataclasses import replace
from typing import Final

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from tests.bot.ask.helping import UNKNOWN
from tests.bot.discord_server import bot_process
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import APPLICATION, Json
from tests.bot.wire.steps import running, waiting
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
    refusal = await server.until(lambda: said(server, server.general), "the refusal")
    await server.ada.say(server.general, ANSWER, to=refusal[0])


def said(server: WireServer, channel: Json) -> list[Json]:
    return [one for one in server.messages(channel) if one["author"]["id"] == str(APPLICATION)]


async def test_a_lost_connection_neither_loses_nor_repeats(
    server: WireServer, settings: Settings
) -> None:
    faults = [
        server.fail("POST", f"/channels/{place['id']}/messages$", taken=True)
        for place in (server.review, server.ada.direct)
    ]
    async with running(server, settings):
        await answered(server)
        await server.until(lambda: said(server, server.ada.direct), "the notice")
    assert [fault.met for fault in faults] == [1, 1]
    assert (len(waiting(server)), len(said(server, server.ada.direct))) == (1, 1)
    # The answer is not answered.
    assert len(said(server, server.general)) == 1


async def test_a_killed_proposal_is_proposed_once(server: WireServer, settings: Settings) -> None:
    path = f"/channels/{server.review['id']}/messages$"
    async with bot_process(server, "run", "--data", settings.data.folder) as process:
        await server.until(lambda: server.state.commands, "commands")
        fault = server.fail("POST", path, 500, taken=True, times=ATTEMPTS)
        await answered(server)
        await server.until(lambda: fault.met, "a card that Discord takes and does not confirm")
        process.kill()
        await process.wait()
    server.rest.faults.clear()
    async with running(server, settings):
        await server.until(lambda: said(server, server.ada.direct), "the notice")
    assert (len(waiting(server)), len(said(server, server.ada.direct))) == (1, 1)
