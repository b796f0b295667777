"""Work queue in PostgreSQL (schema `work`): texts for embedding workers.

A job is a text with its digest. Workers lease jobs by the database's clock; an expired lease frees
its jobs. A worker stores its result in the job's row, so it needs no right on any other table.
Finished jobs lose their text. A job is deleted once its vector is collected, or else after
`KEPT_SECONDS`.

`kind` includes the model, so a worker with another model finds no jobs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from knowledge.store.database import StoreError
from knowledge.store.postgres.connection import Connection
from knowledge.values.embedding_jobs import Job, QueueState

SCHEMA: Final = "work"
# The lock space of its transactions; the other schemas have others.
LOCK_SPACE: Final = 4
# Changes of several jobs take turns, to avoid deadlocks.
_ORDERED: Final = 0

# A lease's length. Workers take few enough jobs to need a tenth of it; jobs of a killed worker wait
# for the rest.
LEASE_SECONDS: Final = 30
# A worker seen within this time is alive. Taking jobs counts as being seen.
ALIVE_SECONDS: Final = 10
# After as many failures or dead workers, a job is set aside.
MOST_TRIES: Final = 5
# From this try on, a job is leased alone, so it can't take others down with it.
_ALONE: Final = 2
# After this time, the update that wanted these vectors was abandoned.
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

        Raises StoreError if the queue can't be opened.
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

    # For the index update.

    def offer(self, kind: str, texts: Mapping[bytes, str]) -> None:
        """Queue texts for embedding; a known text isn't queued again."""
        with self._db.writing(_ORDERED):
            self._db.run_many(
                "insert into jobs (kind, key, payload) values (?, ?, ?) "
                "on conflict (kind, key) do nothing",
                [(kind, key, text.replace("\0", "")) for key, text in texts.items()],
            )

    def results(self, kind: str, limit: int) -> dict[bytes, bytes]:
        """Up to `limit` finished vectors, by digest; they stay until `drop`."""
        rows = self._db.rows(
            "select key, result from jobs where kind = ? and done_at is not null "
            "order by id limit ?",
            [kind, limit],
        )
        return {bytes(row["key"]): bytes(row["result"]) for row in rows}

    def drop(self, kind: str, keys: Collection[bytes]) -> None:
        """Delete jobs whose vectors were collected."""
        if keys:
            sql = f"delete from jobs where kind = ? and key in ({_marks(keys)})"  # noqa: S608
            with self._db.writing(_ORDERED):
                self._db.run(sql, [kind, *keys])

    def problems(self, kind: str, keys: Collection[bytes]) -> dict[bytes, str | None]:
        """The last error of each job that was set aside, and None for each other job, by digest.

        Jobs are set aside after `MOST_TRIES` tries. The error is empty if the last worker died.
        """
        sql = (
            f"select key, case when tries >= ? and {_FREE} then coalesce(error, '') end as problem "  # noqa: S608
            f"from jobs where kind = ? and key in ({_marks(keys)})"
        )
        rows = self._db.rows(sql, [MOST_TRIES, kind, *keys]) if keys else []
        return {bytes(row["key"]): row["problem"] for row in rows}

    def is_attended(self, kind: str) -> bool:
        sql = (
            "select 1 as found from workers where kind = ? "
            "and seen_at > now() - make_interval(secs => ?) limit 1"
        )
        return bool(self._db.rows(sql, [kind, ALIVE_SECONDS]))

    def forget_old(self) -> int:
        """Delete jobs and workers after `KEPT_SECONDS`; returns the number of deleted jobs."""
        old = "now() - make_interval(secs => ?)"
        self._db.run(f"delete from workers where seen_at < {old}", [KEPT_SECONDS])  # noqa: S608
        return self._db.run(f"delete from jobs where offered_at < {old}", [KEPT_SECONDS])  # noqa: S608

    # For workers.

    def take(self, kind: str, worker: str, limit: int) -> list[Job]:
        """Lease up to `limit` jobs. A job that was tried twice is leased alone, after others."""
        for bounds in ((0, _ALONE, limit), (_ALONE, MOST_TRIES, 1)):
            rows = self._db.rows(_TAKE, [kind, *bounds, worker, LEASE_SECONDS])
            if rows:
                found = [Job(row["id"], bytes(row["key"]), row["payload"]) for row in rows]
                return sorted(found, key=lambda job: job.id)
        return []

    def report_alive(self, kind: str, worker: str) -> None:
        self._db.run(_SEEN, [worker, kind])

    def finish(self, results: Iterable[tuple[Job, bytes]]) -> None:
        """Store vectors; jobs finished by others or dropped are skipped."""
        with self._db.writing(_ORDERED):
            self._db.run_many(_FINISH, [(result, job.id) for job, result in results])

    def fail(self, worker: str, jobs: Sequence[Job], error: str) -> None:
        """Free jobs for another try, with their error."""
        self._free(worker, jobs, "error = ?", [error])

    def give_back(self, worker: str, jobs: Sequence[Job]) -> None:
        """Free leased jobs that were not begun."""
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
        self._db.run("delete from workers where name = ?", [worker])

    # For operators.

    def state(self) -> QueueState:
        [row] = self._db.rows(_STATE, [MOST_TRIES] * 3)
        workers = self._db.rows(
            "select kind, count(*) as n from workers "
            "where seen_at > now() - make_interval(secs => ?) group by kind order by kind",
            [ALIVE_SECONDS],
        )
        alive = {worker["kind"]: worker["n"] for worker in workers}
        return QueueState(row["waiting"], row["set_aside"], row["error"], alive)

    def other_kinds(self, kind: str) -> dict[str, int]:
        """The number of waiting jobs of each other kind."""
        rows = self._db.rows(
            "select kind, count(*) as n from jobs where kind <> ? and done_at is null "
            "group by kind order by kind",
            [kind],
        )
        return {row["kind"]: row["n"] for row in rows}


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
