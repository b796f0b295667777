"""DokuWiki connector: pages of a wiki by its JSON-RPC interface, each cited at its sections.

Source:
    https://www.dokuwiki.org/devel:jsonrpc
"""

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

from knowledge.connectors.api_client import ApiClient
from knowledge.connectors.connector import (
    Content,
    Ending,
    Listed,
    Removed,
    ServiceKind,
    anything,
)
from knowledge.values.source_locations import ServiceLocation
from knowledge.web.safe_network import LostError, RefusedError

_INTERFACE: Final = "/lib/exe/jsonrpc.php"
_OFF: Final = (
    "doesn't answer programs: turn on `remote` in its configuration, and let `remoteuser` read it"
)
# All levels of namespaces.
_DEPTH: Final = 0
# Pages that come with each wiki, and parts of all pages.
_OWN: Final = frozenset({"playground:playground", "wiki:dokuwiki", "wiki:syntax", "wiki:welcome"})
_PARTS: Final = frozenset({"footer", "pagefooter", "pageheader", "sidebar", "topheader"})


class DokuWiki:
    """A wiki of DokuWiki, or some of its namespaces."""

    def __init__(self, location: ServiceLocation, api: ApiClient) -> None:
        self._api = api
        self._url = location.url
        self._namespaces = [value for name, value in location.only if name == "namespace"]

    def listing(self, _state: Mapping[str, str]) -> Generator[Listed | Removed, None, Ending]:
        """List all pages with their revisions; one request is enough for any wiki."""
        for namespace in self._namespaces or [""]:
            try:
                pages = self._call("core.listPages", namespace=namespace, depth=_DEPTH)
            except LostError as error:
                raise LostError(_OFF) from error
            for page in pages:
                key = str(page["id"])
                if key not in _OWN and key.rpartition(":")[2] not in _PARTS:
                    yield Listed(key, str(page["revision"]))
        return Ending(whole=True)

    def content(self, key: str) -> Content | None:
        """Get a page as HTML."""
        info = self._call("core.getPageInfo", page=key)
        html = self._call("core.getPageHTML", page=key)
        link = f"{self._url}/doku.php?id={quote(key)}"
        return Content(
            # Without `useheading`, the title of a page is its id: its first heading says more.
            title="" if info["title"] == key else str(info["title"]),
            body=f'<link rel="canonical" href="{escape(link)}"><body>{html}</body>'.encode(),
            link=link,
            verified=datetime.fromtimestamp(int(info["revision"]), UTC).date(),
        )

    def _call(self, method: str, **parameters: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = self._api.post(_INTERFACE, request).json()
        error = answer.get("error") or {}
        if error.get("code"):
            raise RefusedError(f"refuses {method}: {str(error.get('message'))[:200]}")
        return answer["result"]


KIND: Final = ServiceKind("DokuWiki", DokuWiki, only={"namespace": anything})
