"""Outline connector: published documents of a wiki by its API.

Source:
    https://www.getoutline.com/developers
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from knowledge.files.site_addresses import OUTLINE
from knowledge.sources.net.api_client import MissingError, pages
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Service, any_value

# Outline's own limit of a list.
_LIMIT: Final = 100
# The most requests for one list.
_REQUESTS: Final = 500


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
                if _is_published(document):
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
            asked = {"offset": start, "limit": _LIMIT, **order, **filters}
            found: list[dict[str, Any]] = self.api.json(path, payload=asked)["data"]
            return found, str(start + _LIMIT) if len(found) == _LIMIT else ""

        return pages(ask, _REQUESTS)

    def content(self, key: str) -> Content | None:
        """Get a document as Markdown; None if the document is no longer published."""
        try:
            document = self.api.json("/documents.info", payload={"id": key})["data"]
        except MissingError:
            return None
        if not _is_published(document):
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


def _is_published(document: Mapping[str, Any]) -> bool:
    hidden = any(document.get(name) for name in ("archivedAt", "deletedAt", "template"))
    return bool(document.get("publishedAt")) and not hidden
