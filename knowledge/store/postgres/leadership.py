"""Leader election: one process does the work for all guilds.

Leadership is an advisory lock of the session that the store writes through. It ends with the
session, so a former leader's writes are refused.

Errors:
    Exception
    └── StoreError
        └── NotAllowedError    the process doesn't lead, or is no member any more
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.leases import SCHEMA

# Number of the advisory lock.
LOCK: Final = 5


class NotAllowedError(StoreError):
    """The process may not write: it doesn't lead, or is no member any more. Nothing was changed."""


class Fence:
    """Fencing: refuses transactions of a process that lost its membership or leadership.

    Each transaction locks the process's row in the table of members, so another process can't end
    the membership during the transaction. In the context `leading`, a transaction of the store's
    connection doesn't lock the row, but its session must hold the advisory lock of leadership.
    """

    def __init__(self, connection: Connection, member: Callable[[], str]) -> None:
        """Fence every transaction of a connection; `member` returns the id of the process."""
        self._connection = connection
        self._member = member
        self._session = 0
        self._as_leader = False
        connection.fence = self._check

    @property
    def leads(self) -> bool:
        """Whether this session has the lock of leadership, as far as known without a query."""
        return self._session == self._connection.sessions and not self._connection.closed

    def try_to_lead(self) -> bool:
        """Try to lead; returns whether this process leads now."""
        lock = f"select pg_try_advisory_lock({LOCK}) as won"
        if self.leads:
            # Finds out if the server has ended the session.
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
        """A context for the leader's write transactions.

        Raises:
            NotAllowedError: if this process doesn't lead, now or at a write.
        """
        self._refuse_unless_leading()
        before, self._as_leader = self._as_leader, True
        try:
            yield
        finally:
            self._as_leader = before

    def guard(self, connection: Connection) -> None:
        """Fence another connection of this process.

        In the context `leading`, a write is also refused if the store's connection no longer holds
        the lock of leadership.
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
        # `key share` allows renewals meanwhile, but no deletion.
        sql = f"select 1 as found from {SCHEMA}.processes where id = ? for key share"  # noqa: S608
        if not connection.rows(sql, [self._member()]):
            raise NotAllowedError(
                "Another process has taken over from this one. Nothing was changed."
            )
