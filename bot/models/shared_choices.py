"""Shared choices: machines on one PostgreSQL database use the same model, reranker and calibration.

These choices are small files of the data folder, each with a copy in a row of the database. A
changed file is copied to its row, and a changed row to its file. If both changed, the row is
copied. Weights aren't copied: a machine without them reports an error when it opens the model.
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

# Files with a choice. Rows with other names are never written to files.
_FILES: Final = re.compile(r"(?:model|reranker)\.json|calibration(?:\.[0-9a-f]{16})?\.toml")
_PATTERNS: Final = ("model.json", "reranker.json", "calibration*.toml")
_KEY: Final = "machines: choice of "


class SharedChoices:
    """Keeps the choices in a data folder and in a database the same."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        # The common state at the last comparison.
        self._known: dict[str, str] = {}

    def compare(self) -> None:
        """Copy changed files to their rows, and changed rows to their files.

        If both changed, the row is copied. The first call copies every row to its file.

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
                    self._known[name] = self._write_row(name, row, said)
        except OSError as error:
            raise DataFolderError(
                f"The choice of models can't be read or written in {self._folder}: "
                f"{error.strerror or error}."
            ) from error

    def _write_row(self, name: str, before: str | None, text: str) -> str:
        """Write a file's text to its row, unless the row has changed; returns the row's text."""
        with self._store.database.writing():
            now = self._store.recall(_KEY + name)
            if now == before:
                self._store.remember(_KEY + name, text)
                return text
        # The next comparison takes the row.
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
    """Whether a file is valid. A damaged file is replaced by its row."""
    read = json.loads if name.endswith(".json") else tomllib.loads
    try:
        read(text)
    except ValueError:
        return False
    return True


@contextmanager
def sharing(folder: Path, url: str) -> Iterator[None]:
    """Share a choice made in this context with other machines, if there is a database URL.

    Raises:
        DataFolderError, StoreError: as for `SharedChoices.compare`. The choice is then not shared.
    """
    if not url:
        yield
        return
    with open_store(folder, url) as store:
        choices = SharedChoices(store, folder)
        choices.compare()
        yield
        choices.compare()
