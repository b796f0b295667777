"""Retries over the wire: what is sent again is what was sent first, and in time."""

import pytest

from bot.config.settings import Settings
from bot.notes import messages
from tests.bot.launcher import run_bot
from tests.bot.wire.server import WireServer

pytestmark = pytest.mark.slow

TEXT = "The quokka enclosure of Perth opens at seven in summer."
ORIGINAL = "/messages/@original$"


def patched(server: WireServer) -> int:
    """How often an answer was sent in the place of the promised one."""
    return sum(method == "PATCH" for method, *_ in server.rest.requests)


@pytest.mark.parametrize("taken", [False, True])
async def test_a_cut_draft_is_continued(
    server: WireServer, settings: Settings, taken: bool
) -> None:
    async with run_bot(server, settings):
        form = await server.mia.slash(server.general, "note add")
        await server.form(form)
        server.fail("PATCH", ORIGINAL, taken=taken, times=2)
        sent = await server.mia.fill(form, title="", text=TEXT)
        await server.until(lambda: patched(server) == 3, "the third time")
        given_back = await server.answered(sent)
        again = await server.mia.click(given_back, messages.DRAFT_LABELS["edit"].english)
        fields = str(await server.form(again))
    assert TEXT in fields


async def test_a_lost_draft_is_told(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings):
        form = await server.mia.slash(server.general, "note add")
        await server.form(form)
        given_back = await server.answered(await server.mia.fill(form, title="", text=TEXT))
        [file] = given_back["attachments"]
        server.state.files[int(file["id"])] = b""
        again = await server.mia.click(given_back, messages.DRAFT_LABELS["edit"].english)
        assert (await server.answered(again))["content"] == messages.DRAFT_LOST.english


async def test_a_first_response_is_retried(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings):
        server.fail("POST", r"/callback$", 502, times=2)
        said = await server.propose("Quokkas", TEXT)
        assert "is with the moderators" in said
        assert len(server.waiting()) == 1
