"""DokuWiki connector: pages of a wiki by its JSON-RPC interface, cited by section.

Source:
    https://www.dokuwiki.org/devel:jsonrpc
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any, ClassVar, Final
from urllib.parse import quote

from knowledge.sources.net.api_client import LoginError
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Service, any_value

_INTERFACE: Final = "/lib/exe/jsonrpc.php"
_OFF: Final = "answers no programs: turn on `remote` in its configuration"
_CLOSED: Final = "answers only some users' programs: empty `remoteuser` in its configuration"
# Pages of the installation, and parts shown on all pages.
_OWN: Final = frozenset({"playground:playground", "wiki:dokuwiki", "wiki:syntax", "wiki:welcome"})
_PARTS: Final = frozenset({"footer", "pagefooter", "pageheader", "sidebar", "topheader"})
_HEADING: Final = re.compile(r"<h[1-5]\b[^<>]{0,1000}>")
_TAG: Final = re.compile(r"<[^<>]{0,1000}>")


class DokuWiki(Service):
    """A wiki of DokuWiki, or some of its namespaces."""

    kind = "dokuwiki"
    label = "DokuWiki"
    filters: ClassVar = {"namespace": any_value}

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self._saved: dict[str, int] = {}

    def listing(self, _state: Mapping[str, str]) -> Listing:
        """List all pages with their revisions, in one request."""
        spaces = {name: f"{name.strip(':').lower()}:" for name in self.values_of("namespace")}
        try:
            # The root lists the search index; listing a namespace would include hidden pages.
            pages = self._call("core.listPages", namespace="", depth=0)
        except LoginError as error:
            raise LoginError(_CLOSED) from error
        except LostError as error:
            raise LostError(_OFF) from error
        keys = {str(page["id"]): page for page in pages}
        for name, space in spaces.items():
            if not any(key.startswith(space) for key in keys):
                raise RefusedError(f"has no namespace {name}")
        within = tuple(spaces.values()) or ("",)
        for key, page in keys.items():
            ours = key not in _OWN and key.rpartition(":")[2] not in _PARTS
            if ours and key.startswith(within):
                self._saved[key] = int(page["revision"])
                # The revision is a time in seconds, and a page may be saved twice in a second.
                yield Listed(key, f"{page['revision']} {page['size']}")
        return ListingEnd(whole=True)

    def content(self, key: str) -> Content | None:
        """Get a listed page as HTML."""
        html = str(self._call("core.getPageHTML", page=key))
        link = f"{self.url}/doku.php?id={quote(key, safe=':')}"
        return Content(
            title=title_of(html) or key.rpartition(":")[2].replace("_", " "),
            body=f'<link rel="canonical" href="{escape(link)}"><body>{html}</body>'.encode(),
            link=link,
            verified=datetime.fromtimestamp(self._saved[key], UTC).date(),
        )

    def _call(self, method: str, **parameters: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = self.api.json(_INTERFACE, payload=request)
        error = answer.get("error") or {}
        if error.get("code"):
            raise RefusedError(f"refuses {method}: {str(error.get('message'))[:200]}")
        return answer["result"]


def title_of(html: str) -> str:
    """The text of a page's first heading; empty if the page has no heading."""
    found = _HEADING.search(html)
    if found is None:
        return ""
    heading = html[found.end() :].partition("</h")[0][:1000]
    return " ".join(unescape(_TAG.sub("", heading)).split())
