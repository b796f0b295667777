"""Durable inbox of clicks and forms: kept while the bot is at them.

Discord closes a form, and shows *thinking…* for a click, when it is told that the bot has it. The
record has the fields of the form, and the token by which its sender can be answered. If the process
ends, the next one answers. A token is good for a quarter of an hour; nothing is kept for longer.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from knowledge.store.database import Database
from knowledge.store.row_guilds import NO_GUILD, RowKind, guild_of
from knowledge.store.rows import record

# A minute less than Discord's.
TOKEN_LIFE: Final = timedelta(minutes=14)


@dataclass(frozen=True, slots=True)
class KeptInteraction:
    """A click, or a form with its `fields`: their ids, and the words typed into them.

    One that is `taken` has been acted on: the words are on record, and its fields are gone.
    """

    id: int
    guild_id: int | None
    member_id: int
    token: str
    locale: str
    custom_id: str
    fields: Sequence[tuple[str, str]]
    sent_at: datetime
    taken: bool = False


class Inbox:
    """The interactions at hand in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, kept: KeptInteraction) -> None:
        """Keep an interaction until it is done with, and drop those whose token is expired."""
        row = asdict(kept) | {
            "fields": json.dumps(kept.fields, ensure_ascii=False),
            "sent_at": kept.sent_at.isoformat(),
            "taken": int(kept.taken),
        }
        with self._database.writing(kept.guild_id or NO_GUILD):
            self._drop_old(kept.sent_at)
            self._database.insert_new("inbox", row)

    def taken(self, interaction_id: int) -> None:
        """Note that an interaction was acted on, inside the transaction that does it."""
        self._database.run(
            "update inbox set taken = 1, fields = '[]' where id = ?", [interaction_id]
        )

    def done(self, interaction_id: int) -> None:
        """Forget an interaction, whose sender has been told what came of it."""
        with self._database.writing(guild_of(self._database, RowKind.INBOX, interaction_id)):
            self._database.run("delete from inbox where id = ?", [interaction_id])

    def left(self, before: datetime) -> list[KeptInteraction]:
        """The interactions that an ended process has left, sent before this one began."""
        with self._database.writing():
            self._drop_old(before)
            rows = self._database.rows(
                "select * from inbox where sent_at < ? order by id", [before.isoformat()]
            )
        return [
            record(
                KeptInteraction,
                row,
                fields=[(name, text) for name, text in json.loads(row["fields"])],
                sent_at=datetime.fromisoformat(row["sent_at"]),
                taken=bool(row["taken"]),
            )
            for row in rows
        ]

    def _drop_old(self, at: datetime) -> None:
        self._database.run("delete from inbox where sent_at < ?", [(at - TOKEN_LIFE).isoformat()])
