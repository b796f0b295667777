"""Panels: private layouts of declared pages, with the list of the pages below."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import discord

from bot.interactions.kit.buttons import Select
from bot.interactions.kit.layouts import layout
from bot.text.languages import Sentence
from knowledge.values.guilds import Language

GO_TO: Final = Sentence("Go to another page…")

# Ids of lists, above those that Discord gives to components without one.
_FIRST_PAGE: Final = 10_000

_Page = TypeVar("_Page", bound=str)


def panel(
    texts: Iterable[str], items: Iterable[discord.ui.Item[Any]], menu: Select
) -> dict[str, Any]:
    """Return the arguments that show a page: its texts, its controls, and the list of pages."""
    container = discord.ui.Container[Any](accent_colour=discord.Colour.blurple())
    for part in [*map(discord.ui.TextDisplay[Any], texts), *items]:
        container.add_item(part)
    return layout([container], [menu])


def pages_menu(
    kind: type[Select],
    titles: Mapping[_Page, Sentence],
    page: _Page,
    language: Language,
    finished: Collection[_Page] = (),
) -> Select:
    """Return the list of a panel's pages; `finished` ones are ticked."""
    options = [
        discord.SelectOption(
            label=f"{'✓ ' if each in finished else ''}{title(language)}",
            value=str(each),
            default=each == page,
        )
        for each, title in titles.items()
    ]
    menu = kind(GO_TO(language), options)
    # Clients keep what was chosen in a list with the same id.
    menu.item.id = _FIRST_PAGE + [*titles].index(page)
    return menu
