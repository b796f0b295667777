"""BookStack connector: pages of a wiki by its REST API, cited by section.

Source:
    The API's own documentation, at /api/docs of every BookStack.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any, ClassVar, Final

from knowledge.sources.net.api_client import MissingError, pages
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Service, any_value

# BookStack's own limit of a list.
_COUNT: Final = 500


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
                if _is_published(page):
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
            query = {"count": str(_COUNT), "sort": "+id", **filters}
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
        if not _is_published(page):
            return None
        # Relative links of a page start at the wiki's address.
        base = f'<link rel="canonical" href="{escape(self.url)}/">'
        return Content(
            title=str(page["name"]),
            body=f"{base}<body>{page['html']}</body>".encode(),
            link=f"{self.url}/link/{key}",
            verified=datetime.fromisoformat(page["updated_at"]).date(),
        )


def _is_published(page: Mapping[str, Any]) -> bool:
    return not (page["draft"] or page["template"])
