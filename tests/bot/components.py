"""What the bot's features define: kinds of buttons, lists and forms, and parts by their class."""

from typing import Any, Final, TypeVar

from bot.interactions.features import feature_folders

_Part = TypeVar("_Part")

BUTTONS: Final = tuple(kind for folder in feature_folders() for kind in folder.components)
FORMS: Final = tuple(kind for folder in feature_folders() for kind in folder.forms)


def part(bot: Any, kind: type[_Part]) -> _Part:
    """The first object of a class that the bot, its cogs, their attributes or its rounds hold."""
    held = [*bot.cogs.values(), *vars(bot).values()]
    held += [one for each in held for one in getattr(each, "__dict__", {}).values()]
    rounds = (one for feature in bot._features for one in feature.rounds)
    held += [getattr(each.step, "__self__", None) for each in rounds]
    return next(one for one in held if isinstance(one, kind))
