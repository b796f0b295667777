"""Idempotency keys of interactions: clicks and forms already acted on, kept for a day.

A key is stored in the same transaction as the action. A second attempt (Discord's, or a retry after
an unknown outcome) finds the key, changes nothing, and returns the present result. If a process
stops while it handles a form, another process stores the form's key, and then returns the typed
text to the sender. If the first process was only stalled, the key keeps it from acting on the form.

Errors:
    Exception
    └── StoreError
        └── GivenBackError    the form was returned to its sender; don't act on it
"""

import time
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from knowledge.store.database import Database, OutcomeUnknownError, StoreError, now

# A form can be submitted for a day after it was opened, and so can a draft.
KEPT_FOR: Final = timedelta(days=1)

# Pauses in seconds before each retry after an unknown outcome; a server restarts in a few seconds.
PAUSES: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)

# The key of a returned form, in place of a row's id.
_GIVEN_BACK: Final = 0

_T = TypeVar("_T")


class GivenBackError(StoreError):
    """Another process has returned the form to its sender."""


class HandledInteractions:
    """The idempotency keys in the community database, by id of the interaction or message."""

    def __init__(self, database: Database, pauses: Iterable[float] = PAUSES) -> None:
        self._database = database
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
        with self._database.writing(guild_id):
            for known in self._acted_on(ids):
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
        with self._database.writing(guild_id):
            known = self._acted_on([interaction_id])
            if not known:
                self._keep([interaction_id], _GIVEN_BACK)
            return known in ([], [_GIVEN_BACK])

    def _acted_on(self, ids: Collection[int]) -> list[int]:
        found = [
            self._database.rows("select acted_on from handled where id = ?", [one]) for one in ids
        ]
        return [int(row["acted_on"]) for rows in found for row in rows]

    def _keep(self, ids: Collection[int], acted_on: int) -> None:
        at = now()
        self._database.run("delete from handled where at < ?", [(at - KEPT_FOR).isoformat()])
        for one in ids:
            self._database.replace(
                "handled", {"id": one, "acted_on": acted_on, "at": at.isoformat()}, ["id"]
            )
