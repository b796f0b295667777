"""Registry of connectors: the kinds of services that can be read by their API."""

from collections.abc import Mapping
from typing import Final

from knowledge.connectors import discourse, dokuwiki, mediawiki
from knowledge.connectors.connector import ServiceKind

KINDS: Final[Mapping[str, ServiceKind]] = {
    "discourse": discourse.KIND,
    "dokuwiki": dokuwiki.KIND,
    "mediawiki": mediawiki.KIND,
}
