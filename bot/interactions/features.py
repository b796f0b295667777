"""Feature discovery: each folder of `bot` with a module `ui/cog.py` is a feature.

A new feature needs no entry in a list. The function `feature(bot)` in `ui/cog.py` returns the
feature's cogs and its rounds, which are steps that the client repeats. The client also registers
each class of buttons, lists or forms that a module of `ui` defines.

Errors:
    Exception
    └── FeatureError    a feature can't be loaded; the bot doesn't start without it
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, TypeAlias, TypeVar

from discord.ext import commands

import bot
from bot.interactions.kit.buttons import Button, Select
from bot.interactions.kit.forms import Form
from bot.interactions.services import Services, Step

Component: TypeAlias = type[Button] | type[Select]

_Kind = TypeVar("_Kind")
_COG: Final = "cog"


class FeatureError(Exception):
    """A feature can't be loaded."""


class Start(Enum):
    """When a round begins: after login, after the index update, or once all guilds are loaded."""

    LOGIN = 1
    INDEXED = 2
    CONNECTED = 3


class Round(NamedTuple):
    """A step that each process, or only the leading one for all guilds, repeats every `seconds`."""

    seconds: float
    step: Step
    by_leader: bool = False
    start: Start = Start.CONNECTED


class Feature(NamedTuple):
    """Parts of a feature that the client runs.

    The steps in `takes_over` run after this process has taken over a shard of another process.
    """

    cogs: Sequence[commands.Cog] = ()
    rounds: Sequence[Round] = ()
    takes_over: Sequence[Step] = ()


class FeatureFolder(NamedTuple):
    """A feature's folder: its function `feature`, and the kinds of components it defines."""

    name: str
    make: Callable[[Services], Feature]
    components: tuple[Component, ...]
    forms: tuple[type[Form], ...]


@functools.cache
def feature_folders(package: ModuleType = bot) -> tuple[FeatureFolder, ...]:
    """Import a package's features, in the order of their names; FeatureError if one can't be."""
    cogs = sorted(Path(package.__path__[0]).glob(f"*/ui/{_COG}.py"))
    return tuple(_import_folder(package, path.parent) for path in cogs)


def _import_folder(package: ModuleType, ui: Path) -> FeatureFolder:
    name = f"{package.__name__}.{ui.parent.name}"
    try:
        names = sorted(path.stem for path in ui.glob("*.py") if path.stem != "__init__")
        modules = [import_module(f"{name}.ui.{module}") for module in names]
        make: Callable[[Services], Feature] = modules[names.index(_COG)].feature
    except Exception as error:
        raise FeatureError(f"The feature {name} can't be loaded: {error}") from error
    components: list[Component] = [
        *_subclasses_in(modules, Button),
        *_subclasses_in(modules, Select),
    ]
    return FeatureFolder(ui.parent.name, make, tuple(components), _subclasses_in(modules, Form))


def _subclasses_in(modules: Iterable[ModuleType], base: type[_Kind]) -> tuple[type[_Kind], ...]:
    return tuple(
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == module.__name__
    )
