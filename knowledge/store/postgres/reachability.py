"""Reachability of a server: whether it is down for everybody, or only out of reach from here.

A machine that refuses a connection has no server that listens; a server that is starting or being
shut down says so. Where nothing answers at all, a network may have been cut, and others may still
reach the server.
"""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

# Nothing that is up takes longer to refuse or take a connection.
_SECONDS: Final = 2
_PORT: Final = "5432"
# Where programs of Debian and of PostgreSQL itself look for a socket.
_FOLDERS: Final = ("/var/run/postgresql", "/tmp")  # noqa: S108 - nothing is written there


def is_down(url: str) -> bool:
    """Whether no server of the URL can serve anybody, as far as that is known for certain."""
    known = conninfo_to_dict(url)
    hosts = str(known.get("hostaddr") or known.get("host") or ",".join(_FOLDERS)).split(",")
    ports = str(known.get("port") or _PORT).split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    if all(_refuses(host, port) for host, port in zip(hosts, ports, strict=True)):
        return True
    with suppress(psycopg.Error):
        seconds = f" connect_timeout={_SECONDS}" if "://" not in url else ""
        return pq.PGconn.ping(f"{url}{seconds}".encode()) == pq.Ping.REJECT
    return False


def _refuses(host: str, port: str) -> bool:
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local:
                local.settimeout(_SECONDS)
                local.connect(str(Path(host) / f".s.PGSQL.{port}"))
        else:
            socket.create_connection((host, int(port)), _SECONDS).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except OSError:
        return False
    return False
