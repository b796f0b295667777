"""Leases of shards: one process at a time runs each shard, by the clock of the database.

Each process is a member, and keeps its shards as long as it renews its membership. If a process is
late, another process first ends the late process's database sessions, which rolls back their
transactions. Then it deletes the membership of the late process, which frees the shards. The late
process notices at its next step, and joins again under a new id.

Processes take free shards up to their share, and give back surplus shards one at a time. Taking a
shard raises its epoch by one.

Errors:
    Exception
    └── LapsedError    another process ended the membership; the shards are lost
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from knowledge.store.postgres.connection import PROCESS_NAME, Connection

SCHEMA: Final = "work"
# Seconds a membership lasts after a renewal. The process itself trusts a little less
# (`bot.cluster.membership`).
LEASE_SECONDS: Final = 12.0

# Advisory lock number of its transactions; each schema has its own.
LOCK_SPACE: Final = 6

_TABLES: Final = Path(__file__).with_name("leases.sql")
_UNTIL: Final = "clock_timestamp() + cast(? as float8) * interval '1 second'"
# Members to end. After an outage of the server everybody was silent, so only a process that has
# been connected for a while may end others.
_EXPIRED: Final = """
id <> ? and until < clock_timestamp() and exists (
    select 1 from pg_stat_activity where pid = pg_backend_pid()
    and backend_start <= clock_timestamp() - cast(? as float8) * interval '1 second')
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
    """A process's standing after a step.

    Attributes:
        shards: the shards of this process, with the epoch of each.
        surplus: a shard for this process to give back, or None.
        processes: the number of all members.
        unready: the number of all shards not marked as ready yet (`Leases.mark_ready`).
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

        Args:
            url: the URL of the database.
            seconds: duration of a membership without renewal.
            patience: how many seconds this session must have been connected before it may end
                expired memberships; None for the same time as `seconds`.
            name: application name of this process's sessions; other processes find them by it.

        Raises:
            StoreError: if the database can't be used.
        """
        self._seconds = seconds
        self._patience = seconds if patience is None else patience
        self.name = name
        self.id = ""
        self._lives = 0
        self._connection = Connection(url, SCHEMA, lock_space=LOCK_SPACE, name=name)
        with self._connection.writing():
            self._connection.run_script(_TABLES.read_text(encoding="utf-8"))

    def close(self) -> None:
        self._connection.close()

    def join(self, wanted: int) -> int:
        """Become a member, for the first time or after a lapse.

        Args:
            wanted: number of all shards; used only if no other process is a member.

        Returns:
            The number of all shards.
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
                self._settle(wanted)
            [shards] = connection.rows("select count(*) as n from shards")
        return int(shards["n"])

    def _settle(self, count: int) -> None:
        self._connection.run("delete from shards where shard >= ?", [count])
        self._connection.run(
            "insert into shards (shard) select * from generate_series(0, cast(? as int) - 1) "
            "on conflict do nothing",
            [count],
        )

    def step(self, most: int = 1_000) -> Standing:
        """Renew the membership, end expired members, and take at most `most` free shards.

        Raises:
            LapsedError: if another process has ended this membership.
        """
        run = self._connection.run
        self._reconnect()
        renewal = f"update processes set until = {_UNTIL} where id = ?"  # noqa: S608
        if not run(renewal, [self._seconds, self.id]):
            raise LapsedError("The leases of this process's shards were not renewed in time.")
        expired = [self.id, self._patience]
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
        members = self._connection.rows("select id from processes order by joined_at, id")
        own = {row["shard"]: row["epoch"] for row in shards if row["holder"] == self.id}
        share = self._share([row["id"] for row in members], len(shards))
        free = sum(row["holder"] is None for row in shards)
        unready = sum(row["unready"] for row in shards)
        surplus = max(own) if len(own) > share and not unready else None
        return Standing(own, surplus, len(members), unready), min(free, share - len(own))

    def _share(self, members: list[str], shards: int) -> int:
        if self.id not in members:
            return 0
        each, over = divmod(shards, len(members))
        return each + (members.index(self.id) < over)

    def mark_ready(self, shard: int) -> None:
        """Record that a shard's guilds are served. Until then, no process gives back a shard."""
        sql = "update shards set ready_at = clock_timestamp() where shard = ? and holder = ?"
        self._connection.run(sql, [shard, self.id])

    def give_back(self, shard: int) -> None:
        """Free a closed shard."""
        sql = "update shards set holder = null, ready_at = null where shard = ? and holder = ?"
        self._connection.run(sql, [shard, self.id])

    def leave(self) -> None:
        """End the membership, which frees all shards."""
        self._reconnect()
        self._connection.run("delete from processes where id = ?", [self.id])

    def reserve_identify(self, bucket: int, seconds: float) -> float:
        """Reserve the next time at which a Discord session may begin (*identify*).

        Discord puts the shards into buckets. In each bucket, one session may begin every `seconds`.

        Returns:
            Seconds until the reserved time.
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
