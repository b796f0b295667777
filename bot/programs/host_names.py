"""Names that a `Host` header may have, against DNS rebinding.

A page of the web can have its name lead to this machine, so what listens on this machine alone is
served by this machine's names, and by those that are given.
"""

from collections.abc import Collection, Sequence
from typing import Final

# Names by which programs of this machine reach what listens on it.
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def known_hosts(host: str, names: Collection[str] = ()) -> frozenset[str]:
    """Names that are served by what listens on `host`, in lower case; empty means any name."""
    given = frozenset(name.lower() for name in names)
    return given | LOOPBACK if host.lower() in LOOPBACK or given else frozenset()


def named_host(headers: Sequence[str]) -> str:
    """The name in the Host headers of a request without its port; empty with none or several."""
    host = headers[0].lower() if len(headers) == 1 else ""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
