"""A small site on this machine, and crawls of it."""

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.site import Site
from knowledge.sources.source import SyncStep
from tests.knowledge.sources.visited import VisitedSource
from tests.knowledge.web_server import Reply, WebServer


class World(VisitedSource):
    """A site, the pages that were kept of it, and the crawl that is tried."""

    def __init__(self, server: WebServer, pages: EntryStore) -> None:
        super().__init__("", pages)
        self.server = server
        self.start()

    def start(self, path: str = "/docs/", *, depth: int = 4, pages: int = 50) -> None:
        self.location = Site.locate_within(self.server.url(path), depth, pages)

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

    def sync(self, days: float = 0, most: int | None = None) -> list[SyncStep]:
        self.server.requests.clear()
        return super().sync(days, most)

    @property
    def asked(self) -> list[str]:
        """The pages that were asked for, without what robots.txt and sitemaps are."""
        return [path for path in self.server.paths if not path.endswith("sitemap.xml")]

    def titles(self) -> list[str]:
        return sorted(self.documents)


def sitemap_of(server: WebServer, *paths: str, kind: str = "url", modified: str = "") -> Reply:
    mark = f"<lastmod>{modified}</lastmod>" if modified else ""
    entries = "".join(
        f"<{kind}><loc>{path if '://' in path else server.url(path)}</loc>{mark}</{kind}>"
        for path in paths
    )
    root = "urlset" if kind == "url" else "sitemapindex"
    return Reply(f"<{root}>{entries}</{root}>", kind="text/xml")
