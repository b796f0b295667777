"""Addresses as sources of a guild: pages, sites that are crawled, and repositories.

What an administrator names is an address of the web and nothing else: no path, and no way of
visiting that only the operator has. Functions of the core, called in the worker's thread.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from bot.core.core import Core
from knowledge.git.hosts import is_repository
from knowledge.git.repository import is_installed
from knowledge.sources import (
    add_visited,
    crawl_location,
    page_location,
    repository_location,
)
from knowledge.values.documents import SHARED, Scope
from knowledge.values.source_locations import (
    address_of,
    crawl_at,
    is_visited,
    is_web,
    repository_at,
)

# Sites and repositories of one guild, each of which may have thousands of pages.
MOST_SITES: Final = 10


class Added(Enum):
    """What became of an address that was named."""

    PAGE = "page"
    SITE = "site"
    REPOSITORY = "repository"
    KNOWN = "known"
    TOO_MANY = "too many"
    WITHOUT_GIT = "without git"


def add(core: Core, address: str, scope: Scope, *, crawl: bool) -> tuple[str, Added]:
    """Remember an address for a guild; returns its location, and what became of it.

    Raises:
        MissingSourceError: if it can't be fetched.
    """
    location = _located(address.strip(), crawl=crawl)
    kind = _kind(location)
    if kind is Added.REPOSITORY and not is_installed():
        return location, Added.WITHOUT_GIT
    sources = core.sources()
    if {scope, SHARED}.intersection(sources.get(location, ())):
        return location, Added.KNOWN
    sites = [one for one in own(sources, scope) if _kind(one) is not Added.PAGE]
    if kind is not Added.PAGE and len(sites) >= MOST_SITES:
        return location, Added.TOO_MANY
    add_visited(core.store, location, scope)
    return location, kind


def own(sources: dict[str, list[Scope]], scope: Scope) -> list[str]:
    """The addresses that a guild alone is answered from; what is here is the operator's."""
    return [each for each, scopes in sources.items() if scope in scopes and _is_address(each)]


def named(locations: Sequence[str], address: str) -> str | None:
    """The one of these sources that somebody typed the address of, if it is one."""
    typed = address.strip()
    same = [each for each in locations if address_of(each) == typed]
    return same[0] if len(same) == 1 else None


def _located(address: str, *, crawl: bool) -> str:
    if crawl:
        return crawl_location(address)
    if is_web(address) and is_repository(address):
        return repository_location(address)
    return page_location(address)


def _kind(location: str) -> Added:
    if repository_at(location) is not None:
        return Added.REPOSITORY
    return Added.SITE if crawl_at(location) is not None else Added.PAGE


def _is_address(location: str) -> bool:
    repository = repository_at(location)
    return is_visited(location) and (repository is None or not repository.is_local)
