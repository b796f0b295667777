"""The bot as a real process against a strict Discord over HTTP and a websocket.

It covers retries of discord.py, broken connections, clocks and restarts, which simcord can't.
"""

import asyncio
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.console import UNUSABLE
from bot.cli.run import UNREACHABLE
from bot.config.settings import Settings
from bot.notes import drafts
from bot.notes import messages as notes_messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from tests.bot.launcher import bot_process, run_and_kill_bot, run_bot
from tests.bot.message_parts import text_of
from tests.bot.spoken import said_in
from tests.bot.wire.people import is_private
from tests.bot.wire.server import SECONDS, WireServer, wire_server
from tests.bot.wire.state import APPLICATION

pytestmark = pytest.mark.slow


QUESTION = "What is open source AI?"


TEXT = "The quokka enclosure of Perth opens at seven in summer."


NOTES = (
    ("Ostriches", "An ostrich can outrun most horses."),
    ("Bicycles", "Brakes squeal when rims get wet."),
    ("Violins", "Strings snap if pegs slip suddenly."),
    ("Glaciers", "Ice flows downhill under its weight."),
)


ATTEMPTS = 9


async def test_a_proposed_file_is_answered_from_once(
    server: WireServer, settings: Settings
) -> None:
    async with run_bot(server, settings):
        form = await server.mia.slash(server.general, "note add")
        await server.form(form)
        sent = await server.mia.fill(form, title="Quokkas", file=("quokkas.txt", TEXT.encode()))
        assert is_private(await server.answered(sent))
        [card] = await server.until(lambda: server.waiting(), "the card")
    async with run_bot(server, settings):
        assert server.rest.puts == 1
        await server.answered(await server.ada.click(card, "Approve"))
        [told] = await server.until(lambda: server.messages(server.mia.direct), "a notice")
        assert "Quokkas" in text_of(told)
        asked = await server.mia.slash(server.general, "ask", question="quokka enclosure of Perth")
        assert TEXT in text_of(await server.answered(asked))
        # Somebody whose client still shows the card as it was.
        late = await server.ben.press(card, "card:1:approve")
        assert (await server.answered(late))["content"] == error_messages.BUTTON_GONE.english
    assert len(server.messages(server.review)) == 1
    assert server.unanswered() == []


async def test_a_german_client_is_shown_german(server: WireServer, settings: Settings) -> None:
    server.mia.locale = "de"
    async with run_bot(server, settings):
        ask = next(one for one in server.state.commands if one["name"] == "ask")
        assert set(ask["description_localizations"]) >= {"de", "es-419", "es-ES", "fr", "pt-BR"}
        form = await server.mia.slash(server.general, "note add")
        assert (await server.form(form))["title"] == said_in(Language.GERMAN, drafts.NEW_TITLE)
        answer = await server.answered(await server.mia.fill(form, title="Quokkas", text=TEXT))
        assert "liegt bei der Moderation" in text_of(answer)
        await server.until(lambda: server.waiting(), "the card")


def faults() -> Iterator[tuple[int, bool]]:
    """A connection that is cut and a Discord that is down, before and after it has taken it."""
    for status in (0, 503):
        for taken in (False, True):
            yield status, taken


async def test_lost_requests_neither_lose_nor_repeat(
    server: WireServer, settings: Settings
) -> None:
    async with run_bot(server, settings):
        for number, (status, taken) in enumerate(faults()):
            # Each asks once: whoever asks while a reply is on its way is told to wait.
            asker, other = server.person(f"Asker {number}"), server.person(f"Other {number}")
            fault = server.fail("POST", r"/callback$", status, taken=taken)
            asked = await asker.slash(server.general, "ask", question=QUESTION)
            assert "> " in text_of(await server.answered(asked))
            assert fault.met == 1

            server.fail("POST", f"/channels/{server.review['id']}/messages", status, taken=taken)
            assert "is with the moderators" in await server.propose(*NOTES[number])
            assert len(server.waiting()) == number + 1

            server.fail("POST", f"/channels/{server.general['id']}/messages", status, taken=taken)
            said = await other.say(server.general, f"<@{APPLICATION}> {QUESTION}")
            await server.until(functools.partial(server.replies, server.general, said), "a reply")
    assert len(server.messages(server.review)) == 4
    for one in server.messages(server.general):
        assert len(server.replies(server.general, one)) == one["author"]["username"].startswith(
            "other"
        )


async def test_an_unposted_card_is_posted_later(server: WireServer, settings: Settings) -> None:
    server.fail("POST", f"/channels/{server.review['id']}/messages", 503, times=3)
    async with run_bot(server, settings):
        assert await server.propose("Quokkas", TEXT) == notes_messages.CARD_NOT_POSTED.english
        await server.until(lambda: server.waiting(), "the card")
    assert len(server.messages(server.review)) == 1


async def test_interactions_are_acknowledged_while_the_core_opens(
    server: WireServer, tmp_path: Path
) -> None:
    """An empty data folder, too: what is asked then waits for the articles."""
    async with bot_process(server, "run", "--data", tmp_path / "first"):
        await server.until(lambda: server.state.commands, "commands")
    server.connected.clear()
    async with bot_process(server, "run", "--data", tmp_path / "empty", opening_seconds=4):
        asked = await server.mia.slash(server.general, "ask", question=QUESTION)
        form = await server.mia.slash(server.general, "note add")
        typed = await server.mia.type(server.general, "note show", "note", "quo")
        await server.form(form)
        await server.until(lambda: typed.response, "choices")
        # Each of them was answered within Discord's three seconds, or the server has a problem.
        answer = await server.answered(asked)
        assert "> " in text_of(answer)
        assert not is_private(answer)


async def test_broken_connections_are_resumed_without_loss(
    server: WireServer, settings: Settings
) -> None:
    async with run_bot(server, settings):
        gateway = server.gateway
        await gateway.ask_to_reconnect()
        await asyncio.wait_for(server.connected.wait(), SECONDS)
        gateway.cut()
        said = await server.mia.say(server.general, f"<@{APPLICATION}> {QUESTION}")
        await server.until(lambda: server.replies(server.general, said), "a late reply")
        assert (gateway.resumed, gateway.identified) == (2, 1)
        await gateway.invalidate()
        await asyncio.wait_for(server.connected.wait(), SECONDS)
        assert await server.propose("Quokkas", TEXT)
    assert gateway.identified == 2
    assert server.rest.puts == 1
    assert len(server.replies(server.general, said)) == 1
    assert len(server.messages(server.review)) == 1


async def test_a_click_before_a_kill_counts_once(server: WireServer, settings: Settings) -> None:
    async with run_and_kill_bot(server, settings):
        await server.propose("Quokkas", TEXT)
        [card] = server.waiting()
        # The decision is kept; nothing gets out before the process is killed.
        edit = server.fail("PATCH", "/messages/", 500, times=ATTEMPTS)
        await server.ada.click(card, "Approve")
        await server.until(lambda: edit.met, "an edit")
    async with run_bot(server, settings):
        await server.until(lambda: "Approved" in text_of(card), "the decided card")
        await server.until(lambda: server.messages(server.mia.direct), "a notice")
        asked = await server.mia.slash(server.general, "ask", question="quokka enclosure of Perth")
        assert TEXT in text_of(await server.answered(asked))
    assert len(server.messages(server.mia.direct)) == 1
    assert len(server.messages(server.review)) == 1


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (4004, UNUSABLE, "Copy a new one from the Bot page"),
        (4014, UNUSABLE, "Message Content Intent"),
        (4011, UNREACHABLE, "it asks Discord for the number at each start"),
        (4012, UNUSABLE, "Install a newer one"),
        (0, UNREACHABLE, "Discord can't be reached"),
    ],
    ids=["bad token", "intents", "shards", "version", "no gateway"],
)
async def test_how_discord_ends_the_connection_says_whether_starting_again_helps(
    settings: Settings, code: int, status: int, sentence: str
) -> None:
    async with wire_server() as server:
        server.gateway.refusing = code or 503
        process = bot_process(server, "run", "--data", settings.data.folder, connected=False)
        async with process as bot:
            _, err = await asyncio.wait_for(bot.communicate(), SECONDS)
    assert bot.returncode == status
    assert b"Traceback" not in err
    assert sentence in err.decode()


SPEED = 60


SHARDS = 4


AWAY_SECONDS = 1_800


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refusing", "keeping", "most_identifies"),
    [(4000, True, 0), (4000, False, 30), (503, True, 0)],
    ids=["closing", "forgetful", "refusing"],
)
async def test_a_bot_outlives_an_outage_with_few_connections(
    settings: Settings, tmp_path: Path, refusing: int, keeping: bool, most_identifies: int
) -> None:
    log = tmp_path / "log"
    async with wire_server() as server:
        gateway = server.gateway
        gateway.shards = gateway.max_concurrency = SHARDS
        gateway.heartbeat_ms = 10_000 // SPEED
        arguments = ("run", "--data", settings.data.folder)
        with log.open("wb") as file:
            async with bot_process(server, *arguments, log=file, CLOCK_SPEED=str(SPEED)):
                await server.until(lambda: server.state.commands, "commands")
                gateway.connections = gateway.identified = 0
                if not keeping:
                    gateway.sessions.clear()
                await gateway.go_away(refusing)
                await asyncio.sleep(AWAY_SECONDS / SPEED)
                assert 6 * SHARDS <= gateway.connections <= 60 * SHARDS
                assert gateway.identified <= most_identifies * SHARDS
                gateway.refusing = 0
                await server.until(server.connected.is_set, "every shard")
    assert log.read_text().count("Discord can't be reached, or ends each connection") == 1
