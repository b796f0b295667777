"""Small files of the data folder, JSON as a rule, each replaced as a whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_json(path: Path, fields: Any, *, only_first: bool = False) -> None:
    """As `write_text`, of what JSON can hold."""
    write_text(path, json.dumps(fields, indent=1, ensure_ascii=False), only_first=only_first)


def write_text(path: Path, text: str, *, only_first: bool = False) -> None:
    """Put a file in place of the one there; it is on the disk when this returns.

    Args:
        path: whose folder is there.
        text: what it is to say.
        only_first: leave one that is there as it is, also where another process is as quick.

    Raises:
        OSError: if it can't be written; then nothing is changed.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if not only_first:
            Path(name).replace(path)
        elif not path.exists():
            try:
                # Fails where another process was first.
                os.link(name, path)
            except FileExistsError:
                return
    finally:
        Path(name).unlink(missing_ok=True)
