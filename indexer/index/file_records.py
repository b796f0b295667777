"""Records of the imported files: a table of the index database.

It is derived like everything in the index: without it, every file is parsed once more. All
functions take the index's own connection and leave transactions to the caller.
"""

import json
import os
from collections.abc import Collection
from dataclasses import asdict, astuple, fields
from datetime import datetime
from typing import Final

from indexer.index.bound_values import marks
from indexer.index.database import Connection
from knowledge.store.rows import record
from knowledge.values.documents import Failure, FileRecord, Scope

_COLUMNS: Final = tuple(field.name for field in fields(FileRecord))
# Under this the manifest has how often they have changed.
_VERSION: Final = "files"
_SELECT: Final = f"select {', '.join(_COLUMNS)} from files"  # noqa: S608 - names of ours


def records(db: Connection) -> dict[str, FileRecord]:
    return {
        row["path"]: record(
            FileRecord,
            row,
            scope=Scope(row["scope"]),
            read_at=datetime.fromisoformat(row["read_at"]),
            documents=tuple(json.loads(row["documents"])),
            failures=tuple(Failure(*failure) for failure in json.loads(row["failures"])),
        )
        for row in (dict(zip(_COLUMNS, values, strict=True)) for values in db.rows(_SELECT))
    }


def document_ids(db: Connection, location: str) -> list[str]:
    """The ids of the documents from a file, or from the files in a folder."""
    inside = location.rstrip(os.sep) + os.sep
    rows = db.rows(
        "select documents from files where path = ? or (path >= ? and path < ?)",
        (location, inside, inside[:-1] + chr(ord(os.sep) + 1)),
    )
    return list(dict.fromkeys(one for [documents] in rows for one in json.loads(documents)))


def version(db: Connection) -> str:
    """What changes whenever the record of any file does, by whatever process."""
    row = db.one("select value from manifest where key = ?", [_VERSION])
    return str(row[0]) if row else ""


def _raise_version(db: Connection) -> None:
    """Lock the row until the transaction ends: one process at a time changes records."""
    db.run(
        "insert into manifest (key, value) values (?, '1') on conflict (key) do update "
        "set value = cast(cast(manifest.value as bigint) + 1 as text)",
        [_VERSION],
    )


def save(db: Connection, file: FileRecord) -> None:
    _raise_version(db)
    db.run("delete from files where path = ? or document_id = ?", (file.path, file.document_id))
    failures = [astuple(failure) for failure in file.failures]
    stored = {
        "read_at": file.read_at.isoformat(),
        "documents": json.dumps(file.documents, ensure_ascii=False),
        "failures": json.dumps(failures, ensure_ascii=False),
    }
    row = {**asdict(file), **stored}
    db.run(
        f"insert into files ({', '.join(row)}) values ({marks(list(row))})",  # noqa: S608 - ours
        list(row.values()),
    )


def delete(db: Connection, paths: Collection[str]) -> None:
    if paths:
        _raise_version(db)
    db.run_many("delete from files where path = ?", [(path,) for path in paths])
