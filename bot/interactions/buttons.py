"""Persistent buttons: their base class, views of them, and the buttons between pages."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import discord

from bot.interactions.errors import explained
from bot.interactions.services import Interaction
from bot.text.custom_ids import CustomId
from bot.text.languages import Sentence
from bot.text.markdown import Page, neighbours
from knowledge.model.guilds import Language

_NEVER = re.compile(r"(?!)")


class Button(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=_NEVER):
    """A button that works after a restart: the values in its custom_id are its attributes."""

    ids: ClassVar[CustomId]
    labels: ClassVar[Mapping[Any, Sentence]]
    styles: ClassVar[Mapping[Any, discord.ButtonStyle]]

    def __init_subclass__(
        cls,
        *,
        ids: CustomId,
        labels: Mapping[Any, Sentence] = MappingProxyType({}),
        styles: Mapping[Any, discord.ButtonStyle] = MappingProxyType({}),
    ) -> None:
        """Have discord.py find this kind of button by its ids; labels and styles are by action."""
        super().__init_subclass__(template=ids.pattern)
        cls.ids, cls.labels, cls.styles = ids, labels, styles

    def __init__(
        self, label: str | Language = "", *, row: int | None = None, **values: Any
    ) -> None:
        """The button with the values that its id has.

        Args:
            label: what it is called, or the language of its action's label. Made anew from its id,
                it needs none.
            row: where it is to stand, of five.
            values: what `ids` takes.
        """
        action = values.get("action")
        text = self.labels[action](label) if isinstance(label, Language) else label
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label=text or None,
            style=self.styles.get(action, discord.ButtonStyle.secondary),
            custom_id=self.ids.format(**values),
        )
        super().__init__(button, row=row)
        vars(self).update(values)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(**cls.ids.values(match.groupdict()))

    @explained
    async def callback(self, interaction: Interaction) -> None:
        await self.clicked(interaction)

    async def clicked(self, interaction: Interaction) -> None:
        """What a click does; whatever it raises is explained to whoever clicked."""
        raise NotImplementedError

    @classmethod
    def values_on(cls, message: discord.Message | None) -> dict[str, Any] | None:
        """The values of the first button of this kind below a message; None if there is none."""
        for row in message.components if message is not None else ():
            for component in getattr(row, "children", ()):
                values = cls.ids.parse(getattr(component, "custom_id", None) or "")
                if values is not None:
                    return values
        return None


def view_of(buttons: Iterable[discord.ui.Item[Any]]) -> discord.ui.View | None:
    """A message's buttons, which never time out; None without any."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view if view.children else None


def pages_view(
    page: Page,
    labels: tuple[Sentence, Sentence],
    language: Language,
    button: Callable[[int, str], discord.ui.Item[Any]],
) -> discord.ui.View | None:
    """The buttons to the pages beside one; None if it is the only one.

    Args:
        page: the one that is shown.
        labels: what the buttons to the page before and to the next one are called.
        language: of the labels.
        button: makes the button to a page, counted from 0, with its label.
    """
    before, after = (label(language) for label in labels)
    beside = neighbours(page.number, page.count, before, after)
    return view_of(button(number, label) for number, label in beside)
