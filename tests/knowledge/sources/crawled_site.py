"""A small site on this machine, and crawls of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from knowledge.sources.entries import PageStore
from knowledge.sources.kinds.page import CrawlStep, web_documents
from knowledge.sources.kinds.site import sync_site
from knowledge.sources.locations import CrawlLocation
from knowledge.values.documents import SHARED, Document, Failure
from tests.knowledge.web_server import Reply, WebServer, local_fetcher

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)


class World:
    """A site, the pages that were kept of it, and the crawl that is tried."""

    def __init__(self, server: WebServer, pages: PageStore) -> None:
        self.server = server
        self.pages = pages
        self.start(depth=4, pages=50)

    def start(self, path: str = "/docs/", *, depth: int = 4, pages: int = 50) -> None:
        self.location = str(CrawlLocation(self.server.url(path), depth, pages))

    def page(self, path: str, *links: str, head: str = "", **headers: str) -> None:
        """A page of the site that leads to others."""
        led = "".join(
            f'<li><a href="{link}">to {number}</a></li>' for number, link in enumerate(links)
        )
        name = path.strip("/").replace("/", " ") or "root"
        html = f"<head><title>{name}</title>{head}</head><h1>{name}</h1><p>About it.</p>{led}"
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        etag = f'"{abs(hash(html))}"'
        self.server.pages[path] = Reply(html, headers={"ETag": etag, **given})

    def sync(self, days: float = 0, most: int | None = None) -> list[CrawlStep]:
        self.server.requests.clear()
        return list(self.steps(days, most))

    def steps(self, days: float = 0, most: int | None = None) -> Iterator[CrawlStep]:
        with local_fetcher() as fetcher:
            now = NOW + timedelta(days=days)
            yield from sync_site(self.location, self.pages, fetcher, now, GRACE, most=most)

    @property
    def asked(self) -> list[str]:
        """The pages that were asked for, without what robots.txt and sitemaps are."""
        return [path for path in self.server.paths if not path.endswith("sitemap.xml")]

    def titles(self) -> list[str]:
        found = web_documents([(self.location, SHARED)], self.pages)
        return sorted(item.title for item in found if isinstance(item, Document))

    def reasons(self) -> list[str]:
        found = web_documents([(self.location, SHARED)], self.pages)
        return [item.reason for item in found if isinstance(item, Failure)]


def sitemap_of(server: WebServer, *paths: str, kind: str = "url", modified: str = "") -> Reply:
    mark = f"<lastmod>{modified}</lastmod>" if modified else ""
    entries = "".join(
        f"<{kind}><loc>{path if '://' in path else server.url(path)}</loc>{mark}</{kind}>"
        for path in paths
    )
    root = "urlset" if kind == "url" else "sitemapindex"
    return Reply(f"<{root}>{entries}</{root}>", kind="text/xml")
