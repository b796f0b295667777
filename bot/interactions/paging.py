"""Turning the pages of a list that is one message: a button to the page before, one to the next."""

from collections.abc import Callable
from typing import Any

import discord

from bot.text.markdown import neighbours


def pages_view(
    page: int,
    pages: int,
    labels: tuple[str, str],
    button: Callable[[int, str], discord.ui.Item[Any]],
) -> discord.ui.View | None:
    """The buttons to the pages beside one of so many, counted from 0; None if it is the only one.

    Args:
        page: the one that is shown.
        pages: how many there are.
        labels: what the buttons to the page before and to the next one are called.
        button: makes the button to a page, with its label.
    """
    view = discord.ui.View(timeout=None)
    for number, label in neighbours(page, pages, *labels):
        view.add_item(button(number, label))
    return view if view.children else None


def page_button(label: str, *, custom_id: str) -> discord.ui.Button[discord.ui.View]:
    """The button to a page; made anew from its id, it has no label of its own to be shown."""
    style = discord.ButtonStyle.secondary
    return discord.ui.Button(label=label or "More", style=style, custom_id=custom_id)
