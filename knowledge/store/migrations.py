"""Migrations of the community database: the files of `tables/` in the order of their names.

A file is never edited after release. It runs in one transaction together with the record that it
ran (sqlite-utils), so a process killed in the middle of one leaves the database as it was before.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

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


def _chain_by_guild(db: Database) -> None:
    """Write the log once more, as a chain for each guild, and how the one chain ended.

    A line that did not follow from the one before it must not do so by this: its digest becomes
    one that no line can have. The same log always becomes the same lines.
    """

    # As `log_chain` had it when this migration was written.
    def digest(previous: str, number: int, fields: Sequence[Any]) -> str:
        covered = json.dumps([previous, number, *fields], ensure_ascii=False).encode()
        return hashlib.sha256(covered).hexdigest()

    heads: dict[int, tuple[int, str]] = {}
    last: tuple[Any, ...] = (0, "", "")

    def chained(line: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal last
        line_id, *fields, written = line
        guild_id = fields[1] or 0
        number, previous = heads.get(guild_id, (0, ""))
        followed = written == digest(last[2], line_id, fields)
        anew = digest(previous, number + 1, fields) if followed else f"unproven:{written}"
        heads[guild_id] = (number + 1, anew)
        last = (line_id, fields[0], written)
        return line_id, *fields[:2], number + 1, *fields[2:], anew

    insert = "insert into log values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    old = db.execute("select * from log_in_one_chain order by id")
    db.conn.executemany(insert, map(chained, old))
    db.execute(
        "update sqlite_sequence set seq = "
        "(select seq from sqlite_sequence where name = 'log_in_one_chain') where name = 'log'"
    )
    if last[0]:
        number, previous = heads.get(0, (0, ""))
        told = json.dumps({"digest": last[2], "line": last[0]}, sort_keys=True)
        fields = [last[1], None, None, "rechained", "database", told]
        heads[0] = (number + 1, digest(previous, number + 1, fields))
        row = [*fields[:2], number + 1, *fields[2:], heads[0][1]]
        columns = "at, guild_id, number, actor, event, subject, detail, digest"
        db.execute(f"insert into log ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
    db.conn.executemany(
        "insert into log_heads values (?, ?, ?)",
        [(guild_id, *head) for guild_id, head in sorted(heads.items())],
    )
    db.execute("drop table log_in_one_chain")


# What SQL alone can't do, before and after the statements of a migration.
_BEFORE: Final = {"m013_passages_once": _give_it_digests}
_AFTER: Final = {
    "m002_the_whole_life_of_a_note": _give_the_log_keys,
    "m026_chains_by_guild": _chain_by_guild,
}


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
