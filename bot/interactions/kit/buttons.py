"""Persistent components: the format of a custom_id, base classes of buttons and lists, views.

Buttons and forms outlive the process that made them. Their ids come back from Discord and may be
forged on the way: every click goes through `bot.interactions.policy.rules`. An id in any other
format was not made by this version of the bot.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple, Self, cast, final

import discord
from discord.ui.select import BaseSelect

from bot.interactions.kit.door import First, Rule, enter, refuse
from bot.interactions.kit.errors import explained
from bot.interactions.kit.layouts import components_of
from bot.interactions.services import Interaction
from bot.text.languages import Sentence
from bot.text.markdown import Page, neighbours
from knowledge.values.guilds import Language

# Discord's limit.
ID_CHARACTERS: Final = 100

# A row's number or a Discord id, below 2**63, where SQLite's integers end. Not \d: the digits of
# other scripts are digits, too.
NUMBER: Final = r"(?:[1-8]?[0-9]{1,18})"
_NONCE_BITS: Final = 48


class Part(NamedTuple):
    """How one value is written in a custom_id: a pattern without groups, and what reads it."""

    pattern: str
    read: Callable[[str], Any]


# What is at the end of a form's id.
NONCE: Final = Part(r"[0-9a-f]{1,12}", str)

# What names a recorded passage.
DIGEST: Final = Part(r"[0-9a-f]{1,32}", str)

# A number, one of an enumeration's members, one of some words, or anything else by its pattern.
PartType = type[int] | type[StrEnum] | tuple[str, ...] | Part


class CustomId:
    """The format of a custom_id: a prefix and named values, with colons between.

    `CustomId("board", page=int, period=Period)` writes and reads `board:2:week`.
    """

    def __init__(self, prefix: str, /, **parts: PartType) -> None:
        self.prefix: Final = prefix
        self.parts: Final = {name: _part(kind) for name, kind in parts.items()}
        groups = (f"(?P<{name}>{part.pattern})" for name, part in self.parts.items())
        self.pattern: Final = re.compile(":".join([prefix, *groups]))

    def format(self, **values: object) -> str:
        """The custom_id with these values.

        Raises:
            ValueError: if they are not those that the format has, or one does not fit it.
        """
        text = ":".join([self.prefix, *(str(values.get(name)) for name in self.parts)])
        if values.keys() != self.parts.keys() or not self.pattern.fullmatch(text):
            raise ValueError(f"{text} with {values} is no {self.pattern.pattern}.")
        return text

    def parse(self, custom_id: str) -> dict[str, Any] | None:
        """The values in a custom_id; None if it has another format."""
        match = self.pattern.fullmatch(custom_id)
        return self.values(match.groupdict()) if match else None

    def values(self, written: Mapping[str, str]) -> dict[str, Any]:
        """The values of a custom_id that was matched already."""
        return {name: part.read(written[name]) for name, part in self.parts.items()}


def _part(kind: PartType) -> Part:
    if isinstance(kind, Part):
        return kind
    if isinstance(kind, tuple):
        words = {str(word): word for word in kind}
        return Part("|".join(words), words.__getitem__)
    return Part("|".join(kind), kind) if issubclass(kind, StrEnum) else Part(NUMBER, int)


def nonce() -> str:
    """A number for the id of a form that is opened now, which no other has.

    discord.py finds an open form by its id alone: with the same one, what one member sends would
    go into the form that another has opened since.
    """
    return f"{secrets.randbits(_NONCE_BITS):x}"


_NEVER = re.compile(r"(?!)")


def through_the_door(kind: type, *callbacks: str) -> None:
    """See to it that a kind of component leaves these methods, which enter, as they are.

    Raises:
        TypeError: if it has one of its own.
    """
    for name in callbacks:
        if name in vars(kind):
            raise TypeError(f"{kind.__name__}.{name} would go around the component's rule.")


class _Posted:
    """What is below messages under an id of one format."""

    ids: ClassVar[CustomId]
    rule: ClassVar[Rule]
    first: ClassVar[First | Mapping[Any, First]]

    def first_response(self, _interaction: Interaction) -> First:
        """The first response to this click, by its action where that matters."""
        first = type(self).first
        return first if isinstance(first, First) else first[vars(self)["action"]]

    @final
    async def _entered(self, interaction: Interaction) -> bool:
        """Whether the click may do something; its sender is told why not."""
        values = {name: vars(self)[name] for name in self.ids.parts}
        first = self.first_response(interaction)
        found = await enter(interaction, first, type(self).rule, values)
        if isinstance(found, Sentence):
            await refuse(interaction, first, found)
            return False
        vars(self).update(found)
        return True

    @classmethod
    def values_on(cls, message: discord.Message | None) -> dict[str, Any] | None:
        """The values of the first component of this kind on a message; None if there is none."""
        for component in components_of(message) if message is not None else ():
            values = cls.ids.parse(getattr(component, "custom_id", None) or "")
            if values is not None:
                return values
        return None


class Button(_Posted, discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=_NEVER):
    """A button that works after a restart: the values in its custom_id are its attributes."""

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
        """Have discord.py find this kind of button by its ids; labels and styles are by action.

        So may be its `first` response; its `rule` says whether a click may do anything.
        """
        super().__init_subclass__(template=ids.pattern)
        through_the_door(cls, "callback", "_entered")
        cls.ids, cls.rule, cls.first = ids, rule, first
        cls.labels, cls.styles = labels, styles
        _HANDLERS[ids.prefix] = cls

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
        if await self._entered(interaction):
            await self.clicked(interaction)

    async def clicked(self, interaction: Interaction) -> None:
        """Do what a click does, after the first response and the rule.

        Whatever it raises is explained to whoever clicked.
        """
        raise NotImplementedError


_HANDLERS: Final[dict[str, type[Button]]] = {}


def handler(prefix: str) -> type[Button]:
    """The class of the buttons whose ids begin with a prefix, once its feature is imported."""
    return _HANDLERS[prefix]


class Select(_Posted, discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=_NEVER):
    """A list to choose one from that works after a restart, as `Button`s do."""

    def __init_subclass__(cls, *, ids: CustomId, rule: Rule, first: First = First.THINKING) -> None:
        """Have discord.py find this kind of list by its ids, and have choices follow a `rule`."""
        super().__init_subclass__(template=ids.pattern)
        through_the_door(cls, "callback", "_entered")
        cls.ids, cls.rule, cls.first = ids, rule, first

    def __init__(
        self, placeholder: str = "", options: Sequence[discord.SelectOption] = (), **values: Any
    ) -> None:
        """The list with the values that its id has; made anew from its id, it needs no options."""
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
        made = cls(**cls.ids.values(match.groupdict()))
        # What was chosen comes with the interaction, into the item that discord.py found.
        if isinstance(item, BaseSelect):
            made.item = cast("discord.ui.Select[discord.ui.View]", item)
        return made

    @explained
    async def callback(self, interaction: Interaction) -> None:
        if await self._entered(interaction):
            await self.chosen(interaction, next(iter(self.item.values), ""))

    async def chosen(self, interaction: Interaction, value: str) -> None:
        """Do what choosing does, after the first response and the rule.

        A forged `value` is one that the list does not offer.
        """
        raise NotImplementedError


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

    `labels` are of the buttons to the page before and to the next one; `button` makes the one to a
    page, counted from 0, with its label.
    """
    before, after = (label(language) for label in labels)
    beside = neighbours(page.number, page.count, before, after)
    return view_of(button(number, label) for number, label in beside)
