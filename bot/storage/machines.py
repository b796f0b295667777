"""Machines: which of several that share a database has the files and folders that are sources.

A machine is a data folder: every process on it has the same one, and a container that is made anew
keeps it. Where the database is PostgreSQL, a source that is a path belongs to one machine: that on
which it was added, or the first one that sees it. No other machine looks for it, and what was read
from it stays in the index. To add it again, on another machine, moves it there.
"""

import json
import socket
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.storage.json_file import write_json
from knowledge.files.scan import absence
from knowledge.store.store import Store, StoreError
from knowledge.values.source_locations import is_visited, repository_at

FILE: Final = "machine.json"


@dataclass(frozen=True, slots=True)
class Machine:
    """A data folder; `name` is what its machine was called when the folder was first used."""

    id: str
    name: str


def this_machine(folder: Path) -> Machine:
    """The machine that a data folder is on; it is given an id where it has none.

    Raises:
        StoreError: if its file can't be read or written.
    """
    path = folder / FILE
    try:
        if not path.exists():
            made = Machine(uuid.uuid4().hex, socket.gethostname() or "unnamed")
            # Another process on the same folder may be as quick.
            write_json(path, asdict(made), only_first=True)
        return Machine(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path}, which says which machine this is, can't be used ({error}). Delete it, then "
            "add the files and folders that are sources on this machine again: `commonplace source "
            "add PATH`."
        ) from error


class SourceMachines:
    """Which machine has each source that is a path, as the database remembers it."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store = store
        self.machine = machine

    def take(self, locations: Sequence[str]) -> dict[str, str]:
        """Let this machine have sources from now on.

        Returns:
            The names of the machines that had them before, by location.
        """
        before = {}
        for location in filter(_path_of, locations):
            had = self._had(location)
            if had != self.machine:
                self._store.remember(_key(location), json.dumps(asdict(self.machine)))
            if had is not None and had.id != self.machine.id:
                before[location] = had.name
        return before

    def elsewhere(self) -> dict[str, str]:
        """The sources that are paths on other machines: location → that machine's name.

        What nobody has belongs to this machine, if it is here. A repository that is on none yet
        has no name: it is not to be taken for deleted.
        """
        found = {}
        for location, _ in self._store.sources():
            path = _path_of(location)
            had = self._had(location) if path else self.machine
            if had is None and not absence(path):
                had = self._taken_first(location)
            if had is not None and had.id != self.machine.id:
                found[location] = had.name
            elif had is None and is_visited(location):
                found[location] = ""
        return found

    def _taken_first(self, location: str) -> Machine:
        with self._store.database.writing():
            # Another machine may have been quicker.
            had = self._had(location)
            if had is None:
                self.take([location])
        return had or self.machine

    def _had(self, location: str) -> Machine | None:
        told = self._store.recall(_key(location))
        return None if told is None else Machine(**json.loads(told))


def _key(location: str) -> str:
    return f"machines: has {location}"


def _path_of(location: str) -> str:
    """The path that a source is; none of one on the web."""
    repository = repository_at(location)
    if repository is not None:
        return repository.url if repository.is_local else ""
    return "" if is_visited(location) else location
