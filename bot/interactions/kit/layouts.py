"""Layouts of messages: a coloured container, with rows of buttons below it.

Discord calls layouts Components V2. Discord refuses content in a message that once had a layout, so
edits of such a message are layouts, too.

Source:
    Discord's developer documentation, "Component reference": a message has at most 40 components
    and 4,000 characters of text.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import discord

_ROW_BUTTONS: Final = 5


def layout(
    parts: Iterable[discord.ui.Item[Any]], *items: Iterable[discord.ui.Item[Any]]
) -> dict[str, Any]:
    """Arguments to send a layout or edit a message into one; each group begins a new row."""
    view = discord.ui.LayoutView(timeout=None)
    for part in (*parts, *(row for group in items for row in rows(group))):
        view.add_item(part)
    return {"content": None, "view": view}


def container(
    sections: Iterable[Sequence[str]], colour: discord.Colour
) -> discord.ui.Container[Any]:
    """Return a container of texts with a coloured edge and a separator between sections."""
    made = discord.ui.Container[Any](accent_colour=colour)
    for number, texts in enumerate(sections):
        if number:
            made.add_item(discord.ui.Separator())
        for text in texts:
            made.add_item(discord.ui.TextDisplay(text))
    return made


def rows(items: Iterable[discord.ui.Item[Any]]) -> list[discord.ui.ActionRow[Any]]:
    """Return rows of at most five buttons, in order; each select gets its own row."""
    found: list[discord.ui.ActionRow[Any]] = []
    room = 0
    for item in items:
        if item.width > room:
            found.append(discord.ui.ActionRow())
            room = _ROW_BUTTONS
        found[-1].add_item(item)
        room -= item.width
    return found


def text_of(message: discord.Message) -> str:
    """Return a message's content, or the texts of its layout."""
    displays = [
        component
        for component in components_of(message)
        if isinstance(component, discord.TextDisplay)
    ]
    return "\n".join(display.content for display in displays) or message.content


def components_of(message: discord.Message) -> Iterator[Any]:
    """Iterate over all components of a message in order, nested ones included."""
    return _within(message.components)


def _within(components: Iterable[Any]) -> Iterator[Any]:
    for component in components:
        yield component
        yield from _within(getattr(component, "children", ()))
        yield from _within(filter(None, [getattr(component, "accessory", None)]))
