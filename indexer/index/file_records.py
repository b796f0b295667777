"""Records of the imported files: a table of the index database.

It is derived like everything in the index: without it, every file is parsed once more. All
functions take the index's own connection and leave transactions to the caller.
"""

import json
from collections.abc import Iterable
from dataclasses import astuple
from datetime import datetime
from typing import Final

from sqlite_utils import Database

from knowledge.model.documents import Failure, FileRecord, Scope
from knowledge.store.sqlite_file import transaction

_TABLE: Final = """
create table if not exists files (
    path text primary key,
    scope integer not null,
    document_id text not null,
    size integer not null,
    mtime_ns integer,
    digest text not null,
    readers integer not null,
    read_at text not null,
    documents text not null,
    failures text not null,
    withheld text not null default ''
) strict
"""


def create(db: Database) -> None:
    """Make the table if it is missing: earlier releases made indexes without it."""
    db.execute(_TABLE)
    if _lacks_withheld(db):
        # Another process may be opening the same index.
        with transaction(db):
            if _lacks_withheld(db):
                db.execute("alter table files add column withheld text not null default ''")
    db.execute("create index if not exists files_by_document on files (document_id)")


def _lacks_withheld(db: Database) -> bool:
    return "withheld" not in db.table("files").columns_dict


def records(db: Database) -> dict[str, FileRecord]:
    rows = db.execute(
        "select path, scope, document_id, size, mtime_ns, digest, readers, read_at, documents, "
        "failures, withheld from files"
    )
    return {
        row[0]: FileRecord(
            path=row[0],
            scope=Scope(row[1]),
            document_id=row[2],
            size=row[3],
            mtime_ns=row[4],
            digest=row[5],
            readers=row[6],
            read_at=datetime.fromisoformat(row[7]),
            documents=tuple(json.loads(row[8])),
            failures=tuple(Failure(*failure) for failure in json.loads(row[9])),
            withheld=row[10],
        )
        for row in rows
    }


def save(db: Database, record: FileRecord) -> None:
    """Store a file's record, in place of the one under its path or its id."""
    db.execute(
        "delete from files where path = ? or document_id = ?", (record.path, record.document_id)
    )
    db.execute(
        "insert into files (path, scope, document_id, size, mtime_ns, digest, readers, read_at, "
        "documents, failures, withheld) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.path,
            record.scope,
            record.document_id,
            record.size,
            record.mtime_ns,
            record.digest,
            record.readers,
            record.read_at.isoformat(),
            json.dumps(record.documents, ensure_ascii=False),
            json.dumps([astuple(failure) for failure in record.failures], ensure_ascii=False),
            record.withheld,
        ),
    )


def delete(db: Database, paths: Iterable[str]) -> None:
    db.conn.executemany("delete from files where path = ?", [(path,) for path in paths])
