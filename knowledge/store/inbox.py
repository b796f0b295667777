"""Durable inbox of clicks and forms, kept while the bot works on them.

Once an interaction is acknowledged, Discord closes the form, or shows *thinking…* after a click.
The stored record has the form's fields and the token for the reply. If the process ends, the next
process replies. A token is valid for 15 minutes, and no record is kept longer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from knowledge.store.database import Database
from knowledge.store.row_guilds import NO_GUILD, RowKind, guild_of
from knowledge.store.rows import columns, record

# A minute less than Discord's 15.
TOKEN_LIFE: Final = timedelta(minutes=14)


@dataclass(frozen=True, slots=True)
class KeptInteraction:
    """A click, or a form with its `fields`: pairs of id and typed text.

    If `taken`, the bot has acted on the interaction: the typed text is stored elsewhere, and
    `fields` is empty.
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
    """The inbox in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, kept: KeptInteraction) -> None:
        """Store an interaction until `delete`, and drop expired interactions."""
        row = columns(kept, fields=json.dumps(kept.fields, ensure_ascii=False))
        with self._database.writing(kept.guild_id or NO_GUILD):
            self._drop_old(kept.sent_at)
            self._database.insert_new("inbox", row)

    def mark_acted_on(self, interaction_id: int) -> None:
        """Mark an interaction as acted on, inside the transaction of the action."""
        self._database.run(
            "update inbox set taken = 1, fields = '[]' where id = ?", [interaction_id]
        )

    def delete(self, interaction_id: int) -> None:
        """Delete an interaction; its sender has the reply."""
        with self._database.writing(guild_of(self._database, RowKind.INBOX, interaction_id)):
            self._database.run("delete from inbox where id = ?", [interaction_id])

    def left_over(self, before: datetime) -> list[KeptInteraction]:
        """Interactions that an earlier process left unfinished.

        `before` is the start of the present process; the interactions were sent before it.
        """
        with self._database.writing():
            self._drop_old(before)
            rows = self._database.rows(
                "select * from inbox where sent_at < ? order by id", [before.isoformat()]
            )
        return [
            record(KeptInteraction, row, fields=[*map(tuple, json.loads(row["fields"]))])
            for row in rows
        ]

    def _drop_old(self, at: datetime) -> None:
        self._database.run("delete from inbox where sent_at < ?", [(at - TOKEN_LIFE).isoformat()])
