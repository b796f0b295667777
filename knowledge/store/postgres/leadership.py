"""Leadership: of several processes, the one that does what is done once for all guilds.

It is a lock of the session that the store writes through. It ends with that session, however that
ends; so what the leader writes while it believes that it still leads is either written in the
session that has the lock, or refused.

Errors:
    Exception
    └── StoreError
        └── NotAllowedError    the process may not write: it leads no more, or was ended by others
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.leases import SCHEMA

# Which of the numbers that PostgreSQL locks by.
LOCK: Final = 5


class NotAllowedError(StoreError):
    """What this process wants to write is another one's to write by now; nothing was changed."""


class Fence:
    """Refuses transactions of a process that has no right to them any more.

    Every transaction holds on to the membership of its process, which nobody can end meanwhile.
    What the leader does needs the lock of leadership instead, in the same session.
    """

    def __init__(self, connection: Connection, member: Callable[[], str]) -> None:
        """Put it before every transaction of a connection; `member` is the id of the process."""
        self._connection = connection
        self._member = member
        self._session = 0
        self._as_leader = False
        connection.fence = self._check

    @property
    def leads(self) -> bool:
        """Whether this session has the lock, as far as is known without asking."""
        return self._session == self._connection.sessions and not self._connection.closed

    def try_to_lead(self) -> bool:
        """Lead, if nobody else does; returns whether this process does now."""
        lock = f"select pg_try_advisory_lock({LOCK}) as won"
        if self.leads:
            # The server may have ended the session without having said so yet.
            self._connection.rows("select 1 as there")
        if not self.leads and self._connection.rows(lock)[0]["won"]:
            self._session = self._connection.sessions
        return self.leads

    def step_down(self) -> None:
        """Let another process lead."""
        if self.leads:
            self._connection.rows(f"select pg_advisory_unlock({LOCK})")
        self._session = 0

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """Write as the leader.

        Raises:
            NotAllowedError: if this process does not lead, now or when something is written.
        """
        self._refuse_unless_leading()
        before, self._as_leader = self._as_leader, True
        try:
            yield
        finally:
            self._as_leader = before

    def guard(self, connection: Connection) -> None:
        """Put it before every transaction of another connection of this process, too.

        That one does not have the lock: whether this process leads is what is known of the store's.
        """

        def check() -> None:
            if self._as_leader:
                self._refuse_unless_leading()
            self._hold_membership(connection)

        connection.fence = check

    def _refuse_unless_leading(self) -> None:
        if not self.leads:
            raise NotAllowedError("Another process leads now. Nothing was changed.")

    def _check(self) -> None:
        if self._as_leader:
            self._refuse_unless_leading()
            return
        self._hold_membership(self._connection)

    def _hold_membership(self, connection: Connection) -> None:
        # `key share` lets it be renewed meanwhile, but not be ended.
        sql = f"select 1 as found from {SCHEMA}.processes where id = ? for key share"  # noqa: S608
        if not connection.rows(sql, [self._member()]):
            raise NotAllowedError(
                "Another process has taken over from this one. Nothing was changed."
            )
