"""Registry of the kinds of sources: the source at a location, and recognition of wikis and forums.

A page's `generator` tag names the software. The address of the root or main page is treated as the
whole service. Any other address is a single page, and so is a service whose API can't be used.
"""

import re
from typing import ClassVar, Final

from knowledge.sources.kinds.discourse import Discourse
from knowledge.sources.kinds.feed import Feed
from knowledge.sources.kinds.mediawiki import MediaWiki
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import Site
from knowledge.sources.kinds.tracker import GitHub, GitLab
from knowledge.sources.kinds.wikis import BookStack, DokuWiki, Outline
from knowledge.sources.net.addresses import is_web
from knowledge.sources.net.polite_fetcher import Fetched, Fetcher
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import INTERNAL, Service, Source, checked_answers

# Sources that the index reads by itself: nothing of them is in the entry store.


class Folder(Source):
    """A file or a folder on this machine, by its absolute path."""

    unit: ClassVar[str] = "file"
    is_visited = False

    def __init__(self, location: str) -> None:
        super().__init__(location)
        # A path may have a `#`.
        self.url, self.options = location, ""

    @property
    def path(self) -> str:
        return self.url


class Channel(Source):
    """A synced channel of Discord, by its id."""

    unit: ClassVar[str] = "message"
    is_visited = False

    @property
    def host(self) -> str:
        return self.url

    @staticmethod
    def at(channel_id: int) -> str:
        """The location of a channel."""
        return f"channel:{channel_id}"

    @staticmethod
    def id_of(location: str) -> int | None:
        """The id of the channel at a location; None for other sources."""
        number = location.removeprefix("channel:")
        return int(number) if location != number and number.isdecimal() else None


# Kinds that `source add --kind` names; an address may also identify them.
SERVICES: Final[dict[str, type[Service]]] = {
    service.kind: service
    for service in (BookStack, Discourse, DokuWiki, GitHub, GitLab, MediaWiki, Outline, Feed)
}
KINDS: Final[dict[str, type[Source]]] = {
    **SERVICES,
    **{kind.kind: kind for kind in (Site, GitRepository)},
}


def source_at(location: str) -> Source:
    """The source at a location."""
    own = location.removeprefix(INTERNAL)
    if is_web(own):
        return Page(location)
    if Channel.id_of(location) is not None:
        return Channel(location)
    name, plus, address = own.partition("+")
    if plus and name in KINDS and (is_web(address) or address.startswith("file://")):
        return KINDS[name](location)
    return Folder(location)


def service_of(address: str) -> str:
    """The kind of service that an address alone identifies; empty if it identifies none."""
    return next((name for name, kind in SERVICES.items() if kind.recognises(address)), "")


# Recognition.

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
