"""Allowed names in the `Host` header, against DNS rebinding.

The owner of a web page can make its domain name point to this machine. So a server that listens
locally answers only to local names and to configured names.
"""

from collections.abc import Collection, Sequence
from typing import Final

# Names of this machine for local programs.
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def allowed_hosts(host: str, names: Collection[str] = ()) -> frozenset[str]:
    """Return the lower-case names for a server that listens on `host`. No names mean any name."""
    given = frozenset(name.lower() for name in names)
    return given | LOOPBACK if host.lower() in LOOPBACK or given else frozenset()


def host_without_port(headers: Sequence[str]) -> str:
    """Return the name in the Host header, without its port, or "" unless there is one header."""
    host = headers[0].lower() if len(headers) == 1 else ""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
