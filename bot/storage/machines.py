"""Machines that share a PostgreSQL database, and the source files that each machine has.

A machine is known by its data folder. All processes on a machine share this folder. A new container
with the same folder counts as the same machine.

A source that is a local path has one machine as its owner: the machine where the path was added, or
else the first machine where the path exists. Only the owner reads the path, but all machines answer
from its documents. Another machine becomes the owner if the path is added there again.
"""

import json
import socket
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.storage.data_folder import write_json
from knowledge.files.scan import missing_source_failures
from knowledge.sources.kinds.registry import source_at
from knowledge.store.store import Store, StoreError

FILE: Final = "machine.json"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, known by its data folder; `name` is the host name at the folder's first use."""

    id: str
    name: str


def this_machine(folder: Path) -> Machine:
    """Return the machine of a data folder, which gets an id at its first use.

    StoreError if the file with the id can't be read or written.
    """
    path = folder / FILE
    try:
        if not path.exists():
            made = Machine(uuid.uuid4().hex, socket.gethostname() or "unnamed")
            # Another process on the same folder may write the file at the same time.
            write_json(path, asdict(made), only_first=True)
        return Machine(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path}, the id of this machine, can't be used ({error}). Delete it, then add this "
            "machine's files and folders again: `commonplace source add PATH`."
        ) from error


class SourceMachines:
    """Owners of the local sources: a record in the database names one machine for each path."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store = store
        self.machine = machine

    def claim(self, locations: Sequence[str]) -> dict[str, str]:
        """Record this machine as the owner of the paths among these sources.

        Returns:
            The names of the previous owners, by location.
        """
        before = {}
        for location in locations:
            if not source_at(location).path:
                continue
            owner = self._owner(location)
            if owner != self.machine:
                self._store.remember(_key(location), json.dumps(asdict(self.machine)))
            if owner is not None and owner.id != self.machine.id:
                before[location] = owner.name
        return before

    def elsewhere(self) -> dict[str, str]:
        """Return the sources that this machine doesn't read, with the names of their owners.

        If a path without an owner exists here, this machine becomes the owner. A local repository
        may have no owner and not exist here. Then its owner's name is "", so that the caller
        doesn't treat the repository as deleted.
        """
        owners = {}
        for location, _ in self._store.sources():
            source = source_at(location)
            path = source.path
            owner = self._owner(location) if path else self.machine
            if owner is None and not missing_source_failures(path):
                with self._store.database.writing():
                    # Another machine may have been quicker.
                    if (owner := self._owner(location)) is None:
                        self.claim([location])
                owner = owner or self.machine
            if owner is not None and owner.id != self.machine.id:
                owners[location] = owner.name
            elif owner is None and source.is_visited:
                owners[location] = ""
        return owners

    def _owner(self, location: str) -> Machine | None:
        recorded = self._store.recall(_key(location))
        return None if recorded is None else Machine(**json.loads(recorded))


def _key(location: str) -> str:
    return f"machines: has {location}"
