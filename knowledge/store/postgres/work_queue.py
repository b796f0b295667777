"""Work queue in PostgreSQL (schema `work`): texts that other processes turn into vectors.

A job is one text under its digest. Workers take jobs with leases by the database's clock; a lease
that lapses makes its jobs free again. A worker's result stays in the job's row until whoever
offered it has taken it: a worker needs no right on any other table. Once a job is done, its text
is gone from the row; what nobody collects is deleted after `KEPT_SECONDS`.

The model is a part of what a job is for (`kind`): who runs another model finds nothing to take.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.values.embedding_jobs import Job, QueueState

SCHEMA: Final = "work"
# The number by which its transactions lock one another out; the other schemas have others.
LOCK_SPACE: Final = 4
# What changes several jobs at once does so one after another: two could wait for each other.
_ORDERED: Final = 0

# How long jobs stay with a worker that says nothing. It takes so few at a time that it needs a
# tenth of that; those of one that was killed wait for the rest.
LEASE_SECONDS: Final = 30
# A worker that was seen within this time counts as alive. It is seen whenever it takes jobs.
ALIVE_SECONDS: Final = 10
# After so many tries a job is set aside: it fails, or whoever takes it dies of it.
MOST_TRIES: Final = 5
# From this try on a job is taken alone, so that it takes no other with it.
_ALONE: Final = 2
# What nobody has collected for so long is no longer wanted: its update was abandoned.
KEPT_SECONDS: Final = 3_600

_TABLES: Final = Path(__file__).with_name("work_queue.sql")
_FREE: Final = "done_at is null and (taken_until is null or taken_until < now())"
_TAKE: Final = f"""
with free as (
    select id from jobs where kind = ? and tries >= ? and tries < ? and {_FREE}
    order by id limit ? for update skip locked
)
update jobs set taken_by = ?, taken_until = now() + make_interval(secs => ?), tries = tries + 1,
error = null from free where jobs.id = free.id returning jobs.id, jobs.key, jobs.payload
"""  # noqa: S608 - of constants
_SEEN: Final = """
insert into workers (name, kind) values (?, ?) on conflict (name) do update set seen_at = now()
"""
_FINISH: Final = """
update jobs set result = ?, payload = null, error = null, done_at = now(), taken_until = null
where id = ? and done_at is null
"""
_STATE: Final = f"""
select count(*) filter (where done_at is null and tries < ?) as waiting,
count(*) filter (where tries >= ? and {_FREE}) as set_aside,
coalesce(min(error) filter (where tries >= ? and {_FREE}), '') as error
from jobs
"""  # noqa: S608 - of constants


class WorkQueue:
    """The opened queue. It belongs to the thread that opened it."""

    def __init__(self, url: str) -> None:
        """Open the queue, and make its tables if they are missing.

        Raises:
            StoreError: if it can't be opened.
        """
        self._db = Connection(url, SCHEMA, StoreError, lock_space=LOCK_SPACE)
        try:
            if not self._db.has_table("workers"):
                with self._db.writing():
                    self._db.run_script(_TABLES.read_text(encoding="utf-8"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._db.close()

    # What whoever wants vectors calls.

    def offer(self, kind: str, texts: Mapping[bytes, str]) -> None:
        """Let texts be embedded, each once, however often it is offered."""
        with self._db.writing(_ORDERED):
            self._db.run_many(
                "insert into jobs (kind, key, payload) values (?, ?, ?) "
                "on conflict (kind, key) do nothing",
                [(kind, key, text.replace("\0", "")) for key, text in texts.items()],
            )

    def results(self, kind: str, most: int) -> dict[bytes, bytes]:
        """At most so many vectors that are there, by digest; they stay until `drop`."""
        rows = self._db.rows(
            "select key, result from jobs where kind = ? and done_at is not null "
            "order by id limit ?",
            [kind, most],
        )
        return {bytes(row["key"]): bytes(row["result"]) for row in rows}

    def drop(self, kind: str, keys: Collection[bytes]) -> None:
        """Want these no more: their vectors are there."""
        if keys:
            sql = f"delete from jobs where kind = ? and key in ({_marks(keys)})"  # noqa: S608
            with self._db.writing(_ORDERED):
                self._db.run(sql, [kind, *keys])

    def problems(self, kind: str, keys: Collection[bytes]) -> dict[bytes, str | None]:
        """Of each of these that is there: None, or what it failed of last where it is set aside.

        That is empty where the worker that took it last has ended without a word.
        """
        sql = (
            f"select key, case when tries >= ? and {_FREE} then coalesce(error, '') end as problem "  # noqa: S608
            f"from jobs where kind = ? and key in ({_marks(keys)})"
        )
        rows = self._db.rows(sql, [MOST_TRIES, kind, *keys]) if keys else []
        return {bytes(row["key"]): row["problem"] for row in rows}

    def is_attended(self, kind: str) -> bool:
        """Whether any worker is alive that takes such jobs."""
        sql = (
            "select 1 as found from workers where kind = ? "
            "and seen_at > now() - make_interval(secs => ?) limit 1"
        )
        return bool(self._db.rows(sql, [kind, ALIVE_SECONDS]))

    def forget_old(self) -> int:
        """Delete what nobody collects any more, and workers that are long gone."""
        old = "now() - make_interval(secs => ?)"
        self._db.run(f"delete from workers where seen_at < {old}", [KEPT_SECONDS])  # noqa: S608
        return self._db.run(f"delete from jobs where offered_at < {old}", [KEPT_SECONDS])  # noqa: S608

    # What a worker calls.

    def take(self, kind: str, worker: str, most: int) -> list[Job]:
        """Take at most so many jobs; those that have failed before come last, one at a time."""
        for bounds in ((0, _ALONE, most), (_ALONE, MOST_TRIES, 1)):
            rows = self._db.rows(_TAKE, [kind, *bounds, worker, LEASE_SECONDS])
            if rows:
                found = [Job(row["id"], bytes(row["key"]), row["payload"]) for row in rows]
                return sorted(found, key=lambda job: job.id)
        return []

    def seen(self, kind: str, worker: str) -> None:
        """Say that a worker is alive."""
        self._db.run(_SEEN, [worker, kind])

    def finish(self, results: Iterable[tuple[Job, bytes]]) -> None:
        """Hand in vectors; of a job that another one has done by now, or nobody wants, nothing."""
        with self._db.writing(_ORDERED):
            self._db.run_many(_FINISH, [(result, job.id) for job, result in results])

    def fail(self, worker: str, jobs: Sequence[Job], error: str) -> None:
        """Let jobs be tried again by somebody, and say what they failed of."""
        self._free(worker, jobs, "error = ?", [error])

    def give_back(self, worker: str, jobs: Sequence[Job]) -> None:
        """Let others take jobs that were not begun."""
        self._free(worker, jobs, "tries = tries - 1", [])

    def _free(
        self, worker: str, jobs: Sequence[Job], change: str, values: Sequence[object]
    ) -> None:
        ids = [job.id for job in jobs]
        if ids:
            self._db.run(
                f"update jobs set taken_by = null, taken_until = null, {change} "  # noqa: S608
                f"where taken_by = ? and done_at is null and id in ({_marks(ids)})",
                [*values, worker, *ids],
            )

    def leave(self, worker: str) -> None:
        """A worker ends: nobody waits for it."""
        self._db.run("delete from workers where name = ?", [worker])

    # What an operator looks at.

    def state(self) -> QueueState:
        [row] = self._db.rows(_STATE, [MOST_TRIES] * 3)
        workers = self._db.rows(
            "select kind, count(*) as n from workers "
            "where seen_at > now() - make_interval(secs => ?) group by kind order by kind",
            [ALIVE_SECONDS],
        )
        alive = {each["kind"]: each["n"] for each in workers}
        return QueueState(row["waiting"], row["set_aside"], row["error"], alive)

    def other_kinds(self, kind: str) -> dict[str, int]:
        """How many jobs wait for other models than this kind's."""
        rows = self._db.rows(
            "select kind, count(*) as n from jobs where kind <> ? and done_at is null "
            "group by kind order by kind",
            [kind],
        )
        return {row["kind"]: row["n"] for row in rows}


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
