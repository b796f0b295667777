"""Atomic writes of small JSON files."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_json(path: Path, fields: Any, *, only_first: bool = False) -> None:
    """Write fields as JSON, atomically and durably.

    With `only_first`, an existing file is kept, even if another process creates it meanwhile.
    OSError if the file can't be written; nothing was changed.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(fields, indent=1, ensure_ascii=False))
            file.flush()
            os.fsync(file.fileno())
        if not only_first:
            Path(name).replace(path)
        elif not path.exists():
            try:
                # Fails if another process was first.
                os.link(name, path)
            except FileExistsError:
                return
    finally:
        Path(name).unlink(missing_ok=True)
