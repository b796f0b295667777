"""Clicks whose process is killed: each is answered after the restart."""

from datetime import UTC, datetime

import pytest

from bot.config.settings import Settings
from bot.review.actions import ACTIONS, Action
from bot.storage.data_folder import COMMUNITY
from bot.text import error_messages
from bot.text.languages import Sentence
from knowledge.store.interactions import KeptInteraction
from knowledge.store.store import Store
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import Interaction

pytestmark = pytest.mark.slow

TEXT = "The quokka enclosure of Perth opens at seven in summer."
EDIT_OF_AN_ANSWER = "/messages/@original$"


def left(settings: Settings) -> list[KeptInteraction]:
    """What is still on record."""
    with Store(settings.data.folder / COMMUNITY) as store:
        return store.inbox.left_over(datetime.now(UTC))


async def killed_before_told(server: WireServer, settings: Settings, action: Action) -> Interaction:
    """Click below a card, and kill the process just before its answer."""
    async with run_and_kill_bot(server, settings):
        await server.propose("Quokkas", TEXT)
        [card] = await server.until(lambda: server.waiting(), "the card")
        untold = server.fail("PATCH", EDIT_OF_AN_ANSWER, 500, times=9)
        clicked = await server.ada.click(card, ACTIONS[action].label.english)
        await server.until(lambda: untold.met, "an answer")
    return clicked


@pytest.mark.parametrize(
    ("action", "sentence"),
    [(Action.APPROVE, error_messages.FORM_DONE), (Action.IMPACT, error_messages.RESTARTED)],
)
async def test_a_click_is_answered_after_a_kill_by_whether_it_was_acted_on(
    server: WireServer, settings: Settings, action: Action, sentence: Sentence
) -> None:
    clicked = await killed_before_told(server, settings, action)
    async with run_bot(server, settings):
        told = await server.answered(clicked)
        assert told["content"] == sentence.english
        await server.until(lambda: not left(settings), "an empty inbox")


async def test_an_unawaited_click_changes_nothing(server: WireServer, settings: Settings) -> None:
    async with run_and_kill_bot(server, settings):
        await server.propose("Quokkas", TEXT)
        await server.propose("Wombats", "Wombats dig burrows at night, far from the sea.")
        page = await server.answered(await server.ada.slash(server.review, "review"))
        server.fail("PATCH", EDIT_OF_AN_ANSWER, 500, times=9)
        shown = text_of(page)
        turned = await server.ada.click(page, "Next")
        await server.until(lambda: turned.response, "the acknowledgement")
    async with run_bot(server, settings):
        await server.answered(await server.ada.slash(server.review, "review"))
    assert text_of(page) == shown
