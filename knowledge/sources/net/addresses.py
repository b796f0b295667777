"""Web addresses: validity, normal form and host."""

import re
import socket
from ipaddress import ip_address
from typing import Final

import httpx2

from knowledge.sources.net import ssrf_guard

URL_CHARACTERS: Final = 2_000

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
    problem = ssrf_guard.problem_with(address)
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
