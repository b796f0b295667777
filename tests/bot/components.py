"""What the bot's features define: kinds of buttons, lists and forms, and parts by their class."""

from typing import Final, TypeVar

from bot.interactions.features import feature_folders
from bot.interactions.services import Services

_Part = TypeVar("_Part")

BUTTONS: Final = tuple(kind for folder in feature_folders() for kind in folder.components)
FORMS: Final = tuple(kind for folder in feature_folders() for kind in folder.forms)


def part(bot: Services, kind: type[_Part]) -> _Part:
    """The first object of a class among what the bot and its cogs hold, or what that holds."""
    held = [*bot.cogs.values(), *vars(bot).values()]
    held += [one for each in held for one in getattr(each, "__dict__", {}).values()]
    return next(one for one in held if isinstance(one, kind))
