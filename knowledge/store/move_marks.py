"""Marks of a community database that was moved or is being moved; they prevent opening it.

A mark is stored among the migrations. During a move, at most one of the two databases is unmarked.
"""

from collections.abc import Iterable
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.database_url import is_database_url, shown_database_url

_MOVED: Final = "moved to "
_MOVING: Final = "being moved from "


class StoreMovedError(StoreError):
    """The community database was moved elsewhere, or a move to it wasn't finished."""


def moved_to(place: str) -> str:
    """The mark of a database moved to another place, a URL or a path."""
    return f"{_MOVED}{place}"


def moving_from(place: str) -> str:
    """The mark of a database being filled from another database."""
    return f"{_MOVING}{place}"


def is_mark(name: str) -> bool:
    return name.startswith((_MOVED, _MOVING))


def refuse_marked(here: str, names: Iterable[str]) -> None:
    """Refuse a database with a mark among the names of its migrations.

    Raises:
        StoreMovedError: if there is a mark; the message names the remedy.
    """
    for name in filter(is_mark, names):
        if name.startswith(_MOVING):
            raise StoreMovedError(
                f"{here} was being filled from {_shown(name.removeprefix(_MOVING))} by "
                "`commonplace cluster migrate`, which was stopped: run it again, with the same "
                "--to."
            )
        place = name.removeprefix(_MOVED)
        remedy = (
            "name it as `data.database` in config.toml"
            if is_database_url(place)
            else "take `data.database` out of config.toml, and name that folder with --data"
        )
        raise StoreMovedError(f"{here} was moved to {_shown(place)}: {remedy}.")


def _shown(place: str) -> str:
    return f"the database {shown_database_url(place)}" if is_database_url(place) else place
