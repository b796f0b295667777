"""Review cards over the wire: each is there once, and shows its note's last state."""

import pytest

from bot.config.settings import Settings
from bot.review import cards
from tests.bot.wire.server import WireServer
from tests.bot.wire.steps import proposed, running, waiting
from tests.bot.world import text_of

pytestmark = pytest.mark.slow

TEXT = "The quokka enclosure of Perth opens at seven in summer."
# The bot sends a card so often before it waits for the next round.
ATTEMPTS = 3


async def test_a_card_changed_unheard_is_posted_once(
    server: WireServer, settings: Settings
) -> None:
    async with running(server, settings):
        asked = await server.mia.slash(server.general, "ask", question="When opens the enclosure?")
        await server.answered(asked)
        cards_taken = f"/channels/{server.review['id']}/messages"
        silent = server.fail("POST", cards_taken, 503, taken=True, times=ATTEMPTS)
        await proposed(server, "Quokkas", TEXT)
        assert silent.met == ATTEMPTS
        # What publishing the note would change is found out meanwhile.
        preview = cards.IF_PUBLISHED.english.partition("{")[0]
        await server.until(
            lambda: any(preview in text_of(card) for card in waiting(server)), "the preview"
        )
        [card] = waiting(server)
        await server.answered(await server.ada.click(card, "Approve"))
        await server.until(lambda: not waiting(server), "the decided card")
    assert len(server.messages(server.review)) == 1
