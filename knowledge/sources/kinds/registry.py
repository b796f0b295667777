"""Registry of connectors, by the name of the kind of service."""

from collections.abc import Mapping
from typing import Final

from knowledge.sources.kinds import (
    bookstack,
    discourse,
    dokuwiki,
    github,
    gitlab,
    mediawiki,
    outline,
)
from knowledge.sources.source import ServiceKind

KINDS: Final[Mapping[str, ServiceKind]] = {
    "bookstack": bookstack.KIND,
    "discourse": discourse.KIND,
    "dokuwiki": dokuwiki.KIND,
    "github": github.KIND,
    "gitlab": gitlab.KIND,
    "mediawiki": mediawiki.KIND,
    "outline": outline.KIND,
}


def kind_of(address: str) -> str:
    """The kind of service that an address alone identifies; empty if it identifies none."""
    return next((kind for kind, one in KINDS.items() if one.recognises(address)), "")
