"""Processes of one bot, started again when they end, and the fate of their shards.

They are real processes on one PostgreSQL, before the strict Discord of the tests. Triggers record
each changed row with its process, and each membership with its beginning and end, so a write after
the end of a membership is seen.
"""

import asyncio
import contextlib
import math
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg
from aiohttp.test_utils import unused_port

from knowledge.store.postgres.leases import LEADERSHIP
from tests.bot.discord_server import ROOT, BotProcess, bot_process
from tests.bot.wire.server import WireServer
from tests.postgres import Cluster

# Among these commits of a life one is chosen to end before or after; the first are its start's.
COMMITS: Final = range(4, 20)
# Kill such a process at random after so many seconds.
LONGEST: Final = 25.0
_LOOK_SECONDS: Final = 0.05

# A writer before its first membership is at its first start.
_WITNESS: Final = """
create schema witness;
create unlogged table witness.writes (name text, place text, at timestamptz);
create unlogged table witness.members (name text, id text, began timestamptz, ended timestamptz);
create function witness.wrote() returns trigger language plpgsql as $$ begin
    insert into witness.writes
    values (current_setting('application_name'), tg_table_name, clock_timestamp());
    return null; end $$;
create function witness.joined() returns trigger language plpgsql as $$ begin
    if tg_op = 'INSERT' then
        insert into witness.members values (new.name, new.id, clock_timestamp(), null);
    else
        update witness.members set ended = clock_timestamp() where id = old.id and ended is null;
    end if;
    return null; end $$;
create trigger joined after insert or delete on work.processes
    for each row execute function witness.joined();
do $$ declare found text; begin
    for found in select oid::regclass from pg_class where relkind = 'r'
        and relnamespace in ('community'::regnamespace, 'index'::regnamespace)
    loop execute 'create trigger witnessed after insert or update or delete on ' || found
        || ' for each row execute function witness.wrote()'; end loop;
end $$
"""
_LATE_WRITES: Final = """
select w.name, w.place, count(*) from witness.writes w
where exists (select 1 from witness.members m where m.name = w.name and w.at > m.ended)
and not exists (select 1 from witness.members m where m.name = w.name
    and w.at >= m.began and (m.ended is null or w.at <= m.ended))
group by w.name, w.place
"""
_LEADER: Final = f"""
select a.application_name from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid = {LEADERSHIP}
and l.objsubid = 1
"""  # noqa: S608


class Watch:
    """A connection of the observer's own to the database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: psycopg.Connection[Any] | None = None

    def rows(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Rows of a query.

        Raises:
            psycopg.OperationalError: while it is away.
        """
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True)
        cursor = self._connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def leader(self) -> str:
        """The leader's name, or an empty string."""
        found = self.rows(_LEADER)
        return str(found[0][0]) if found else ""

    def shards_of(self, name: str) -> list[int]:
        sql = "select s.shard from work.shards s join work.processes p on p.id = s.holder "
        return [shard for [shard] in self.rows(f"{sql} where p.name = %s", [name])]

    def marked_as_left(self) -> int:
        [(number,)] = self.rows("select count(*) from community.guilds where left_at is not null")
        return int(number)

    def late_writes(self) -> list[tuple[Any, ...]]:
        """Of whom rows were written after others had ended them and before they joined anew."""
        return self.rows(_LATE_WRITES)

    def bear_witness(self) -> None:
        """Record each write's process and each membership's period from now on."""
        self.rows(_WITNESS)


@dataclass
class Life:
    """One process: its planned end, and its name once it has one."""

    process: BotProcess
    port: int
    how: str
    until: float
    name: str = ""


@dataclass
class Bots:
    """The processes, and since when a shard's server waits because its process has died."""

    server: WireServer
    watch: Watch
    postgres: Cluster
    # The processes' way to the database.
    url: str
    folder: Path
    count: int
    lease_seconds: float
    chance: random.Random
    stack: AsyncExitStack
    # The checkout of the started program.
    root: Path = ROOT
    lives: list[Life] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    bereft: dict[int, float] = field(default_factory=dict)
    leading: list[float] = field(default_factory=list)
    left: int = 0
    started: int = 0

    async def begin(self, dying: float) -> None:
        """Start one more process; with `dying`, it ends around a commit or after some seconds."""
        port, how = unused_port(), "at random"
        more: dict[str, Any] = {}
        seconds = self.chance.uniform(0.5, 1.5) * dying
        if dying and self.chance.random() < 2 / 3:
            seconds = LONGEST
            when = self.chance.choice(["before", "after"])
            how = f"{when} a commit"
            more = {"DIES_AT_COMMIT": f"{self.chance.choice(COMMITS)} {when}"}
        self.started += 1
        config = self.folder / f"{self.started}.toml"
        config.write_text(
            f'[data]\ndatabase = "{self.url}"\n[health]\nport = {port}\n'
            "[questions]\nmember_burst = 0\n"
        )
        with config.with_suffix(".log").open("wb") as log:
            process = await self.stack.enter_async_context(
                bot_process(
                    self.server,
                    *("run", "--config", config, "--data", self.folder / "data"),
                    connected=False,
                    log=log,
                    root=self.root,
                    LEASE_SECONDS=str(self.lease_seconds),
                    **more,
                )
            )
        until = time.monotonic() + seconds if dying else math.inf
        self.lives.append(Life(process, port, how, until))

    async def keep(self, dying: float = 0) -> None:
        """Count ended processes, replace them, and learn the new ones' names.

        With `dying`, kill processes after so many seconds on average.
        """
        for life in self.lives:
            if time.monotonic() > life.until:
                self._kill(life)
        for life in [one for one in self.lives if one.process.returncode is not None]:
            self._died(life)
            self.lives.remove(life)
        while len(self.lives) < self.count:
            await self.begin(dying)
        await asyncio.gather(*(self._named(one) for one in self.lives if not one.name))

    async def _named(self, life: Life) -> None:
        seconds = aiohttp.ClientTimeout(total=1)
        try:
            async with (
                aiohttp.ClientSession(timeout=seconds) as session,
                session.get(f"http://127.0.0.1:{life.port}/healthz") as response,
            ):
                found = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return
        if member := found.get("process"):
            life.name = f"commonplace {member.partition('.')[0]}"

    def _kill(self, life: Life) -> None:
        # It may have ended meanwhile.
        with contextlib.suppress(ProcessLookupError):
            # Not through the process object, which would poll first and hide the exit from asyncio.
            os.kill(life.process.pid, signal.SIGKILL)
            life.how = "at random"

    def _died(self, life: Life) -> None:
        violent = life.process.returncode == -signal.SIGKILL
        self.ended[life.how if violent else f"by itself ({life.process.returncode})"] += 1
        if not life.name:
            return
        others = [one for one in self.lives if one.name and one.process.returncode is None]
        try:
            for shard in self.watch.shards_of(life.name):
                # With no process left to take over, this would measure their start.
                self.bereft.pop(shard, None)
                if others:
                    self.bereft[shard] = time.monotonic()
        except psycopg.OperationalError:
            return

    async def time_leading(self) -> None:
        """Until cancelled, record the time without a leader after each leader's end."""
        since, before = 0.0, ""
        while True:
            try:
                leader = self.watch.leader()
                self.left = max(self.left, self.watch.marked_as_left())
            except psycopg.OperationalError:
                since, before = 0.0, ""
            else:
                if leader and since:
                    self.leading.append(time.monotonic() - since)
                    since = 0.0
                elif before and not leader:
                    since = time.monotonic()
                before = leader or before
            await asyncio.sleep(_LOOK_SECONDS)

    def errors(self) -> Iterator[str]:
        """Unexpected errors in the processes' logs."""
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(errors="replace")
            lines = text.splitlines()
            for number, line in enumerate(lines):
                if line.startswith("Traceback"):
                    yield "\n".join([path.name, *lines[max(0, number - 2) : number + 60]])
