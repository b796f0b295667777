"""Errors in buttons, forms and listeners go to the client's one handler, as commands' errors do.

discord.py only logs an exception in a button's callback, and the member sees «This interaction
failed» with nothing to report.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord

_P = ParamSpec("_P")
_Self = TypeVar("_Self")

_Callback = Callable[Concatenate[_Self, discord.Interaction[Any], _P], Awaitable[None]]


def explained(callback: _Callback[_Self, _P]) -> Callable[..., Any]:
    """Make a callback that stopping waits for, and whose exceptions the client explains."""

    @functools.wraps(callback)
    async def wrapped(
        self: _Self, interaction: discord.Interaction[Any], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        interaction.client.take()
        try:
            await callback(self, interaction, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the way to the one broad handler
            await interaction.client.explain(interaction, error)

    return wrapped
