"""Durable inbox of submitted forms: kept while the bot is at them.

Discord closes a form when it is told that it was taken. So its fields are kept before that, with
the token by which its sender can be told: if the process ends, the next one gives them back. A
token is good for a quarter of an hour; nothing is kept for longer.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from knowledge.store.database import Database
from knowledge.store.row_guilds import NO_GUILD, RowKind, guild_of
from knowledge.store.sqlite_file import record

# A minute less than Discord's.
TOKEN_LIFE: Final = timedelta(minutes=14)


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that was sent: `fields` are ids and what was typed, `id` is the interaction's.

    What was typed into one that is `taken` is on record, and its fields are gone.
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


class SubmittedForms:
    """The submitted forms in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, form: SubmittedForm) -> None:
        """Keep a form until it is done with, and drop those whose token is good no more."""
        row = asdict(form) | {
            "fields": json.dumps(form.fields, ensure_ascii=False),
            "sent_at": form.sent_at.isoformat(),
            "taken": int(form.taken),
        }
        with self._database.writing(form.guild_id or NO_GUILD):
            self._drop_old(form.sent_at)
            self._database.insert_new("submitted_forms", row)

    def taken(self, form_id: int) -> None:
        """What was typed is on record: inside the transaction that records it."""
        self._database.run(
            "update submitted_forms set taken = 1, fields = '[]' where id = ?", [form_id]
        )

    def done(self, form_id: int) -> None:
        """Its sender has been told what came of it."""
        with self._database.writing(guild_of(self._database, RowKind.FORM, form_id)):
            self._database.run("delete from submitted_forms where id = ?", [form_id])

    def left(self, before: datetime) -> list[SubmittedForm]:
        """The forms that a process which ended has left, sent before this one began."""
        with self._database.writing():
            self._drop_old(before)
            rows = self._database.rows(
                "select * from submitted_forms where sent_at < ? order by id", [before.isoformat()]
            )
        return [
            record(
                SubmittedForm,
                row,
                fields=[(name, text) for name, text in json.loads(row["fields"])],
                sent_at=datetime.fromisoformat(row["sent_at"]),
                taken=bool(row["taken"]),
            )
            for row in rows
        ]

    def _drop_old(self, at: datetime) -> None:
        self._database.run(
            "delete from submitted_forms where sent_at < ?", [(at - TOKEN_LIFE).isoformat()]
        )
