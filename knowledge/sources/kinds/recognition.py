"""Recognition of wikis and forums by the page at an address.

The page's `generator` tag names the software. The address of the root or main page is treated as
the whole service, any other address as a single page. If the service's API can't be used, the
address is treated as a single page, too.
"""

import re
from typing import Final

from knowledge.sources.kinds.registry import SERVICES
from knowledge.sources.net.polite_fetcher import Fetched, Fetcher
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import Service, checked_answers

_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_BYTES: Final = 3_000_000
_META: Final = re.compile(rb"<meta\b[^<>]{0,500}>", re.IGNORECASE)
_GENERATOR: Final = re.compile(rb"name\s{0,9}=\s{0,9}[\"']?generator\b", re.IGNORECASE)
_CONTENT: Final = re.compile(rb"content\s{0,9}=\s{0,9}[\"']?([A-Za-z]{1,40})", re.IGNORECASE)


def recognise(address: str, fetcher: Fetcher) -> Service | None:
    """Return the service whose root or main page is at `address`, or None for any other page."""
    outcome = fetcher.fetch(address, types=_TYPES, limit=_BYTES)
    if not isinstance(outcome, Fetched):
        return None
    kind = generator(outcome.content)
    home = SERVICES[kind].home(address, outcome.content) if kind in SERVICES else ""
    if not home:
        return None
    service = SERVICES[kind](SERVICES[kind].locate(home.rstrip("/")))
    return service if _is_usable(service, fetcher) else None


def generator(page: bytes) -> str:
    """The software's name in a page's `generator` tag, in lower case; empty if there is none."""
    for tag in _META.findall(page):
        if _GENERATOR.search(tag) and (found := _CONTENT.search(tag)):
            return found[1].decode("ascii").lower()
    return ""


def _is_usable(service: Service, fetcher: Fetcher) -> bool:
    """Whether a service's API lists at least one document without a login."""
    try:
        with checked_answers():
            service.connect(fetcher)
            return next(iter(service.listing({})), None) is not None
    except RefusedError:
        return False
