"""`CustomId`: the format of a custom_id, which says what a button or a form is about. Pure.

Buttons and forms outlive the process that made them; their ids come back from Discord, and may be
forged on the way. What is no id by these formats was not made by this version of the bot.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

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

# A number, one of an enumeration's members, one of some words, or anything else by its pattern.
PartType = type[int] | type[StrEnum] | tuple[str, ...] | Part


class CustomId:
    """The format of a custom_id: a prefix and named values, with colons between.

    `CustomId("board", page=int, period=Period)` writes and reads `board:2:week`.
    """

    def __init__(self, prefix: str, /, **parts: PartType) -> None:
        """The format with these values, in this order."""
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
