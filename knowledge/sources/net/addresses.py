"""Web addresses: validity, normal form, and the guard against server-side request forgery.

People in Discord name web pages, and the bot fetches these pages from inside its operator's
network. This must not give people access to services in that network. Names are resolved first,
then their addresses are checked.

Internal hosts are hosts on private networks that sources of the operator may connect to. An entry
is a name, an address or a network, with a port; without a port it covers 80 and 443. A source on an
internal host connects only to internal hosts, any other source only to public addresses. So no
redirect and no DNS name leads from a public host to an internal host, or back.

Source:
    The IANA special-purpose address registries, as in Python's `ipaddress`. In addition: IPv6
    addresses that contain an IPv4 address, and addresses of cloud providers' own services.
"""

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

import httpx2

from knowledge.sources.net.safe_network import Resolve, system_addresses

# Azure's platform service: a public address, answered inside every machine.
_PLATFORM: Final = frozenset({IPv4Address("168.63.129.16")})

# Networks that an operator may open (`InternalHosts`), and services of clouds inside them, by the
# documentation of Alibaba, Amazon, Google and Scaleway.
_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_CLOUDS: Final = tuple(
    map(ip_network, ("100.100.100.200", "fd00:ec2::/32", "fd20:ce::254", "fd00:42::42"))
)

# All public IPv6 addresses; future special addresses are outside of it, too.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_DOCUMENTATION: Final = IPv6Network("3fff::/20")
_RELAYS: Final = IPv4Network("192.88.99.0/24")
# Includes Oracle's platform service; older versions of Python call some of these global.
_PROTOCOLS: Final = IPv4Network("192.0.0.0/24")


def problem_with(address: str) -> str:
    """The problem with an IP address; empty if connections are allowed.

    The problem is the end of a sentence about the address, such as "is link-local".
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "is no address"
    if isinstance(parsed, IPv6Address):
        return _problem_with_v6(parsed)
    return _problem_with_v4(parsed)


def is_private(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is in a private network, and isn't that of a cloud's own service."""
    return any(address in network for network in _PRIVATE) and not any(
        address in network for network in _CLOUDS
    )


def is_inside_private(network: IPv4Network | IPv6Network) -> bool:
    """Whether a network is inside a private network or this machine's loopback network."""
    return any(
        # Only networks of the same version can be compared.
        network.network_address in each and network.prefixlen >= each.prefixlen
        for each in (*_PRIVATE, *_LOOPBACK)
    )


def _problem_with_v4(address: IPv4Address) -> str:
    if address.is_loopback:
        return "is this machine itself"
    if address.is_link_local or address in _PLATFORM:
        return "is link-local, where clouds keep their machines' secrets"
    if address.is_multicast or address.is_reserved or address in _RELAYS:
        return "is no single machine's address"
    # Private, shared by a provider's customers, unspecified, for documentation.
    public = address.is_global and address not in _PROTOCOLS
    return "" if public else "belongs to a private network"


def _problem_with_v6(address: IPv6Address) -> str:
    for inside in _addresses_in(address):
        if problem := _problem_with_v4(inside):
            return f"holds {inside}, which {problem}"
    if address.ipv4_mapped is not None or address in _TRANSLATED[0]:
        return ""
    if address.is_loopback:
        return "is this machine itself"
    if address.is_link_local:
        return "is link-local"
    if address.is_multicast:
        return "is no single machine's address"
    outside = address not in _GLOBAL_UNICAST or address in _DOCUMENTATION
    return "belongs to a private network" if outside or not address.is_global else ""


def _addresses_in(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses to which a translator may forward packets for an IPv6 address."""
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [inside for inside in found if inside is not None]


URL_CHARACTERS: Final = 2_000

# Addresses.

# As in the hosts file of usual systems.
_THIS_MACHINE: Final = frozenset(
    {
        "ip6-localhost",
        "ip6-loopback",
        "localhost",
        "localhost.localdomain",
        "localhost6",
        "localhost6.localdomain6",
    }
)
_HOST: Final = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def is_web(location: str) -> bool:
    """Whether a location is a web address, not a path."""
    return location.lower().startswith(("http://", "https://"))


def problem_with_url(url: str) -> str:
    """The problem with a web address, as the rest of a sentence; empty if it can be fetched."""
    if len(url) > URL_CHARACTERS:
        return f"is longer than {URL_CHARACTERS:,} characters"
    try:
        parsed = httpx2.URL(url)
        # Access decodes a host in Punycode, which may fail.
        host = parsed.host
    except (httpx2.InvalidURL, ValueError):
        return "is no valid address"
    if parsed.scheme not in ("http", "https"):
        return "is no http or https address"
    if not host:
        return "names no host"
    if not _HOST.fullmatch(parsed.raw_host):
        return "is no valid address"
    if parsed.userinfo:
        return "has a name or password in it"
    return ""


def problem_with_literal(url: str) -> str:
    """The problem with a literal IP address in a web address, as the rest of a sentence.

    A name of this machine, such as `localhost`, counts as its address. Empty if the IP address is
    public, or if the host is another name, which `CheckedNetwork` checks.
    """
    host = httpx2.URL(url).host.strip("[]")
    name = host.rstrip(".")
    if name in _THIS_MACHINE or name.endswith(".localhost"):
        return f"leads to {host}, which is this machine itself"
    try:
        # Resolvers also take 127.1, 0x7f.1 and 2130706433 for addresses.
        address = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        address = host
    try:
        ip_address(address)
    except ValueError:
        return ""
    problem = problem_with(address)
    return f"leads to {address}, which {problem}" if problem else ""


def normal_url(url: str, base: str = "") -> str:
    """Normalize an address: absolute, uniformly escaped, no fragment; empty if invalid."""
    try:
        joined = httpx2.URL(base).join(url) if base else httpx2.URL(url)
        return str(joined.copy_with(fragment=None))
    except (httpx2.InvalidURL, ValueError):
        return ""


def host_of(url: str) -> str:
    """The scheme, host and port of an address."""
    parsed = httpx2.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii', 'replace')}"


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
        """Parse the entries; ValueError about the first invalid one."""
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
                if not is_inside_private(network):
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
            return problem_with(address)
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        name = _plain(host)
        named = (name, port) in self.names
        if found.is_loopback:
            # Another name could be pointed at this machine's own services.
            named = named and (name == "localhost" or name.endswith(".localhost"))
        elif (problem := problem_with(address)) and not is_private(found):
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
