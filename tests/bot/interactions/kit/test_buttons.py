"""Persistent buttons: rebuilt from the custom_id that Discord sends."""

import asyncio
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.interactions.kit.buttons import pages_view
from bot.notes.ui.form import GapButton
from bot.privacy.messages import PRIVACY_LABELS
from bot.privacy.ui.cog import PrivacyButton
from bot.statistics.messages import Period
from bot.statistics.ui.cog import BoardButton
from bot.text.paging import PAGE_LABELS, Page
from knowledge.values.guilds import Language
from tests.bot.components import BUTTONS
from tests.bot.spoken import english, said_in
from tests.bot.world import UNKNOWN, World

# None of the buttons looks at the interaction before it is clicked.
NOBODY: Any = None


@given(st.data())
def test_every_valid_id_makes_its_button(data: st.DataObject) -> None:
    for kind in BUTTONS:
        pattern = kind.ids.pattern
        custom_id = data.draw(st.from_regex(pattern, fullmatch=True))
        match = pattern.fullmatch(custom_id)
        assert match is not None
        made: Any = asyncio.run(kind.from_custom_id(NOBODY, discord.ui.Button(), match))
        assert pattern.fullmatch(made.custom_id)


def test_a_button_has_its_ids_values() -> None:
    match = BoardButton.ids.pattern.fullmatch("board:2:month")
    assert match is not None

    made = asyncio.run(BoardButton.from_custom_id(NOBODY, NOBODY, match))

    assert (made.page, made.period) == (2, Period.MONTH)
    assert made.custom_id == "board:2:month"


def test_a_button_is_named_in_the_language() -> None:
    button = said_in(Language.GERMAN, PrivacyButton, action="cancel")

    assert button.item.label == said_in(Language.GERMAN, PRIVACY_LABELS["cancel"])
    assert button.item.style is discord.ButtonStyle.secondary
    deleting = said_in(Language.GERMAN, PrivacyButton, action="keep")
    assert deleting.item.style is discord.ButtonStyle.danger


def test_a_button_without_needed_values_is_not_made() -> None:
    with pytest.raises(ValueError, match="board"):
        BoardButton("Next", page=2)


async def test_the_buttons_values_are_on_its_message(world: World) -> None:
    await world.ask(UNKNOWN)
    message = world.general.last_message

    assert GapButton.values_on(message) == {"question_id": 1, "action": "write"}
    assert BoardButton.values_on(message) is None
    assert BoardButton.values_on(None) is None


def _pages(page: int, pages: int) -> list[tuple[str | None, str]]:
    view = english(
        pages_view,
        Page("", page, pages),
        PAGE_LABELS,
        lambda number, label: BoardButton(label, page=number, period=Period.ALL),
    )
    buttons: list[Any] = list(view.children) if view else []
    return [(button.item.label, button.custom_id) for button in buttons]


def test_pages_have_buttons_before_and_after() -> None:
    assert _pages(0, 1) == []
    assert _pages(0, 3) == [("Next", "board:1:all")]
    assert _pages(1, 3) == [("Previous", "board:0:all"), ("Next", "board:2:all")]
    assert _pages(2, 3) == [("Previous", "board:1:all")]
