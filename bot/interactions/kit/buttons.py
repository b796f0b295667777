"""Persistent components: custom_id formats, base classes of buttons and selects, views.

Buttons and forms outlive the process that made them. Discord sends their ids back, and anybody may
forge them, so `bot.interactions.kit.authorization` checks every click. An id in an unknown format
comes from another version of the bot.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple, Self, cast, final

import discord
from discord.ui.select import BaseSelect

from bot.interactions.kit.authorization import First, Rule, authorize, refuse
from bot.interactions.kit.errors import explain_errors
from bot.interactions.kit.layouts import components_of
from bot.interactions.services import Interaction
from bot.text.languages import Sentence
from bot.text.paging import Page, neighbours

# Discord's limit.
ID_CHARACTERS: Final = 100

# A row's number or a snowflake, below 2**63, where SQLite's integers end. Not \d, because that also
# matches digits of other scripts.
NUMBER: Final = r"(?:[1-8]?[0-9]{1,18})"
_NONCE_BITS: Final = 48


class Part(NamedTuple):
    """Pattern of one value in a custom_id, without groups, and a function to read the value."""

    pattern: str
    read: Callable[[str], Any]


# Unique suffix of a form's id.
NONCE: Final = Part(r"[0-9a-f]{1,12}", str)

# Beginning of a recorded passage's digest.
DIGEST: Final = Part(r"[0-9a-f]{1,32}", str)

# An integer, an enum member, one of several words, or another pattern.
PartType = type[int] | type[StrEnum] | tuple[str, ...] | Part


class CustomId:
    """Format of a custom_id: a prefix and named values, separated by colons.

    `CustomId("board", page=int, period=Period)` writes and reads `board:2:week`.
    """

    def __init__(self, prefix: str, /, **parts: PartType) -> None:
        self.prefix: Final = prefix
        self.parts: Final = {name: _part(kind) for name, kind in parts.items()}
        groups = (f"(?P<{name}>{part.pattern})" for name, part in self.parts.items())
        self.pattern: Final = re.compile(":".join([prefix, *groups]))

    def format(self, **values: object) -> str:
        """The custom_id with these values; ValueError if one is missing, unknown or unfit."""
        text = ":".join([self.prefix, *(str(values.get(name)) for name in self.parts)])
        if values.keys() != self.parts.keys() or not self.pattern.fullmatch(text):
            raise ValueError(f"{text} with {values} is no {self.pattern.pattern}.")
        return text

    def parse(self, custom_id: str) -> dict[str, Any] | None:
        """Return the values in a custom_id; None if the custom_id has another format."""
        match = self.pattern.fullmatch(custom_id)
        return self.read(match) if match else None

    def read(self, match: re.Match[str]) -> dict[str, Any]:
        """Read the values from a match of `pattern`."""
        return {name: part.read(match[name]) for name, part in self.parts.items()}


def _part(kind: PartType) -> Part:
    if isinstance(kind, Part):
        return kind
    if isinstance(kind, tuple):
        words = {str(word): word for word in kind}
        return Part("|".join(words), words.__getitem__)
    return Part("|".join(kind), kind) if issubclass(kind, StrEnum) else Part(NUMBER, int)


def nonce() -> str:
    """A unique number, because discord.py finds an open form by its id alone."""
    return f"{secrets.randbits(_NONCE_BITS):x}"


_NEVER = re.compile(r"(?!)")


def forbid_overrides(kind: type, *callbacks: str) -> None:
    """Refuse a component class that would bypass its rule; TypeError if it does."""
    for name in callbacks:
        if name in vars(kind):
            raise TypeError(f"{kind.__name__}.{name} would go around the component's rule.")


class _Component:
    """Shared behaviour of buttons and selects: ids, rule, first response."""

    ids: ClassVar[CustomId]
    rule: ClassVar[Rule]
    first: ClassVar[First | Mapping[Any, First]]

    def first_response(self, _interaction: Interaction) -> First:
        """Return the first response to this click, which may depend on the button's action."""
        first = type(self).first
        return first if isinstance(first, First) else first[vars(self)["action"]]

    @final
    async def _authorized(self, interaction: Interaction) -> bool:
        """Apply the rule, and return whether the click is admitted; if not, send the refusal."""
        values = {name: vars(self)[name] for name in self.ids.parts}
        first = self.first_response(interaction)
        found = await authorize(interaction, first, type(self).rule, values)
        if isinstance(found, Sentence):
            await refuse(interaction, first, found)
            return False
        vars(self).update(found)
        return True

    @classmethod
    def values_on(cls, message: discord.Message | None) -> dict[str, Any] | None:
        """Return the custom_id values of the message's first component of this class, or None."""
        for component in components_of(message) if message is not None else ():
            values = cls.ids.parse(getattr(component, "custom_id", None) or "")
            if values is not None:
                return values
        return None


class Button(
    _Component, discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=_NEVER
):
    """Button that works after a restart: the values in its custom_id are its attributes."""

    labels: ClassVar[Mapping[Any, Sentence]]
    styles: ClassVar[Mapping[Any, discord.ButtonStyle]]

    def __init_subclass__(
        cls,
        *,
        ids: CustomId,
        rule: Rule,
        first: First | Mapping[Any, First] = First.THINKING,
        labels: Mapping[Any, Sentence] = MappingProxyType({}),
        styles: Mapping[Any, discord.ButtonStyle] = MappingProxyType({}),
    ) -> None:
        """Declare a kind of button.

        Its `rule` decides whether a click may do anything. `labels` and `styles` have an entry for
        each `action` of the ids; so may `first`, the first response to a click. The default style
        is gray.
        """
        super().__init_subclass__(template=ids.pattern)
        forbid_overrides(cls, "callback", "_authorized")
        cls.ids, cls.rule, cls.first = ids, rule, first
        cls.labels, cls.styles = labels, styles
        _HANDLERS[ids.prefix] = cls

    def __init__(self, label: str | None = None, *, row: int | None = None, **values: Any) -> None:
        """Make a button with these values in its custom_id; without a `label`, its action's."""
        action = values.get("action")
        text = self.labels[action]() if label is None else label
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
        # The label is on the message.
        return cls("", **cls.ids.read(match))

    @explain_errors
    async def callback(self, interaction: Interaction) -> None:
        if await self._authorized(interaction):
            await self.on_click(interaction)

    async def on_click(self, interaction: Interaction) -> None:
        """Handle an authorized click; the client explains exceptions to the member."""
        raise NotImplementedError


_HANDLERS: Final[dict[str, type[Button]]] = {}


def handler(prefix: str) -> type[Button]:
    """Return the class of buttons with this id prefix; the class must be imported already."""
    return _HANDLERS[prefix]


class Select(
    _Component, discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=_NEVER
):
    """Single-choice select that works after a restart, like `Button`."""

    def __init_subclass__(cls, *, ids: CustomId, rule: Rule, first: First = First.THINKING) -> None:
        """Declare a kind of select, as `Button.__init_subclass__` does."""
        super().__init_subclass__(template=ids.pattern)
        forbid_overrides(cls, "callback", "_authorized")
        cls.ids, cls.rule, cls.first = ids, rule, first

    def __init__(
        self, placeholder: str = "", options: Sequence[discord.SelectOption] = (), **values: Any
    ) -> None:
        """Make a select with these values in its custom_id; after a restart, without options."""
        super().__init__(
            discord.ui.Select(
                custom_id=self.ids.format(**values),
                placeholder=placeholder or None,
                options=list(options),
            )
        )
        vars(self).update(values)

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        made = cls(**cls.ids.read(match))
        # discord.py stores the choice in the item it found, not in this object.
        if isinstance(item, BaseSelect):
            made.item = cast("discord.ui.Select[discord.ui.View]", item)
        return made

    @explain_errors
    async def callback(self, interaction: Interaction) -> None:
        if await self._authorized(interaction):
            await self.on_choice(interaction, next(iter(self.item.values), ""))

    async def on_choice(self, interaction: Interaction, value: str) -> None:
        """Handle an authorized choice; a forged request can have a `value` outside the options."""
        raise NotImplementedError


def view_of(buttons: Iterable[discord.ui.Item[Any]]) -> discord.ui.View | None:
    """Return a view that never times out, or None if there are no buttons."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view if view.children else None


def pages_view(
    page: Page,
    labels: tuple[Sentence, Sentence],
    button: Callable[[int, str], discord.ui.Item[Any]],
) -> discord.ui.View | None:
    """The buttons, named by `labels`, to the page before and after; None for a single page."""
    before, after = (label() for label in labels)
    beside = neighbours(page.number, page.count, before, after)
    return view_of(button(number, label) for number, label in beside)
