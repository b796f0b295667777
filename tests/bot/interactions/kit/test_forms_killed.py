"""Forms whose process is killed: the input is submitted once, or given back."""

import asyncio

import pytest

from bot.config.settings import Settings
from bot.notes import drafts, messages
from bot.review.actions import ACTIONS, Action
from bot.text import error_messages
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.server import WireServer

pytestmark = pytest.mark.slow

TEXT = "The quokka enclosure of Perth opens at seven in summer."


@pytest.mark.parametrize("milliseconds", [0, 20, 100])
async def test_nothing_typed_is_lost_or_doubled_wherever_the_process_is_killed(
    server: WireServer, settings: Settings, milliseconds: int
) -> None:
    async with run_and_kill_bot(server, settings):
        form = await server.mia.slash(server.general, "note add")
        await server.form(form)
        sent = await server.mia.fill(form, title="Quokkas", text=TEXT)
        await server.until(lambda: sent.response, "the acknowledgement")
        await asyncio.sleep(milliseconds / 1000)
    async with run_bot(server, settings):
        told = await server.answered(sent)
        if told["content"] == drafts.RESTARTED.english:
            again = await server.mia.click(told, messages.DRAFT_LABELS["edit"].english)
            await server.form(again)
            await server.answered(await server.mia.fill(again))
        await server.until(lambda: server.waiting(), "the card")
        assert len(server.waiting()) == 1


async def test_queue_decisions_survive_a_kill(server: WireServer, settings: Settings) -> None:
    async with run_and_kill_bot(server, settings):
        await server.propose("Quokkas", TEXT)
        page = await server.answered(await server.ada.slash(server.review, "review"))
        form = await server.ada.click(page, ACTIONS[Action.EDIT].label.english)
        await server.form(form)
        # The decision is kept; nobody is told before the process is killed.
        told = server.fail("PATCH", "/messages/", 500, times=9)
        await server.ada.fill(form)
        await server.until(lambda: told.met, "an edit")
    async with run_bot(server, settings):
        done = error_messages.FORM_DONE.english
        await server.until(lambda: done in text_of(page), "what became of it")
