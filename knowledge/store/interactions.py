"""Tables of interactions: an inbox of clicks and forms, idempotency keys, and notices to send.

Once an interaction is acknowledged, Discord closes the form, or shows *thinking…* after a click.
The record in the inbox has the form's fields and the token for the reply. If the process ends, the
next process replies. A token is valid for 15 minutes, and no record is kept longer.

A key is stored in the same transaction as the action, and kept for a day. A second attempt
(Discord's, or a retry after an unknown outcome) finds the key, changes nothing, and returns the
present result. If a process stops while it handles a form, another process stores the form's key,
and then returns the typed text to the sender. If the first process was only stalled, the key keeps
it from acting on the form.

`Notices` is a transactional outbox: a notice is written in the transaction that it reports, so a
restart loses none. The notice's id is the nonce of the Discord message, so Discord drops a second
copy.

Errors:
    Exception
    └── StoreError
        └── GivenBackError    the form was returned to its sender; don't act on it
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from knowledge.store.database import Database, OutcomeUnknownError, StoreError, now
from knowledge.store.rows import NO_GUILD, RowKind, Tables, columns, record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import Notice, NoticeEvent

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


class Inbox(Tables):
    """The inbox in the community database."""

    def keep(self, kept: KeptInteraction) -> None:
        """Store an interaction until `delete`, and drop expired interactions."""
        row = columns(kept, fields=json.dumps(kept.fields, ensure_ascii=False))
        with self._db.writing(kept.guild_id or NO_GUILD):
            self._drop_old(kept.sent_at)
            self._db.insert_new("inbox", row)

    def mark_acted_on(self, interaction_id: int) -> None:
        """Mark an interaction as acted on, inside the transaction of the action."""
        self._db.run("update inbox set taken = 1, fields = '[]' where id = ?", [interaction_id])

    def delete(self, interaction_id: int) -> None:
        """Delete an interaction; its sender has the reply."""
        with self._writing(RowKind.INBOX, interaction_id):
            self._db.run("delete from inbox where id = ?", [interaction_id])

    def left_over(self, before: datetime) -> list[KeptInteraction]:
        """Interactions that an earlier process left unfinished.

        `before` is the start of the present process; the interactions were sent before it.
        """
        with self._db.writing():
            self._drop_old(before)
            rows = self._db.rows("select * from inbox where sent_at < ? order by id", [before])
        return [
            record(KeptInteraction, row, fields=[*map(tuple, json.loads(row["fields"]))])
            for row in rows
        ]

    def _drop_old(self, at: datetime) -> None:
        self._db.run("delete from inbox where sent_at < ?", [at - TOKEN_LIFE])


# A form can be submitted for a day after it was opened, and so can a draft.
KEPT_FOR: Final = timedelta(days=1)

# Pauses in seconds before each retry after an unknown outcome; a server restarts in a few seconds.
PAUSES: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)

# The key of a returned form, in place of a row's id.
_GIVEN_BACK: Final = 0

_T = TypeVar("_T")


class GivenBackError(StoreError):
    """Another process has returned the form to its sender."""


class HandledInteractions(Tables):
    """The idempotency keys in the community database, by id of the interaction or message."""

    def __init__(self, database: Database, pauses: Iterable[float] = PAUSES) -> None:
        super().__init__(database)
        self._pauses = pauses

    def once(
        self,
        guild_id: int,
        ids: Collection[int],
        act: Callable[[], tuple[_T, int | None]],
        again: Callable[[int], _T | None],
    ) -> _T:
        """Act in one transaction, unless one of these ids was acted on before.

        If the connection is lost during the commit, a second transaction waits until the server has
        ended the first one. Then it looks for the key, and acts only if the key is missing. The
        server gets some seconds to come back.

        Args:
            guild_id: the only guild whose rows are read and changed.
            ids: the interaction's id, and its message's id if the message may be used only once.
            act: the action. It returns its result, and the id of the affected row. The id is None
                if the action may be repeated.
            again: takes the id of the affected row, and returns its present result; None if the
                row is gone.

        Raises:
            GivenBackError: if the form was returned to its sender.
            OutcomeUnknownError: if the server doesn't come back in time.
        """
        try:
            return self._once(guild_id, ids, act, again)
        except OutcomeUnknownError as error:
            unknown = error
        for seconds in self._pauses:
            time.sleep(seconds)
            try:
                return self._once(guild_id, ids, act, again)
            except OutcomeUnknownError as error:
                unknown = error
            except GivenBackError:
                raise
            except StoreError:
                # This attempt changed nothing, but the first one may have.
                continue
        # The first error has the cause.
        raise unknown

    def _once(
        self,
        guild_id: int,
        ids: Collection[int],
        act: Callable[[], tuple[_T, int | None]],
        again: Callable[[int], _T | None],
    ) -> _T:
        with self._db.writing(guild_id):
            for known in self._rows_acted_on(ids):
                if known == _GIVEN_BACK:
                    raise GivenBackError(
                        "Another process has returned the form to its sender. Nothing was changed."
                    )
                before = again(known)
                if before is not None:
                    return before
            came, acted_on = act()
            if acted_on is not None:
                self._keep(ids, acted_on)
            return came

    def give_back(self, guild_id: int, interaction_id: int) -> bool:
        """Record that a form was returned to its sender; False if it was acted on already."""
        with self._db.writing(guild_id):
            known = self._rows_acted_on([interaction_id])
            if not known:
                self._keep([interaction_id], _GIVEN_BACK)
            return known in ([], [_GIVEN_BACK])

    def _rows_acted_on(self, ids: Collection[int]) -> list[int]:
        found = [self._db.rows("select acted_on from handled where id = ?", [key]) for key in ids]
        return [int(row["acted_on"]) for rows in found for row in rows]

    def _keep(self, ids: Collection[int], acted_on: int) -> None:
        at = now()
        self._db.run("delete from handled where at < ?", [at - KEPT_FOR])
        for key in ids:
            self._db.replace("handled", {"id": key, "acted_on": acted_on, "at": at}, ["id"])


# The channel of notices sent only by direct message.
NO_CHANNEL: Final = 0


class Notices(Tables):
    """The notices in the community database."""

    def add(
        self,
        guild_id: int,
        member_id: int,
        channel_id: int,
        event: NoticeEvent,
        *,
        revision_id: int | None = None,
        question_id: int | None = None,
        handed_on_id: int | None = None,
    ) -> None:
        """Queue a notice, inside the transaction that it reports.

        The channel is used if no direct message can be delivered. The question is the recipient's;
        the handed-over one can be another member's in the same words.
        """
        # A forgotten member has no id and can't be notified.
        if member_id == 0:
            return
        self._db.insert(
            "notices",
            {
                "guild_id": guild_id,
                "member_id": member_id,
                "channel_id": channel_id,
                "event": event,
                "revision_id": revision_id,
                "question_id": question_id,
                "handed_on_id": handed_on_id,
                "created_at": now(),
            },
        )

    def queue(self, mine: GuildFilter = every_guild) -> list[Notice]:
        rows = self._db.rows("select * from notices where sent_at is null order by id")
        return [record(Notice, row) for row in rows if mine(row["guild_id"])]

    def mark_sent(self, notice_id: int) -> None:
        """Mark a notice as delivered, or as undeliverable."""
        with self._writing(RowKind.NOTICE, notice_id):
            self._db.run("update notices set sent_at = ? where id = ?", [now(), notice_id])
