"""Locations of sources: paths, and addresses with a kind and options.

A page's location is its address. A crawl's location is `crawl+` and the start address, followed by
`#` and limits. A repository's location is `git+` and its address, followed by `@` and the branch,
and by `#` and the folder, as in pip. A service with an API has its kind, a `+` and its address,
followed by `#` and filters: `mediawiki+https://wiki.example.org/#category=Guides`. The prefix
`internal+` marks a source on an internal host; only the operator can add such a source. Files and
folders are watched; all other sources are polled.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

_INTERNAL: Final = "internal+"
_CRAWL: Final = "crawl+"
_GIT: Final = "git+"
_WEB: Final = ("http://", "https://")
_LOCAL: Final = "file://"
_VISITED: Final = re.compile(r"(?:(?P<kind>[a-z]+)\+)?(?P<url>(?:https?|file)://[^#]*)")

# Default limits of a crawl: links from the start, and requested pages.
DEPTH: Final = 4
MOST_DEPTH: Final = 10
PAGES: Final = 300
MOST_PAGES: Final = 2_000


@dataclass(frozen=True, slots=True)
class CrawlLocation:
    """The start of a crawl, its depth in links, and its largest number of pages."""

    url: str
    depth: int = DEPTH
    pages: int = PAGES

    def __str__(self) -> str:
        return f"{_CRAWL}{self.url}#depth={self.depth}&pages={self.pages}"


@dataclass(frozen=True, slots=True)
class RepositoryLocation:
    """A Git repository: a web address or an absolute path, a branch and a folder.

    An empty `branch` means the default branch; an empty `folder` means the whole repository.
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


@dataclass(frozen=True, slots=True)
class ServiceLocation:
    """A wiki, forum or tracker, read through its API.

    `kind` names its connector; `only` has its filters, sorted by name.
    """

    kind: str
    url: str
    only: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        only = f"#{urlencode(self.only)}" if self.only else ""
        return f"{self.kind}+{self.url}{only}"


def is_web(location: str) -> bool:
    """Whether the location is a web address, not a path."""
    return location.lower().startswith(_WEB)


def is_visited(location: str) -> bool:
    """Whether a source is polled, not watched like files and folders."""
    location = unmarked(location)
    return is_web(location) or _VISITED.match(location) is not None


def as_internal(location: str) -> str:
    """The location of a source on an internal host."""
    return f"{_INTERNAL}{location}"


def is_internal(location: str) -> bool:
    """Whether a source is on an internal host; such a source is read from internal hosts only."""
    return location.startswith(_INTERNAL)


def unmarked(location: str) -> str:
    """A location without the prefix for internal hosts."""
    return location.removeprefix(_INTERNAL)


def crawl_at(location: str) -> CrawlLocation | None:
    """The crawl of a source; None for other kinds."""
    location = unmarked(location)
    if not location.startswith(_CRAWL):
        return None
    url, _, limits = location.removeprefix(_CRAWL).partition("#")
    found = {key: int(value) for key, value in parse_qsl(limits) if value.isdecimal()}
    depth, pages = found.get("depth", DEPTH), found.get("pages", PAGES)
    return CrawlLocation(url, min(depth, MOST_DEPTH), min(pages, MOST_PAGES))


def repository_at(location: str) -> RepositoryLocation | None:
    """The repository of a source; None for other kinds."""
    location = unmarked(location)
    if not location.startswith(_GIT):
        return None
    place, _, folder = location.removeprefix(_GIT).partition("#")
    url, _, branch = place.partition("@")
    local = url.removeprefix(_LOCAL)
    url = unquote(local) if local != url else url.replace("%40", "@")
    return RepositoryLocation(url, unquote(branch), unquote(folder))


def service_at(location: str) -> ServiceLocation | None:
    """The service of a source; None for other kinds."""
    location = unmarked(location)
    found = _VISITED.match(location)
    if found is None or found["kind"] is None or location.startswith((_CRAWL, _GIT)):
        return None
    only = parse_qsl(location.partition("#")[2])
    return ServiceLocation(found["kind"], found["url"], tuple(only))


def address_of(location: str) -> str:
    """The address or path in a location, without its kind and options."""
    found = crawl_at(location) or repository_at(location) or service_at(location)
    return found.url if found is not None else unmarked(location)
