"""`Button`: a button that outlives the process which posted it, and the buttons between pages."""

import re
from collections.abc import Callable
from typing import Any, ClassVar, Self

import discord

from bot.text.custom_ids import CustomId
from bot.text.markdown import neighbours

_NEVER = re.compile(r"(?!)")


class Button(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=_NEVER):
    """A button that works after a restart: the values in its custom_id are its attributes."""

    ids: ClassVar[CustomId]

    def __init_subclass__(cls, *, ids: CustomId) -> None:
        """Have discord.py find this kind of button by its ids."""
        super().__init_subclass__(template=ids.pattern)
        cls.ids = ids

    def __init__(
        self,
        label: str = "",
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        *,
        row: int | None = None,
        **values: Any,
    ) -> None:
        """The button with the values that its id has; made anew from that, it needs no label."""
        custom_id = self.ids.format(**values)
        super().__init__(
            discord.ui.Button(label=label or None, style=style, custom_id=custom_id), row=row
        )
        vars(self).update(values)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: Any, match: re.Match[str], /
    ) -> Self:
        """Make the button anew from its id."""
        return cls(**cls.ids.values(match.groupdict()))

    @classmethod
    def values_on(cls, message: discord.Message | None) -> dict[str, Any] | None:
        """The values of the first button of this kind below a message; None if there is none."""
        for row in message.components if message is not None else ():
            for component in getattr(row, "children", ()):
                values = cls.ids.parse(getattr(component, "custom_id", None) or "")
                if values is not None:
                    return values
        return None


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
