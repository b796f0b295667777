"""Tombstones: records of permanent deletions, so that no older copy brings the data back.

A tombstone has the kind, id and time of the deleted data, and no content. It is stored in the
database and in a file beside it: a restore replaces the database and reads the file. Members are
recorded by a keyed digest (HMAC), and only the file has the key. So the database, or a backup of
it, doesn't reveal who was forgotten.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from knowledge.store.database import Database, StoreError, now, recall
from knowledge.store.rows import Tables
from knowledge.values.tombstones import CHOICES, FORGOTTEN, MEMBERS, Tombstone, TombstoneKind

FILE: Final = "tombstones.jsonl"

# No line of the file is longer.
_LINE_CHARACTERS: Final = 300

# The memory's key for a check value of the HMAC key, not the key itself.
_CHECK: Final = "machines: check of tombstones"


@dataclass(frozen=True, slots=True)
class Deleted:
    """The tombstones returned by `Tombstones.since`.

    `digest` returns the digest of a member's id, as it is in the tombstones of members.
    """

    tombstones: Sequence[Tombstone]
    digest: Callable[[str], str]

    def has(self, member_id: int, guild_id: int | None, at: datetime) -> bool:
        """Whether the member or the guild was deleted at or after the time `at`."""
        gone = [tombstone for tombstone in self.tombstones if tombstone.at >= at.isoformat()]
        return bool(gone) and any(
            tombstone.subject == self.digest(str(member_id))
            if tombstone.kind in FORGOTTEN
            else tombstone.kind is TombstoneKind.GUILD and tombstone.subject == str(guild_id)
            for tombstone in gone
        )


class Tombstones(Tables):
    """The tombstones of a community database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._path = database.folder / FILE

    def add(self, kind: TombstoneKind, subject_id: int) -> None:
        """Record a deletion, inside its transaction.

        The file is written first: if the process dies before the commit, the next restore still
        deletes the data.

        Raises:
            StoreError: if the file can't be written. The transaction must be rolled back.
        """
        if kind in MEMBERS:
            self.add_digest(kind, str(subject_id))
        else:
            self._add(kind, str(subject_id))

    def add_digest(self, kind: TombstoneKind, text: str) -> None:
        """Record a deletion under the digest of a member or a name."""
        self._add(kind, self.digester()(text))

    def _add(self, kind: TombstoneKind, subject: str) -> None:
        last = self._db.value(
            datetime, "select max(at) as at from tombstones where subject = ?", [subject]
        )
        at = now()
        # Later than the subject's last tombstone, also after a clock was put back.
        at = at if last is None or last < at else last + timedelta(microseconds=1)
        tombstone = Tombstone(at.isoformat(), kind, subject)
        self._write([_line(tombstone)])
        if kind not in CHOICES:
            # The copies that upgrades and restores kept hold the deleted data. The retention of
            # backups is up to the operator.
            try:
                self._db.delete_copies()
            except OSError as error:
                raise self._unwritable(error) from error
        self.keep([tombstone])

    def since(self, at: datetime) -> "Deleted":
        """The tombstones of deletions at or after the time `at`."""
        rows = self._db.rows("select kind, subject, at from tombstones where at >= ?", [at])
        found = [Tombstone.of(row["at"], row["kind"], row["subject"]) for row in rows]
        kept = [tombstone for tombstone in found if tombstone is not None]
        # Asking for the key may create it, so it is done only if needed.
        return Deleted(kept, self.digester() if kept else str)

    def keep(self, tombstones: Iterable[Tombstone]) -> None:
        """Insert tombstones in the database but not in the file, inside a transaction."""
        self._db.run_many(
            "insert into tombstones (kind, subject, at) values (?, ?, ?) "
            "on conflict (kind, subject, at) do nothing",
            [(stone.kind, stone.subject, stone.at) for stone in tombstones],
        )

    def drop(self, tombstones: Iterable[Tombstone]) -> None:
        """Remove tombstones from the database of a copy that isn't in use yet."""
        with self._db.writing():
            self._db.run_many(
                "delete from tombstones where kind = ? and subject = ? and at = ?",
                [(stone.kind, stone.subject, stone.at) for stone in tombstones],
            )

    def in_database(self) -> set[Tombstone]:
        rows = self._db.rows("select * from tombstones")
        return {Tombstone(row["at"], TombstoneKind(row["kind"]), row["subject"]) for row in rows}

    def in_file(self) -> set[Tombstone]:
        records = (_record(line) for line in self._lines())
        found = (
            Tombstone.of(record["at"], record["kind"], record["subject"])
            for record in records
            if record.keys() == {"at", "kind", "subject"}
        )
        return {tombstone for tombstone in found if tombstone is not None}

    def digester(self) -> Callable[[str], str]:
        """The function to digest a member's id or a name."""
        key = self._key()
        return lambda text: hmac.new(key, text.encode(errors="replace"), hashlib.sha256).hexdigest()

    def check_key(self) -> None:
        """Check this machine's key against the key of the other machines with this database.

        With another key, opted-out members couldn't be recognized. After the check, tombstones made
        on other machines are copied from the database to this machine's file, for restores. Raises
        StoreError if the file has another key, or none.
        """
        check = recall(self._db, _CHECK)
        if check is None:
            self._db.insert_new("memory", {"key": _CHECK, "value": _check(self._key())})
            check = recall(self._db, _CHECK)
        key = self._key_in_file()
        if key is None or _check(key) != check:
            raise StoreError(
                f"{self._path} is missing, or differs from the file of the other machines that use "
                "this database. Without it, this machine can't recognize members who opted out of "
                "quotation. Copy the file from another machine. If it is lost everywhere, "
                "`commonplace doctor` counts the members who have to opt out again; then delete "
                f'the row of the table memory with the key "{_CHECK}".'
            )
        if missing := self.in_database() - self.in_file():
            self._write(map(_line, sorted(missing)))

    # The file.

    def _key(self) -> bytes:
        while (key := self._key_in_file()) is None:
            # If two processes create a key at once, the first one written counts.
            self._write([json.dumps({"key": secrets.token_hex(32)})])
        return key

    def _key_in_file(self) -> bytes | None:
        keys = filter(None, (_record(line).get("key") for line in self._lines()))
        return next(map(bytes.fromhex, keys), None)

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unwritable(error) from error

    def _write(self, lines: Iterable[str]) -> None:
        """Append lines and wait until they are on the disk.

        If a crash tore the last line, a line break is added first, so the next line is whole.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - 1, 0))
                torn = size > 0 and file.read(1) != b"\n"
                text = "".join(f"{line}\n" for line in lines)
                file.write(("\n" * torn + text).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path} can't be used: {error.strerror or error}. Nothing was changed. Check "
            "free space and permissions."
        )


def are_tombstones(path: Path) -> bool:
    """Whether a file begins as a tombstones file does."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        first = _record(file.readline(_LINE_CHARACTERS))
    return first.keys() in ({"key"}, {"at", "kind", "subject"})


def _check(key: bytes) -> str:
    return hmac.new(key, b"check", hashlib.sha256).hexdigest()


def _line(tombstone: Tombstone) -> str:
    record = {"at": tombstone.at, "kind": tombstone.kind, "subject": tombstone.subject}
    return json.dumps(record, sort_keys=True)


def _record(line: str) -> dict[str, str]:
    """The record on a line; empty if a crash tore the line."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
