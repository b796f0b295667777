"""Registry of the kinds of sources, and the source at a location.

The same source is never asked twice for its kind: `source_at` makes an object of the kind's class.
"""

from typing import Final

from knowledge.sources.kinds.bookstack import BookStack
from knowledge.sources.kinds.discourse import Discourse
from knowledge.sources.kinds.dokuwiki import DokuWiki
from knowledge.sources.kinds.feed import Feed
from knowledge.sources.kinds.folder import Channel, Folder
from knowledge.sources.kinds.github import GitHub
from knowledge.sources.kinds.gitlab import GitLab
from knowledge.sources.kinds.mediawiki import MediaWiki
from knowledge.sources.kinds.outline import Outline
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import Site
from knowledge.sources.net.addresses import is_web
from knowledge.sources.source import INTERNAL, Service, Source

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
