"""Leases of shards and leader election: one process at a time runs each shard, and one leads.

Leases last by the clock of the database. Each process is a member, and keeps its shards as long as
it renews its membership. If a process is late, another process first ends the late process's
database sessions, which rolls back their transactions. Then it deletes the membership of the late
process, which frees the shards. The late process notices at its next step, and joins again under a
new id. A process that was late itself ends others only after another lease: if the database hung,
all processes were late, and all keep their shards. Processes take free shards up to their share,
and give back surplus shards one at a time. Taking a shard raises its epoch by one.

The leader does the work for all guilds. Leadership is an advisory lock of the session that the
store writes through. It ends with the session, so a former leader's writes are refused.

Errors:
    Exception
    ├── LapsedError    another process ended the membership; the shards are lost
    └── StoreError
        └── NotAllowedError    the process doesn't lead, or is no member any more
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import PROCESS_NAME, Connection

SCHEMA: Final = "work"
# Seconds a membership lasts after a renewal. The process itself trusts a little less
# (`bot.cluster.membership`).
LEASE_SECONDS: Final = 12.0

# Advisory lock number of its transactions; each schema has its own.
LOCK_SPACE: Final = 6

_SCRIPT: Final = Path(__file__).with_name("leases.sql")
_UNTIL: Final = "clock_timestamp() + cast(? as float8) * interval '1 second'"
_RENEW: Final = f"""
update processes set until = {_UNTIL}
from (select id, until < clock_timestamp() as late from processes where id = ? for update) before
where processes.id = before.id returning late
"""  # noqa: S608 - of constants
# Members to end. After an outage of the server everybody was silent, so only a process that has
# been connected for a while may end others. If the server hangs after the renewal, that is late,
# too.
_EXPIRED: Final = """
id <> ? and until < clock_timestamp() and exists (
    select 1 from pg_stat_activity where pid = pg_backend_pid()
    and backend_start <= clock_timestamp() - cast(? as float8) * interval '1 second')
and exists (select 1 from processes own where own.id = ? and own.until >= clock_timestamp())
"""
_END_SESSIONS: Final = f"""
select pg_terminate_backend(pid, 1000) from pg_stat_activity
where pid <> pg_backend_pid()
and application_name in (select name from processes where {_EXPIRED})
"""  # noqa: S608 - of constants
_END: Final = f"""
delete from processes
where id in (select id from processes where {_EXPIRED} for update skip locked)
"""  # noqa: S608
_TAKE: Final = """
update shards set holder = ?, epoch = epoch + 1, ready_at = null
where shard in (
    select shard from shards where holder is null order by shard limit ? for update skip locked)
"""


class LapsedError(Exception):
    """The membership was not renewed in time, and another process has ended it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A process's standing after a step: its shards with their epochs, and one to give back.

    `processes` and `unready` are the numbers of all members, and of all shards not marked as ready.
    """

    shards: dict[int, int]
    surplus: int | None
    processes: int
    unready: int


class Leases:
    """The membership and shards of one process, for use in one thread."""

    def __init__(
        self,
        url: str,
        *,
        seconds: float = LEASE_SECONDS,
        patience: float | None = None,
        name: str = PROCESS_NAME,
    ) -> None:
        """Connect without joining.

        A membership lasts `seconds` without renewal. This session may end expired memberships once
        it has been connected, and in time, for `patience` seconds, by default as long. Raises
        StoreError if the database can't be used.
        """
        self._seconds = seconds
        self._patience = seconds if patience is None else patience
        self._late_at = -math.inf
        self.name = name
        self.id = ""
        self._lives = 0
        self._connection = Connection(url, SCHEMA, lock_space=LOCK_SPACE, name=name)
        with self._connection.writing():
            self._connection.run_script(_SCRIPT.read_text(encoding="utf-8"))

    def close(self) -> None:
        self._connection.close()

    def join(self, wanted: int) -> int:
        """Become a member, for the first time or after a lapse; returns the number of all shards.

        The number is `wanted` if no other process is a member.
        """
        self._reconnect()
        before, self._lives = self.id, self._lives + 1
        self.id = f"{self.name.rpartition(' ')[2]}.{self._lives}"
        connection = self._connection
        # Concurrent joins wait here: the first one decides the number.
        with connection.writing():
            connection.run("delete from processes where id = ?", [before])
            [others] = connection.rows("select count(*) as n from processes")
            connection.run(
                "insert into processes (id, name, joined_at, until) "  # noqa: S608
                f"values (?, ?, clock_timestamp(), {_UNTIL})",
                [self.id, self.name, self._seconds],
            )
            if not others["n"]:
                connection.run("delete from shards where shard >= ?", [wanted])
                connection.run(
                    "insert into shards (shard) "
                    "select * from generate_series(0, cast(? as int) - 1) on conflict do nothing",
                    [wanted],
                )
            [shards] = connection.rows("select count(*) as n from shards")
        return int(shards["n"])

    def step(self, most: int = 1_000) -> Standing:
        """Renew the membership, end expired members, and take at most `most` free shards.

        Raises LapsedError if another process has ended this membership.
        """
        run = self._connection.run
        self._reconnect()
        renewed = self._connection.rows(_RENEW, [self._seconds, self.id])
        if not renewed:
            raise LapsedError("The leases of this process's shards were not renewed in time.")
        if renewed[0]["late"]:
            self._late_at = time.monotonic()
        if time.monotonic() >= self._late_at + self._patience:
            expired = [self.id, self._patience, self.id]
            self._connection.rows(_END_SESSIONS, expired)
            run(_END, expired)
        standing, room = self._standing()
        if room > 0 and most > 0 and run(_TAKE, [self.id, min(room, most)]):
            standing, _ = self._standing()
        return standing

    def _reconnect(self) -> None:
        """Run a query, which reconnects if the session was ended; a write would fail instead."""
        self._connection.rows("select 1 as there")

    def _standing(self) -> tuple[Standing, int]:
        """The process's standing, and how many of the free shards it may take."""
        shards = self._connection.rows(
            "select shard, epoch, holder, ready_at is null as unready from shards order by shard"
        )
        ids = self._connection.column("select id from processes order by joined_at, id")
        own = {row["shard"]: row["epoch"] for row in shards if row["holder"] == self.id}
        share = 0
        if self.id in ids:
            each, over = divmod(len(shards), len(ids))
            share = each + (ids.index(self.id) < over)
        free = sum(row["holder"] is None for row in shards)
        unready = sum(row["unready"] for row in shards)
        surplus = max(own) if len(own) > share and not unready else None
        return Standing(own, surplus, len(ids), unready), min(free, share - len(own))

    def mark_ready(self, shard: int) -> None:
        """Record that a shard's guilds are served. Until then, no process gives back a shard."""
        sql = "update shards set ready_at = clock_timestamp() where shard = ? and holder = ?"
        self._connection.run(sql, [shard, self.id])

    def give_back(self, shard: int) -> None:
        sql = "update shards set holder = null, ready_at = null where shard = ? and holder = ?"
        self._connection.run(sql, [shard, self.id])

    def leave(self) -> None:
        """End the membership, which frees all shards."""
        self._reconnect()
        self._connection.run("delete from processes where id = ?", [self.id])

    def reserve_identify(self, bucket: int, seconds: float) -> float:
        """Reserve the next time at which a Discord session may begin (*identify*).

        Discord puts the shards into buckets. In each bucket, one session may begin every `seconds`.
        Returns the seconds until the reserved time.
        """
        sql = (
            "insert into identifies (bucket, free_at) values (?, clock_timestamp() + given.pause) "
            "on conflict (bucket) do update "
            "set free_at = greatest(identifies.free_at, clock_timestamp()) + given.pause "
            "returning extract(epoch from free_at - clock_timestamp()) as ahead"
        )
        pause = "cast(? as float8) * interval '1 second'"
        [row] = self._connection.rows(sql.replace("given.pause", pause), [bucket, seconds, seconds])
        return max(float(row["ahead"]) - seconds, 0.0)


# Number of the advisory lock.
LEADERSHIP: Final = 5


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
        lock = f"select pg_try_advisory_lock({LEADERSHIP}) as won"
        if self.leads:
            # Finds out if the server has ended the session.
            self._connection.rows("select 1 as there")
        if not self.leads and self._connection.rows(lock)[0]["won"]:
            self._session = self._connection.sessions
        return self.leads

    def step_down(self) -> None:
        if self.leads:
            self._connection.rows(f"select pg_advisory_unlock({LEADERSHIP})")
        self._session = 0

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """A context for the leader's write transactions.

        Raises NotAllowedError if this process doesn't lead, now or at a write.
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
