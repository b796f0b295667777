"""Internal hosts: hosts on private networks that sources of the operator may connect to.

An entry is a name, an address or a network, with a port; without a port it covers 80 and 443. A
source on an internal host connects only to internal hosts, any other source only to public
addresses. So no redirect and no DNS name leads from a public host to an internal host, or back.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

import httpx2

from knowledge.sources.net import ssrf_guard
from knowledge.sources.net.safe_network import Resolve, system_addresses

_PORTS: Final = {"http": 80, "https": 443}
_ENTRY: Final = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:]+):(?P<port>\d{1,5})")
_NAME: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class InternalHosts:
    """Parsed entries: names and networks, each with its port."""

    names: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[tuple[IPv4Network | IPv6Network, int], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Parse the entries.

        Raises:
            ValueError: if an entry is invalid; the message is about the first invalid entry.
        """
        names: set[tuple[str, int]] = set()
        networks: list[tuple[IPv4Network | IPv6Network, int]] = []
        for entry in entries:
            written = entry.strip().lower()
            match = _ENTRY.fullmatch(written)
            host = (match["host"] if match else written).strip("[]")
            ports: Sequence[int] = [int(match["port"])] if match else [*_PORTS.values()]
            if not all(0 < port < 1 << 16 for port in ports):
                raise ValueError(f"{entry} is no port of a host")
            try:
                network = ip_network(host, strict=False)
            except ValueError:
                if not _NAME.fullmatch(host) or host.replace(".", "").isdigit():
                    raise ValueError(f"{entry} is no name, address or network") from None
                names.update((host, port) for port in ports)
            else:
                if not ssrf_guard.is_inside_private(network):
                    raise ValueError(
                        f"{entry} is no private network; public addresses need no entry, and "
                        "link-local ones are never read"
                    )
                networks += [(network, port) for port in ports]
        return cls(frozenset(names), tuple(networks))

    def problem_with(self, host: str, port: int, address: str) -> str:
        """The problem with a host's IP address; empty if connections are allowed.

        The problem is the end of a sentence about the address, such as "is link-local".
        """
        try:
            found = ip_address(address)
        except ValueError:
            return ssrf_guard.problem_with(address)
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        name = _plain(host)
        named = (name, port) in self.names
        if found.is_loopback:
            # Another name could be pointed at this machine's own services.
            named = named and (name == "localhost" or name.endswith(".localhost"))
        elif (problem := ssrf_guard.problem_with(address)) and not ssrf_guard.is_private(found):
            return problem
        if named or any(port == its and found in network for network, its in self.networks):
            return ""
        return f"`sources.internal` doesn't name with port {port}"

    def has(self, url: str, resolve: Resolve = system_addresses) -> bool:
        """Whether a web address is on an internal host, by its name or its resolved addresses."""
        if not (self.names or self.networks):
            return False
        try:
            parsed = httpx2.URL(url)
            host, port = parsed.raw_host.decode("ascii"), parsed.port or _PORTS[parsed.scheme]
            if (_plain(host), port) in self.names:
                return True
            found = resolve(host.strip("[]"), port)
        except (httpx2.InvalidURL, KeyError, OSError, ValueError):
            return False
        return bool(found) and not any(self.problem_with(host, port, each) for each in found)


def can_be_named(url: str) -> bool:
    """Whether an entry could allow the literal IP address in a web address."""
    parsed = httpx2.URL(url)
    port = parsed.port or _PORTS[parsed.scheme]
    try:
        return InternalHosts.of([f"[{parsed.host}]:{port}"]).has(url)
    except ValueError:
        return False


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
