"""Idempotency keys of interactions: which clicks and forms have been acted on, for a day.

A key is kept in the very transaction that acts, so that a second attempt (Discord's, or of whoever
does not know what came of the first) finds what is and changes nothing. It also tells whether a
transaction was kept whose answer was lost with the connection. Who gives back to its sender what
was typed keeps the key, too: a process that was at it and has stood still does it no more.

Errors:
    Exception
    └── StoreError
        └── GivenBackError    what was typed was given back; whoever was at it must not do it
"""

import time
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from knowledge.store.database import Database, OutcomeUnknownError, StoreError, now

# A form can be sent for a day after it was opened, and a draft be submitted as long.
KEPT_FOR: Final = timedelta(days=1)

# How long is waited, in seconds, before each further look for what may have been kept: a server
# that is started anew is back after a few.
PAUSES: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)

# Instead of what was acted on: nothing, and nothing will be.
_GIVEN_BACK: Final = 0

_T = TypeVar("_T")


class GivenBackError(StoreError):
    """What was typed in an interaction was given back to its sender by another process."""


class HandledInteractions:
    """The interactions in the community database, by Discord's ids of them, or of messages."""

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
        """Act in one transaction, unless that was done in one of these interactions before.

        Where the connection is lost while it is committed, it is looked for in another one, which
        waits until the first has ended on the server; only what is not there is done then. The
        server is given some seconds to be back.

        Args:
            guild_id: the only guild of which anything is read and changed.
            ids: of the interaction, and of what else stands for the same attempt.
            act: does it; returns what came of it, and the id of what was acted on, None if nothing
                was done that must not be done twice.
            again: what came of it, by that id, as it stands now; None if it is gone.

        Raises:
            GivenBackError: if what was typed in one of them was given back to its sender.
            OutcomeUnknownError: if the server isn't back in time to say.
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
                # That nothing was changed is true of this look, and not of what it looks for.
                continue
        # As it was told first: a later look knows less.
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
                        "What was typed was given back by another process. Nothing was changed."
                    )
                before = again(known)
                if before is not None:
                    return before
            came, acted_on = act()
            if acted_on is not None:
                self._keep(ids, acted_on)
            return came

    def give_back(self, guild_id: int, interaction_id: int) -> bool:
        """Let nobody act on what was typed in an interaction; False if somebody has."""
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
