"""Migrations of the community database: the files of `tables/` in the order of their names.

A file is never edited after release. It runs in one transaction together with the record that it
ran (sqlite-utils), so a process killed in the middle of one leaves the database as it was before.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("commonplace")

_SCRIPTS: Final = Path(__file__).with_name("tables")


def _statements(script: Path) -> list[str]:
    """The statements of a file, which blank lines separate; its first lines are a comment.

    `executescript` would commit first, and half a migration could then survive a crash.
    """
    return script.read_text(encoding="utf-8").split("\n\n")[1:]


def _give_the_log_keys(db: Database) -> None:
    """Write the log once more, with keys in place of Discord ids and without anybody's words.

    What a member asks to be forgotten can then leave the database without breaking the chain.
    """
    previous = ""
    for entry in list(db.query("select * from log_with_ids order by id")):
        actor = None
        if entry["actor_id"] is not None:
            db.execute("insert or ignore into members (user_id) values (?)", [entry["actor_id"]])
            found = db.execute("select key from members where user_id = ?", [entry["actor_id"]])
            actor = found.fetchone()[0]
        detail = json.loads(entry["detail"])
        detail.pop("reason", None)
        kind, _, revision_id = entry["subject"].partition(":")
        if kind == "revision":
            found = db.execute("select note_id from revisions where id = ?", [revision_id])
            detail |= {"note": found.fetchone()[0], "revision": int(revision_id)}
        told = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        kept = [entry[column] for column in ("id", "at", "guild_id", "event", "subject")]
        fields = [*kept[:3], actor, *kept[3:], told]
        # As `log.digest` had it when this migration was written; a migration is never edited.
        covered = json.dumps([previous, *fields], ensure_ascii=False).encode()
        previous = hashlib.sha256(covered).hexdigest()
        db.execute("insert into log values (?, ?, ?, ?, ?, ?, ?, ?)", [*fields, previous])
    db.execute("drop table log_with_ids")


def _give_it_digests(db: Database) -> None:
    """Give SQL the digest of a passage that was found."""

    def digest(*fields: object) -> str:
        # As `question_records.recorded_digest` had it when this migration was written.
        covered = json.dumps(fields, ensure_ascii=False).encode()
        return hashlib.sha256(covered).hexdigest()[:32]

    db.conn.create_function("m013_digest", 7, digest, deterministic=True)


# What SQL alone can't do, before and after the statements of a migration.
_BEFORE: Final = {"m013_passages_once": _give_it_digests}
_AFTER: Final = {"m002_the_whole_life_of_a_note": _give_the_log_keys}


def _migration(script: Path) -> Callable[[Database], None]:
    def migrate(db: Database) -> None:
        if before := _BEFORE.get(script.stem):
            before(db)
        for statement in _statements(script):
            db.execute(statement)
        if after := _AFTER.get(script.stem):
            after(db)

    return migrate


for _script in sorted(_SCRIPTS.glob("m*.sql")):
    MIGRATIONS(name=_script.stem)(_migration(_script))

NAMES: Final = [migration.name for migration in MIGRATIONS._migrations]
