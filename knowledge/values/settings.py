"""Declarations of administrators' settings: a field of a dataclass is its type, default and facts.

The columns, the checks of imported values, the audit log and the inheritance of channels follow
from them. `bot.setup.settings` has the words, choices and pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final

_FACTS: Final = "facts"


def _within(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and least <= value <= most


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a setting besides its type and default.

    Attributes:
        check: whether an imported value is valid.
        logged: whether the audit log has its value. It holds no words of people.
        server: for a setting of a channel, the field of `GuildSettings` that the server sets.
        since: the migration that adds its column, such as `m004_songs`; see
            `knowledge.store.schema`.
    """

    check: Callable[[Any], object] = lambda _: True
    logged: bool = True
    server: str = ""
    since: str = ""


def setting(
    default: Any,
    *,
    most: int | None = None,
    check: Callable[[Any], object] | None = None,
    **facts: Any,
) -> Any:
    """Declare a field as a setting; `most` limits a number, and other values have a `check`."""
    if most is not None:
        check = _within(0, most)
    given = facts if check is None else {**facts, "check": check}
    return field(default=default, metadata={_FACTS: Facts(**given)})


@cache
def declared(kind: Any) -> Mapping[str, Facts]:
    """The facts of a dataclass's settings, by name, in order."""
    return {each.name: each.metadata[_FACTS] for each in fields(kind) if _FACTS in each.metadata}
