"""Connectors of wikis by their APIs: BookStack, Outline and DokuWiki, cited by section.

Source:
    /api/docs of every BookStack; https://www.getoutline.com/developers;
    https://www.dokuwiki.org/devel:jsonrpc
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any, ClassVar, Final
from urllib.parse import quote

from knowledge.files.site_addresses import OUTLINE
from knowledge.sources.net.api_client import LoginError, MissingError, pages
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Service, any_value

# BookStack's own limit of a list.
_BOOKSTACK_LIST: Final = 500


class BookStack(Service):
    """The pages that a token may read, of all books or of some books."""

    kind = "bookstack"
    label = "BookStack"
    filters: ClassVar = {"book": any_value}

    @staticmethod
    def headers(token: str) -> list[tuple[str, str]]:
        return [("Authorization", f"Token {token}")]

    @staticmethod
    def api_address(url: str) -> str:
        return f"{url}/api"

    def listing(self, _state: Mapping[str, str]) -> Listing:
        """List all published pages."""
        for filters in [self._book(slug) for slug in self.values_of("book")] or [{}]:
            for page in self._list("/pages", filters):
                if self._is_published(page):
                    yield Listed(str(int(page["id"])), str(page["updated_at"]))
        return ListingEnd(whole=True)

    def _book(self, slug: str) -> dict[str, str]:
        """The query parameters that select the pages of a book."""
        for book in self._list("/books", {"filter[slug]": slug}):
            return {"filter[book_id]": str(book["id"])}
        raise RefusedError(f"has no book {slug} that its token may read")

    def _list(self, path: str, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        def ask(last: str) -> tuple[list[dict[str, Any]], str]:
            # In the order of ids, so a deletion during the listing skips no page.
            query = {"count": str(_BOOKSTACK_LIST), "sort": "+id", **filters}
            found = self.api.json(path, {**query, "filter[id:gt]": last} if last else query)
            entries: list[dict[str, Any]] = found["data"]
            goes_on = entries and found["total"] > len(entries)
            return entries, str(entries[-1]["id"]) if goes_on else ""

        return pages(ask)

    def content(self, key: str) -> Content | None:
        """Get a page as HTML, with the page's permanent address; None if the page is gone."""
        try:
            page = self.api.json(f"/pages/{key}")
        except MissingError:
            return None
        if not self._is_published(page):
            return None
        # Relative links of a page start at the wiki's address.
        base = f'<link rel="canonical" href="{escape(self.url)}/">'
        return Content(
            title=str(page["name"]),
            body=f"{base}<body>{page['html']}</body>".encode(),
            link=f"{self.url}/link/{key}",
            verified=datetime.fromisoformat(page["updated_at"]).date(),
        )

    @staticmethod
    def _is_published(page: Mapping[str, Any]) -> bool:
        return not (page["draft"] or page["template"])


# Outline's own limit of a list.
_OUTLINE_LIST: Final = 100
# The most requests for one list.
_OUTLINE_REQUESTS: Final = 500


class Outline(Service):
    """The documents that a token may read, of all collections or of some collections."""

    kind = "outline"
    label = "Outline"
    filters: ClassVar = {"collection": any_value}

    @staticmethod
    def api_address(url: str) -> str:
        return f"{url}/api"

    def listing(self, _state: Mapping[str, str]) -> Listing:
        """List all published documents."""
        for filters in [self._collection(name) for name in self.values_of("collection")] or [{}]:
            for document in self._list("/documents.list", filters):
                if self._is_published(document):
                    yield Listed(document["id"], f"{document['revision']} {document['updatedAt']}")
        return ListingEnd(whole=True)

    def _collection(self, name: str) -> dict[str, str]:
        """The request's fields that select the documents of a collection."""
        for collection in self._list("/collections.list", {}):
            if collection["name"].casefold() == name.casefold():
                return {"collectionId": collection["id"]}
        raise RefusedError(f"has no collection {name} that its token may read")

    def _list(self, path: str, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        def ask(offset: str) -> tuple[list[dict[str, Any]], str]:
            start = int(offset or 0)
            # In the order of creation, so an edit during the listing skips no document.
            order = {"sort": "createdAt", "direction": "ASC"}
            asked = {"offset": start, "limit": _OUTLINE_LIST, **order, **filters}
            found: list[dict[str, Any]] = self.api.json(path, payload=asked)["data"]
            return found, str(start + _OUTLINE_LIST) if len(found) == _OUTLINE_LIST else ""

        return pages(ask, _OUTLINE_REQUESTS)

    def content(self, key: str) -> Content | None:
        """Get a document as Markdown; None if the document is no longer published."""
        try:
            document = self.api.json("/documents.info", payload={"id": key})["data"]
        except MissingError:
            return None
        if not self._is_published(document):
            return None
        return Content(
            title=document["title"],
            # Links to other documents start at the host's root.
            body=document["text"].replace("](/", f"]({self.url}/").encode(),
            link=f"{self.url}/{quote(document['url'].lstrip('/'))}",
            content_type="text/markdown",
            anchors=OUTLINE,
            verified=datetime.fromisoformat(document["updatedAt"]).date(),
        )

    @staticmethod
    def _is_published(document: Mapping[str, Any]) -> bool:
        hidden = any(document.get(name) for name in ("archivedAt", "deletedAt", "template"))
        return bool(document.get("publishedAt")) and not hidden


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
            listed = self._call("core.listPages", namespace="", depth=0)
        except LoginError as error:
            raise LoginError(_CLOSED) from error
        except LostError as error:
            raise LostError(_OFF) from error
        keys = {str(page["id"]): page for page in listed}
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
