"""Reachability of a server: whether it is down for everybody, or only unreachable from here.

The server is down if its machine refuses connections, or if the server replies that it is starting
or stopping. Without any reply, the network may be cut, and other machines may reach the server.
"""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

# A running machine accepts or refuses a connection sooner.
_SECONDS: Final = 2
_PORT: Final = "5432"
# Default folders of PostgreSQL's and Debian's sockets.
_FOLDERS: Final = ("/var/run/postgresql", "/tmp")  # noqa: S108 - nothing is written there


def is_down(url: str) -> bool:
    """Whether all servers of the URL are certainly down."""
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
