"""PostgreSQL for tests: a cluster of their own in a temporary folder, gone when they are done.

It listens on a socket in that folder alone, and writes nothing that outlives it. Where PostgreSQL's
programs aren't installed, the tests that need them are skipped, and say so.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_LOOK_SECONDS = 0.01
OWNER = "commonplace"
# Who is let in with a password alone.
LOCKED = "locked"
PASSWORD = "correct horse"  # noqa: S105 - of nothing but this

# Nothing has to survive the machine; and none of it needs a place in the system's own memory.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "100",
    "autovacuum": "off",
    "lc_messages": "C",
}


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where they aren't installed."""
    found = shutil.which("initdb")
    # What Debian installs is on nobody's path; the newest comes last.
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    folders = [*places, *([Path(found).resolve().parent] if found else [])]
    whole = [each for each in folders if (each / "initdb").exists() and (each / "pg_ctl").exists()]
    return whole[-1] if whole else None


def _ordinary_user() -> str | None:
    """Whom PostgreSQL runs as where the tests run as root, which it refuses; None elsewhere."""
    if os.geteuid():
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


def database_name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


class Cluster:
    """A running server, and the databases that are made in it."""

    def __init__(self, folder: Path, bin_folder: Path, user: str | None) -> None:
        self.folder = folder
        self._bin = bin_folder
        self._user = user
        self._numbers = itertools.count(1)
        self._shared: dict[str, str] = {}

    def url(self, name: str, user: str = OWNER) -> str:
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def empty(self) -> str:
        """The URL of a new database."""
        return self.url(self._create("template0 encoding 'UTF8' locale 'C'"))

    def shared(self, name: str, prepare: Callable[[str], None]) -> str:
        """The URL of one database for many tests, each of which leaves it as it was."""
        if name not in self._shared:
            url = self.empty()
            prepare(url)
            self._shared[name] = url
        return self._shared[name]

    def drop(self, url: str) -> None:
        self.execute(f"drop database {url.partition('@/')[2].partition('?')[0]} with (force)")

    def _create(self, template: str) -> str:
        name = f"made_{next(self._numbers)}"
        self.execute(f"create database {name} template {template}")
        return name

    def cut(self, url: str) -> None:
        """End every connection to a database, as a server does that is started anew."""
        self.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity "  # noqa: S608
            f"where datname = '{database_name(url)}'"
        )

    def execute(self, sql: str, url: str = "") -> list[tuple[object, ...]]:
        """Run a statement beside whoever is under test."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w",
                  "start")  # fmt: skip

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """End every process of the server by SIGKILL, as a machine that loses its power."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)
        for pid in (*_children(postmaster), postmaster):
            os.kill(pid, signal.SIGKILL)
        # The next start would refuse a socket and memory that are still in use.
        while Path(f"/proc/{postmaster}").exists():
            time.sleep(_LOOK_SECONDS)

    def make(self) -> None:
        arguments = ["-D", str(self.folder / "data"), "-U", OWNER, "-N", "-A", "trust"]
        self._run("initdb", *arguments, "--locale=C", "--encoding=UTF8")
        settings = [f"{name} = '{value}'\n" for name, value in _SETTINGS.items()]
        places = f"unix_socket_directories = '{self.folder}'\n"
        _add(self.folder / "data" / "postgresql.conf", "".join([*settings, places]))
        hosts = self.folder / "data" / "pg_hba.conf"
        hosts.write_text(f"local all {LOCKED} scram-sha-256\nlocal all all trust\n")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=self._user,
        )


def _children(parent: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in tasks.split()]


def _add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster, from here to the end. Skips the test where there can be none."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's programs are not installed: what needs them is not tested")
    user = _ordinary_user()
    if user is None and not os.geteuid():
        pytest.skip("PostgreSQL refuses to run as root, and there is no ordinary user for it")
    # The path of a socket may have a hundred bytes: pytest's own folders are too deep.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        cluster = Cluster(folder, found, user)
        cluster.make()
        cluster.start()
        try:
            cluster.execute(f"create role {LOCKED} login password '{PASSWORD}'")
            yield cluster
        finally:
            cluster.stop()
