"""Tables of notes' pictures: the pictures of each revision, and each picture's bytes once.

They are backed up and exported like texts. A picture is deleted with its last revision.
"""

from collections.abc import Sequence

from knowledge.store.database import Database
from knowledge.values.pictures import Picture, PictureKind


class Pictures:
    """The pictures in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, revision_id: int) -> tuple[Picture, ...]:
        """The pictures of a revision, in order."""
        rows = self._database.rows(
            "select p.kind, p.content from revision_pictures r join pictures p "
            "on p.digest = r.digest where r.revision_id = ? order by r.position",
            [revision_id],
        )
        return tuple(Picture(PictureKind(row["kind"]), row["content"]) for row in rows)

    def by_digest(self, digest: str) -> Picture | None:
        rows = self._database.rows("select kind, content from pictures where digest = ?", [digest])
        return Picture(PictureKind(rows[0]["kind"]), rows[0]["content"]) if rows else None

    def keep(self, revision_id: int, pictures: Sequence[Picture]) -> None:
        """Store a new revision's pictures, inside the transaction that writes it."""
        # One order everywhere, so two guilds never deadlock.
        for picture in sorted(pictures, key=lambda one: one.digest):
            self._database.run(
                # The update locks an existing picture against deletion by another guild.
                "insert into pictures (digest, kind, content) values (?, ?, ?) "
                "on conflict (digest) do update set kind = excluded.kind",
                [picture.digest, picture.kind.value, picture.content],
            )
        for position, picture in enumerate(pictures):
            values = {"revision_id": revision_id, "position": position, "digest": picture.digest}
            self._database.insert("revision_pictures", values)

    def inherit(self, revision_id: int, earlier_id: int) -> None:
        """Give a new revision the pictures of an earlier revision."""
        self._database.run(
            "insert into revision_pictures (revision_id, position, digest) "
            "select ?, position, digest from revision_pictures where revision_id = ?",
            [revision_id, earlier_id],
        )

    def drop(self, revision_id: int) -> None:
        """Delete a revision's pictures, inside a transaction."""
        self._database.run("delete from revision_pictures where revision_id = ?", [revision_id])
