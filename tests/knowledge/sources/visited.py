"""A source of any kind, visited a day at a time, with the documents that are kept of it."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.registry import SERVICES, source_at
from knowledge.sources.source import SyncStep, Visit
from knowledge.sources.sync import sync
from knowledge.values.documents import SHARED, Document, Failure, Scope
from tests.knowledge.web_server import local_fetcher

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GRACE = timedelta(days=14)


class VisitedSource:
    """Visits a source at a day; every host's name leads to this machine."""

    def __init__(self, location: str, pages: EntryStore, folder: Path = Path()) -> None:
        self.location = location
        self.pages = pages
        self.folder = folder
        self.token = ""
        self.without: tuple[str, ...] = ()

    def steps(
        self, days: float = 0, most: int | None = None, **options: Any
    ) -> Generator[SyncStep, None, None]:
        with local_fetcher(**options) as fetcher:
            visit = Visit(
                self.pages,
                fetcher,
                NOW + timedelta(days=days),
                GRACE,
                self.folder,
                most,
                self.token,
                without=self.without,
            )
            yield from sync(source_at(self.location), visit)

    def sync(self, days: float = 0, most: int | None = None) -> list[SyncStep]:
        return list(self.steps(days, most))

    def found(self, scope: Scope = SHARED, base_url: str = "") -> list[Document | Failure]:
        return list(source_at(self.location).documents(self.pages, scope, base_url))

    @property
    def ids(self) -> list[str]:
        return source_at(self.location).document_ids(self.pages, SHARED)

    @property
    def documents(self) -> dict[str, Document]:
        return {item.title: item for item in self.found() if isinstance(item, Document)}

    @property
    def failures(self) -> list[Failure]:
        return [item for item in self.found() if isinstance(item, Failure)]

    @property
    def reasons(self) -> list[str]:
        return [failure.reason for failure in self.failures]


class VisitedService(VisitedSource):
    def __init__(
        self, kind: str, url: str, pages: EntryStore, only: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(SERVICES[kind].locate_only(url, only), pages)
