"""A database of PostgreSQL that tests take away from a bot and bring back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.postgres import Cluster
from tests.postgres_cuts import CuttingSocket, cutting_socket


@dataclass(frozen=True)
class Departing:
    """A database, by the `url` of a socket between it and the bot."""

    cutting: CuttingSocket
    postgres: Cluster
    url: str

    @property
    def own_url(self) -> str:
        """The URL that always reaches it."""
        return self.url.replace(str(self.cutting.folder), str(self.postgres.folder))

    @contextmanager
    def away(self) -> Iterator[None]:
        self.cutting.refuse(refusing=True)
        self.postgres.cut(self.own_url)
        try:
            yield
        finally:
            self.cutting.refuse(refusing=False)

    def asked(self) -> list[str]:
        """The questions on record, by their ids."""
        sql = "select text from community.questions order by id"
        return [str(text) for [text] in self.postgres.execute(sql, self.own_url)]


@contextmanager
def departing(postgres: Cluster, url: str) -> Iterator[Departing]:
    """The database at a URL, which may go away."""
    with cutting_socket(postgres.folder) as cutting:
        between = url.replace(str(postgres.folder), str(cutting.folder))
        yield Departing(cutting, postgres, between)
