"""A service as a source: visited a day at a time, with the documents that are kept of it."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta

from knowledge.sources.entries import PageStore
from knowledge.sources.kinds.page import CrawlStep
from knowledge.sources.locations import ServiceLocation
from knowledge.sources.sync import documents, failures, sync
from knowledge.values.documents import SHARED, Document
from tests.knowledge.web_server import local_fetcher

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)


class VisitedService:
    """Visits a service at a day; every host's name leads to this machine."""

    def __init__(
        self, kind: str, url: str, pages: PageStore, only: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.location = str(ServiceLocation(kind, url, only))
        self.pages = pages
        self.token = ""
        self.without: tuple[str, ...] = ()

    def steps(self, days: float = 0, most: int | None = None) -> Generator[CrawlStep, None, None]:
        with local_fetcher() as fetcher:
            yield from sync(
                self.location,
                self.pages,
                fetcher,
                NOW + timedelta(days=days),
                GRACE,
                most=most,
                token=self.token,
                without=self.without,
            )

    def sync(self, days: float = 0) -> None:
        for _ in self.steps(days):
            pass

    @property
    def documents(self) -> dict[str, Document]:
        found = documents([(self.location, SHARED)], self.pages)
        return {one.title: one for one in found if isinstance(one, Document)}

    @property
    def reasons(self) -> list[str]:
        return [one.reason for one in failures(self.pages, self.location, SHARED)]
