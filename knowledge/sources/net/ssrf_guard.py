"""Guard against server-side request forgery: the IP addresses that may be connected to.

People in Discord name web pages, and the bot fetches these pages from inside its operator's
network. This must not give people access to services in that network. Names are resolved first,
then their addresses are checked. All functions are pure.

Source:
    The IANA special-purpose address registries, as in Python's `ipaddress`. In addition: IPv6
    addresses that contain an IPv4 address, and addresses of cloud providers' own services.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

# Azure's platform service: a public address, answered inside every machine.
_PLATFORM: Final = frozenset({IPv4Address("168.63.129.16")})

# Networks that an operator may open (`internal_hosts`), and services of clouds inside them, by the
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
    """The IPv4 addresses inside an IPv6 address.

    A translator may forward packets for the IPv6 address to these IPv4 addresses.
    """
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [inside for inside in found if inside is not None]
