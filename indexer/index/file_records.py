"""Records of the imported files: a table of the index database.

It is derived like everything in the index: without it, every file is parsed once more. All
functions take the index's own connection and leave transactions to the caller.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, astuple
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from knowledge.model.documents import Failure, FileRecord, Scope
from knowledge.store.sqlite_file import insert, record, transaction

_TABLE: Final = Path(__file__).with_name("files.sql")


def create(db: Database) -> None:
    """Make the table if it is missing: earlier releases made indexes without it."""
    db.execute(_TABLE.read_text(encoding="utf-8"))
    if _lacking(db):
        # Another process may be opening the same index.
        with transaction(db):
            for column in _lacking(db):
                db.execute(f"alter table files add column {column} text not null default ''")
    db.execute("create index if not exists files_by_document on files (document_id)")


def _lacking(db: Database) -> list[str]:
    return [name for name in ("withheld", "link") if name not in db.table("files").columns_dict]


def records(db: Database) -> dict[str, FileRecord]:
    return {
        row["path"]: record(
            FileRecord,
            row,
            scope=Scope(row["scope"]),
            read_at=datetime.fromisoformat(row["read_at"]),
            documents=tuple(json.loads(row["documents"])),
            failures=tuple(Failure(*failure) for failure in json.loads(row["failures"])),
        )
        for row in db.query("select * from files")
    }


def document_ids(db: Database, location: str) -> list[str]:
    """The ids of the documents from a file, or from the files in a folder."""
    inside = location.rstrip(os.sep) + os.sep
    rows = db.execute(
        "select distinct d.value from files f, json_each(f.documents) d "
        "where f.path = ?1 or (f.path >= ?2 and f.path < ?3)",
        (location, inside, inside[:-1] + chr(ord(os.sep) + 1)),
    )
    return [row[0] for row in rows]


def save(db: Database, file: FileRecord) -> None:
    db.execute("delete from files where path = ? or document_id = ?", (file.path, file.document_id))
    failures = [astuple(failure) for failure in file.failures]
    stored = {
        "read_at": file.read_at.isoformat(),
        "documents": json.dumps(file.documents, ensure_ascii=False),
        "failures": json.dumps(failures, ensure_ascii=False),
    }
    insert(db, "files", {**asdict(file), **stored})


def delete(db: Database, paths: Iterable[str]) -> None:
    db.conn.executemany("delete from files where path = ?", [(path,) for path in paths])
