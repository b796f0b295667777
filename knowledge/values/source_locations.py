"""Locations of sources, as they are remembered: paths, addresses, and what is visited otherwise.

Pages are remembered by their address. A crawl is `crawl+` and the address where it begins, with its
limits behind a `#`; a repository is `git+` and its address, with the branch behind an `@` and the
folder behind a `#`, as pip and others write it. All of them are visited now and then; files and
folders are watched.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

_CRAWL: Final = "crawl+"
_GIT: Final = "git+"
_WEB: Final = ("http://", "https://")
_LOCAL: Final = "file://"

# How many links a crawl is from where it began, and how many pages it asks for, at the most.
DEPTH: Final = 4
MOST_DEPTH: Final = 10
PAGES: Final = 300
MOST_PAGES: Final = 2_000


@dataclass(frozen=True, slots=True)
class CrawlLocation:
    """Where a crawl begins, how many links it goes from there, and how many pages it asks for."""

    url: str
    depth: int = DEPTH
    pages: int = PAGES

    def __str__(self) -> str:
        return f"{_CRAWL}{self.url}#depth={self.depth}&pages={self.pages}"


@dataclass(frozen=True, slots=True)
class RepositoryLocation:
    """A repository of Git: an address of the web or an absolute path, a branch and a folder in it.

    No `branch` is the one that the repository calls its own, no `folder` all of it.
    """

    url: str
    branch: str = ""
    folder: str = ""

    def __str__(self) -> str:
        url = self.url if is_web(self.url) else f"{_LOCAL}{quote(self.url)}"
        branch = f"@{quote(self.branch)}" if self.branch else ""
        folder = f"#{quote(self.folder)}" if self.folder else ""
        return f"{_GIT}{url.replace('@', '%40')}{branch}{folder}"

    @property
    def is_local(self) -> bool:
        return not is_web(self.url)


def is_web(location: str) -> bool:
    """Whether it is an address of the web rather than a path."""
    return location.lower().startswith(_WEB)


def is_visited(location: str) -> bool:
    """Whether a source is visited now and then, rather than watched as files are."""
    return is_web(location) or location.startswith((_CRAWL, _GIT))


def crawl_at(location: str) -> CrawlLocation | None:
    """The crawl that a source is; None if it is something else."""
    if not location.startswith(_CRAWL):
        return None
    url, _, limits = location.removeprefix(_CRAWL).partition("#")
    found = {key: int(value) for key, value in parse_qsl(limits) if value.isdecimal()}
    depth, pages = found.get("depth", DEPTH), found.get("pages", PAGES)
    return CrawlLocation(url, min(depth, MOST_DEPTH), min(pages, MOST_PAGES))


def repository_at(location: str) -> RepositoryLocation | None:
    """The repository that a source is; None if it is something else."""
    if not location.startswith(_GIT):
        return None
    place, _, folder = location.removeprefix(_GIT).partition("#")
    url, _, branch = place.partition("@")
    local = url.removeprefix(_LOCAL)
    url = unquote(local) if local != url else url.replace("%40", "@")
    return RepositoryLocation(url, unquote(branch), unquote(folder))


def address_of(location: str) -> str:
    """What somebody named a source by: its address or path, without the way it is visited."""
    found = crawl_at(location) or repository_at(location)
    return found.url if found is not None else location
