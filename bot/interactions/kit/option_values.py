"""Validation of command options against the declared types, choices and bounds.

Discord's client offers only valid values, and discord.py checks almost none of them. This check
covers all commands, so features can trust their options.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from discord import AppCommandOptionType as Kind
from discord import app_commands

from bot.interactions.kit.buttons import NUMBER

# Keys of Discord's `resolved` data with the ids of each kind of option.
_RESOLVED: Final = {
    Kind.user: ("users",),
    Kind.channel: ("channels",),
    Kind.role: ("roles",),
    Kind.mentionable: ("users", "roles"),
    Kind.attachment: ("attachments",),
}
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.string: (str,),
    Kind.boolean: (bool,),
    Kind.integer: (int,),
    Kind.number: (int, float),
}
# Discord's own bounds: characters of a text, and integers exact in JavaScript.
_LARGEST: Final = {Kind.string: 6_000, Kind.integer: 2**53, Kind.number: 2**53}


def misfit(tree: app_commands.CommandTree[Any], data: Mapping[str, Any]) -> str | None:
    """The first option of an invoked command with an invalid value, if any."""
    if data.get("type", 1) != 1:
        return None
    command = tree.get_command(data["name"])
    options = data.get("options") or []
    while isinstance(command, app_commands.Group) and options:
        [first, *_] = options
        command, options = command.get_command(first["name"]), first.get("options") or []
    if not isinstance(command, app_commands.Command):
        return None
    declared = {parameter.display_name: parameter for parameter in command.parameters}
    resolved = data.get("resolved") or {}
    for option in options:
        parameter = declared.get(option["name"])
        if parameter is not None and not _fits(parameter, option, resolved):
            return str(option["name"])
    return None


def _fits(
    parameter: app_commands.Parameter, option: Mapping[str, Any], resolved: Mapping[str, Any]
) -> bool:
    value: Any = option.get("value")
    kind = parameter.type
    if option.get("type") != kind.value:
        return False
    if kind in _RESOLVED:
        return _is_known(parameter, value, resolved)
    # In Python, a bool is an int.
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind is Kind.boolean):
        return False
    if parameter.choices:
        return value in [choice.value for choice in parameter.choices]
    if kind is Kind.boolean:
        return True
    size: float = len(value) if isinstance(value, str) else value
    least, most = parameter.min_value, parameter.max_value
    within = (least is None or least <= size) and (most is None or size <= most)
    return within and abs(size) <= _LARGEST[kind]


def _is_known(parameter: app_commands.Parameter, value: Any, resolved: Mapping[str, Any]) -> bool:
    """Whether a value is an id in Discord's `resolved` data, of an allowed channel type."""
    if not isinstance(value, str) or not re.fullmatch(NUMBER, value):
        return False
    known = [(resolved.get(group) or {}).get(value) for group in _RESOLVED[parameter.type]]
    kinds = [kind.value for kind in parameter.channel_types]
    return any(value is not None and (not kinds or value.get("type") in kinds) for value in known)
