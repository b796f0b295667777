"""Panels: private layouts of declared pages, with the list of the pages below."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import discord
from discord.ui.select import BaseSelect

from bot.interactions.kit.buttons import Select
from bot.interactions.kit.layouts import layout
from bot.text.languages import Sentence

GO_TO: Final = Sentence("Go to another page…")

# Ids of lists lie above those that Discord gives to components without one, and are 32-bit.
_FIRST_ID: Final = 1_000_000
_LAST_ID: Final = 2_000_000_000

_Page = TypeVar("_Page", bound=str)


def panel(
    texts: Iterable[str], items: Iterable[discord.ui.Item[Any]], menu: Select
) -> dict[str, Any]:
    """Return the arguments that show a page: its texts, its controls, and the list of pages.

    Its lists have new ids: clients keep what was chosen in a list with the same id, and would
    neither show the stored value nor send the same choice again.
    """
    container = discord.ui.Container[Any](accent_colour=discord.Colour.blurple())
    for part in [*map(discord.ui.TextDisplay[Any], texts), *items]:
        container.add_item(part)
    shown = layout([container], [menu])
    number = _FIRST_ID + secrets.randbelow(_LAST_ID - _FIRST_ID)
    for item in shown["view"].walk_children():
        control = getattr(item, "item", item)
        if isinstance(control, BaseSelect):
            control.id = number = number + 1
    return shown


def pages_menu(
    kind: type[Select],
    titles: Mapping[_Page, Sentence],
    page: _Page,
    finished: Collection[_Page] = (),
) -> Select:
    """Return the list of a panel's pages; `finished` ones are ticked."""
    options = [
        discord.SelectOption(
            label=f"{'✓ ' if number in finished else ''}{title()}",
            value=str(number),
            default=number == page,
        )
        for number, title in titles.items()
    ]
    return kind(GO_TO(), options)
