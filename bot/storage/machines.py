"""Machines that share a PostgreSQL database, and the source files that each of them has.

A data folder identifies a machine: all its processes share it, and a new container keeps it. A path
belongs to the machine where it was added, or else to the first one where it exists. Only this
machine reads it, but all answer from its documents. Adding the path elsewhere changes its owner.
"""

import json
import socket
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.storage.json_file import write_json
from knowledge.files.scan import missing_source_failures
from knowledge.store.store import Store, StoreError
from knowledge.values.source_locations import is_visited, repository_at

FILE: Final = "machine.json"


@dataclass(frozen=True, slots=True)
class Machine:
    """A data folder; `name` is the host name at its first use."""

    id: str
    name: str


def this_machine(folder: Path) -> Machine:
    """The machine of a data folder; gives it an id at first use.

    Raises:
        StoreError: if its file can't be read or written.
    """
    path = folder / FILE
    try:
        if not path.exists():
            made = Machine(uuid.uuid4().hex, socket.gethostname() or "unnamed")
            # Another process on the same folder may do so at the same time.
            write_json(path, asdict(made), only_first=True)
        return Machine(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path}, the id of this machine, can't be used ({error}). Delete it, then add this "
            "machine's files and folders again: `commonplace source add PATH`."
        ) from error


class SourceMachines:
    """Register of the machine that owns each path among the sources, in the database."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store = store
        self.machine = machine

    def claim(self, locations: Sequence[str]) -> dict[str, str]:
        """Record this machine as the owner of the paths among these sources.

        Returns:
            The names of the previous owners, by location.
        """
        before = {}
        for location in filter(_path_of, locations):
            owner = self._owner(location)
            if owner != self.machine:
                self._store.remember(_key(location), json.dumps(asdict(self.machine)))
            if owner is not None and owner.id != self.machine.id:
                before[location] = owner.name
        return before

    def elsewhere(self) -> dict[str, str]:
        """Paths on other machines: location → machine name.

        A path without an owner belongs to this machine if it exists here. A repository that no
        machine has yet gets the name "", so that it doesn't count as deleted.
        """
        found = {}
        for location, _ in self._store.sources():
            path = _path_of(location)
            owner = self._owner(location) if path else self.machine
            if owner is None and not missing_source_failures(path):
                owner = self._first_claim(location)
            if owner is not None and owner.id != self.machine.id:
                found[location] = owner.name
            elif owner is None and is_visited(location):
                found[location] = ""
        return found

    def _first_claim(self, location: str) -> Machine:
        with self._store.database.writing():
            # Another machine may have been quicker.
            owner = self._owner(location)
            if owner is None:
                self.claim([location])
        return owner or self.machine

    def _owner(self, location: str) -> Machine | None:
        recorded = self._store.recall(_key(location))
        return None if recorded is None else Machine(**json.loads(recorded))


def _key(location: str) -> str:
    return f"machines: has {location}"


def _path_of(location: str) -> str:
    """The path of a source; "" for sources on the web."""
    repository = repository_at(location)
    if repository is not None:
        return repository.url if repository.is_local else ""
    return "" if is_visited(location) else location
