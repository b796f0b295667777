"""Shared choices: which model, reranker and calibration serve is the same on each machine.

They are small files of the data folder. Where the database is PostgreSQL, what they say is a row
there, too, and the row counts: a file that was changed here is written into it, and a row that was
changed elsewhere into the file, which is followed as if it had been changed here. The weights of a
model stay where they are: a machine that lacks them says so when it is to open that model.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.storage.data_folder import DataFolderError, open_store
from bot.storage.json_file import write_text
from knowledge.store.store import Store

# The files that hold a choice. A row of any other name is no file to be written here.
_FILES: Final = re.compile(r"(?:model|reranker)\.json|calibration(?:\.[0-9a-f]{16})?\.toml")
_PATTERNS: Final = ("model.json", "reranker.json", "calibration*.toml")
_KEY: Final = "machines: choice of "


class SharedChoices:
    """The choices of a data folder and those of a database, kept the same."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        # What both said when they were compared last.
        self._known: dict[str, str] = {}

    def compare(self) -> None:
        """Take in what was chosen elsewhere, and tell others what was chosen here.

        Where both have changed, the database's counts; so does it at first.

        Raises:
            DataFolderError: if a file can't be read or written.
            StoreError: if the database can't be used.
        """
        try:
            rows, files = self._rows(), self._files()
            for name in sorted({*rows, *files}):
                row, said, known = rows.get(name), files.get(name), self._known.get(name)
                if row is not None and (row != known or said is None):
                    if row != said:
                        write_text(self._folder / name, row)
                    self._known[name] = row
                elif said is not None and said != known:
                    self._known[name] = self._told(name, row, said)
        except OSError as error:
            raise DataFolderError(
                f"What was chosen can't be read or written in {self._folder}: "
                f"{error.strerror or error}."
            ) from error

    def _told(self, name: str, before: str | None, said: str) -> str:
        """Write what a file says into its row, unless that has changed meanwhile."""
        with self._store.database.writing():
            now = self._store.recall(_KEY + name)
            if now == before:
                self._store.remember(_KEY + name, said)
                return said
        # Taken in the next time.
        return before or ""

    def _rows(self) -> dict[str, str]:
        found = self._store.remembered(_KEY)
        return {name: said for name, said in found.items() if _FILES.fullmatch(name)}

    def _files(self) -> dict[str, str]:
        found = {}
        for path in (path for pattern in _PATTERNS for path in self._folder.glob(pattern)):
            said = path.read_text(encoding="utf-8", errors="replace")
            if _FILES.fullmatch(path.name) and _is_sound(path.name, said):
                found[path.name] = said
        return found


def _is_sound(name: str, text: str) -> bool:
    """Whether others could read it: what is damaged here is not for them, and taken from them."""
    read = json.loads if name.endswith(".json") else tomllib.loads
    try:
        read(text)
    except ValueError:
        return False
    return True


@contextmanager
def sharing(folder: Path, url: str) -> Iterator[None]:
    """Choose in a data folder as the machines do that share the database of a URL, if there is one.

    Raises:
        DataFolderError, StoreError: as `SharedChoices.compare`; what was chosen counts here then.
    """
    if not url:
        yield
        return
    with open_store(folder, url) as store:
        choices = SharedChoices(store, folder)
        choices.compare()
        yield
        choices.compare()
