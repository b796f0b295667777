"""Addresses of the web: which can be fetched, how they are compared, and who is asked. Pure."""

import re
from ipaddress import ip_address
from typing import Final

import httpx2

from knowledge.web import ssrf_guard

URL_CHARACTERS: Final = 2_000

_HOST: Final = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def problem_with_url(url: str) -> str:
    """Why an address of the web can't be fetched, as the rest of a sentence; nothing if it can."""
    if len(url) > URL_CHARACTERS:
        return f"is longer than {URL_CHARACTERS:,} characters"
    try:
        parsed = httpx2.URL(url)
        # Only when it is asked for is a host in Punycode undone, which may fail.
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
    """Why an address in digits must not be connected to, as the rest of a sentence.

    Nothing where it may be, or where a name stands in its place: where that leads is seen later.
    """
    host = httpx2.URL(url).host.strip("[]")
    try:
        ip_address(host)
    except ValueError:
        return ""
    problem = ssrf_guard.problem_with(host)
    return f"leads to {host}, which {problem}" if problem else ""


def normal_url(url: str, base: str = "") -> str:
    """An address as it is compared: absolute, escaped in one way, without what follows a #.

    Nothing where it is none.
    """
    try:
        joined = httpx2.URL(base).join(url) if base else httpx2.URL(url)
        return str(joined.copy_with(fragment=None))
    except (httpx2.InvalidURL, ValueError):
        return ""


def host_of(url: str) -> str:
    """The scheme, host and port of an address: who is asked."""
    parsed = httpx2.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii', 'replace')}"
