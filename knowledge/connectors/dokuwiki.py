"""DokuWiki connector: pages of a wiki by its JSON-RPC interface, each cited at its sections.

Source:
    https://www.dokuwiki.org/devel:jsonrpc
"""

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from knowledge.connectors.api_client import ApiClient
from knowledge.connectors.connector import Content, Ending, Listed, Removed, ServiceKind
from knowledge.values.source_locations import ServiceLocation
from knowledge.web.safe_network import RefusedError

_INTERFACE: Final = "/lib/exe/jsonrpc.php"
# All levels of namespaces.
_DEPTH: Final = 0


class DokuWiki:
    """A wiki of DokuWiki, or one namespace of it."""

    def __init__(self, location: ServiceLocation, api: ApiClient) -> None:
        self._api = api
        self._url = location.url
        self._namespace = dict(location.only).get("namespace", "")

    def listing(self, _state: Mapping[str, str]) -> Generator[Listed | Removed, None, Ending]:
        """List all pages with their revisions; one request is enough for any wiki."""
        pages = self._call("core.listPages", namespace=self._namespace, depth=_DEPTH)
        for page in pages:
            yield Listed(str(page["id"]), str(page["revision"]))
        return Ending(whole=True)

    def content(self, key: str) -> Content | None:
        """Get a page as HTML."""
        info = self._call("core.getPageInfo", page=key)
        body = str(self._call("core.getPageHTML", page=key))
        return Content(
            title=str(info["title"] or key),
            body=body.encode(),
            link=f"{self._url}/doku.php?id={quote(key)}",
            verified=datetime.fromtimestamp(int(info["revision"]), UTC).date(),
        )

    def _call(self, method: str, **parameters: Any) -> Any:
        answer = self._api.post(f"{_INTERFACE}/{method}", parameters).json()
        error = answer.get("error") or {}
        if error.get("code"):
            raise RefusedError(f"refuses {method}: {str(error.get('message'))[:200]}")
        return answer["result"]


KIND: Final = ServiceKind("DokuWiki", DokuWiki, only={"namespace": lambda value: ""})
