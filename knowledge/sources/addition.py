"""Addition of sources: their locations are checked and stored. The sync reads sources later.

Errors:
    Exception
    └── MissingSourceError    the location can't be a source; the message names the remedy
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from knowledge.files.parsed_file import UnreadableError, one_line
from knowledge.files.reader import SUFFIXES, format_name, read_content
from knowledge.files.site_addresses import ANCHOR, GENERATORS, TEMPLATE, has_rule, split_base_url
from knowledge.sources.git import hosts
from knowledge.sources.git.hosts import is_checkout, remote_page, web_address
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import SERVICES, service_of, source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import DEPTH, MOST_DEPTH, MOST_PAGES, PAGES, Site
from knowledge.sources.net.addresses import (
    is_web,
    normal_url,
    problem_with_literal,
    problem_with_url,
)
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope

_SSH: Final = re.compile(r"(?:ssh|git|git\+ssh)://|[\w.-]+@[\w.-]+:")
_PLACES: Final = re.compile(r"\{(?:path|stem|anchor|commit|first|last)\}")
# Places that only a file of a commit fills.
_OF_A_COMMIT: Final = re.compile(r"\{(?:commit|first|last)\}")


class MissingSourceError(Exception):
    """The location can't be a source; the message names the remedy."""


def location_of(
    named: str,
    *,
    kind: str = "",
    only: Sequence[str] = (),
    crawl: bool = False,
    depth: int = DEPTH,
    pages: int = PAGES,
    git: bool = False,
    branch: str = "",
    folder: str = "",
    internal: bool = False,
) -> str:
    """The location of an address or a repository's path, by its options or its address alone.

    Raises MissingSourceError if it can't be a source; the message names the remedy.
    """
    if kind := kind or ("" if crawl or git else service_of(named)):
        return service_location(kind, named, only, internal=internal)
    if crawl:
        return crawl_location(named, depth, pages, internal=internal)
    if git or (is_web(named) and hosts.is_repository(named)):
        return repository_location(named, branch, folder, internal=internal)
    return page_location(named, internal=internal)


def crawl_location(
    address: str, depth: int = DEPTH, pages: int = PAGES, *, internal: bool = False
) -> str:
    """The location of a crawl, on an `internal` host or a public one.

    Raises MissingSourceError if the address can't be fetched, or a limit is invalid.
    """
    if not (0 <= depth <= MOST_DEPTH and 1 <= pages <= MOST_PAGES):
        raise MissingSourceError(
            f"A crawl goes 0 to {MOST_DEPTH} links deep and asks for 1 to {MOST_PAGES:,} pages."
        )
    return Site.locate_within(_address(address, internal), depth, pages, internal=internal)


def page_location(address: str, *, internal: bool = False) -> str:
    """The location of a page, sitemap or `llms.txt`, on an `internal` host or a public one.

    Raises MissingSourceError if the address can't be fetched.
    """
    return Page.locate(_address(address, internal), internal=internal)


def _address(named: str, internal: bool) -> str:
    """The canonical form of an address."""
    if problem := problem_with_url(named) or ("" if internal else problem_with_literal(named)):
        raise MissingSourceError(f"{one_line(named)} {problem}.")
    return normal_url(named)


def repository_location(
    named: str, branch: str = "", folder: str = "", *, internal: bool = False
) -> str:
    """The location of a Git repository at an address or a local path.

    The defaults are the repository's own branch, and all its folders. Raises MissingSourceError if
    it can't be a source; the message names the remedy.
    """
    if is_web(named):
        try:
            url = hosts.repository_url(named)
        except ValueError as error:
            raise MissingSourceError(f"{one_line(named)} {error}.") from error
        url = url if internal else _address(url, internal)
    else:
        refuse_login_address(named)
        path = Path(named)
        if problem := _problem_with(path):
            raise MissingSourceError(problem)
        if not is_checkout(path):
            raise MissingSourceError(f"{one_line(named)} is no Git repository or checkout.")
        url = str(path.resolve())
    if branch and (not branch.isprintable() or len(branch) > 200 or branch.startswith("-")):
        raise MissingSourceError(f"{one_line(branch)} is no name of a branch.")
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if ".." in parts or (not folder.isprintable() and folder) or len(folder) > 1_000:
        raise MissingSourceError(f"{one_line(folder)} is no folder in a repository.")
    return GitRepository.locate_branch(url, branch, "/".join(parts), internal=internal)


def service_location(
    kind: str, address: str, only: Sequence[str] = (), *, internal: bool = False
) -> str:
    """The location of a wiki, forum or tracker, with filters such as `category=Guides`.

    Raises MissingSourceError if it can't be a source; the message names the remedy.
    """
    if kind not in SERVICES:
        raise MissingSourceError(
            f"{one_line(kind)} is no kind of source: name one of {', '.join(sorted(SERVICES))}."
        )
    service, chosen = SERVICES[kind], []
    for typed in only:
        name, _, value = (part.strip() for part in typed.partition("="))
        if name not in service.filters:
            named = ", ".join(f"{known}=…" for known in sorted(service.filters)) or "no filter"
            raise MissingSourceError(f"{service.label} has {named}, not {one_line(typed)}.")
        if problem := service.filters[name](value) if value else "is empty":
            raise MissingSourceError(f"{one_line(typed)} {problem}.")
        chosen.append((name, value))
    try:
        url = service.normal_address(_address(address, internal).rstrip("/"))
    except ValueError as error:
        raise MissingSourceError(f"{one_line(address)} {error}.") from error
    return service.locate_only(url, sorted(chosen), internal=internal)


def add_visited(
    store: Store,
    location: str,
    scope: Scope = SHARED,
    base_url: str | None = None,
    actor_id: int | None = None,
) -> bool:
    """Store the location of a website, repository or service; returns whether it is new.

    A given `base_url`, an address or template for a repository's files, replaces the earlier one.
    If it is None, links use the repository's own address, or the web page of a local repository's
    remote. Raises MissingSourceError if it is invalid.
    """
    source, place = source_at(location), _base_url(base_url or "")
    path, has_commit = source.path, isinstance(source, GitRepository) and not has_rule(place)
    if not (has_commit and "{path}" in place):
        _refuse_commit(base_url or "")
    if path and base_url is None:
        place = remote_page(Path(path))
    if store.add_source(location, scope, place, actor_id):
        return True
    if base_url is not None:
        store.move_source(location, place)
    return False


def refuse_login_address(named: str) -> None:
    """Refuse a repository's address behind a login, such as an SSH address.

    Raises MissingSourceError if the address needs a login; the message says what to use instead.
    """
    if _SSH.match(named) and not Path(named).exists():
        raise MissingSourceError(
            f"{one_line(named)} is an address for signing in to; only what everybody may read can "
            "be followed: name the repository's https address."
        )


def add_paths(
    store: Store, paths: Sequence[Path], scope: Scope = SHARED, base_url: str | None = None
) -> list[Path]:
    """Store files and folders as sources; returns the new ones.

    If `base_url` is None, it is the web page of their Git checkout, if there is one. Raises
    MissingSourceError if a path is missing or can't be read; then no path is added.
    """
    check_paths(paths)
    given = None if base_url is None else _base_url(base_url)
    _refuse_commit(base_url or "")
    added = []
    for path in paths:
        location = path.resolve()
        read_at = web_address(location) if given is None else given
        if store.add_source(str(location), scope, read_at):
            added.append(path)
        elif given is not None:
            store.move_source(str(location), given)
    return added


def _base_url(typed: str) -> str:
    """Check a base URL, and normalize it so paths can be appended; empty stays empty."""
    if not typed:
        return ""
    name, address = split_base_url(typed)
    if name == TEMPLATE:
        problem = problem_with_url(_PLACES.sub("x", typed))
        if not problem and "{anchor}" in typed.removesuffix(ANCHOR):
            problem = f"may have {{anchor}} only at its end, as {ANCHOR}"
        if problem:
            raise MissingSourceError(f"The base URL {one_line(typed)} {problem}.")
        return typed
    if name:
        return f"{name}:{_base_url(address)}"
    problem = problem_with_url(typed)
    if not problem and ("?" in typed or "#" in typed):
        problem = "has a ? or # in it, behind which no path can follow"
    if problem:
        generators = ", ".join(sorted(set(GENERATORS) - {TEMPLATE}))
        raise MissingSourceError(
            f"The base URL {one_line(typed)} {problem}: name one as https://example.org/docs, as a "
            "template such as https://example.org/{stem}#{anchor}, or with its generator in front, "
            f"as mkdocs:https://example.org/docs ({generators})."
        )
    return normal_url(typed).rstrip("/")


def _refuse_commit(base_url: str) -> None:
    """Refuse places in a base URL that are never filled, and would be cited as they are."""
    if found := _OF_A_COMMIT.search(base_url):
        raise MissingSourceError(
            f"The base URL {one_line(base_url)} has {found[0]}, which only a Git repository's file "
            "at its {path} has: leave it out, or add a repository with --git."
        )


def check_paths(paths: Sequence[Path]) -> None:
    """Raise MissingSourceError for paths that are missing or can't be imported."""
    for path in paths:
        if path.parts and path.parts[0].lower() in ("http:", "https:"):
            raise MissingSourceError(
                f"{path} is an address of the web: name it to `commonplace source add`."
            )
        if problem := _problem_with(path):
            raise MissingSourceError(problem)
        if path.is_file() and path.suffix.lower() not in SUFFIXES:
            try:
                format_name(read_content(path))
            except UnreadableError as error:
                raise MissingSourceError(f"{path} can't be imported: it {error}") from error


def _problem_with(path: Path) -> str:
    shown = os.fsencode(path).decode("utf-8", "replace")
    if shown != str(path):
        return f"{shown} has a name that is not UTF-8: rename it."
    if len(shown.splitlines()) > 1:
        return f"{one_line(shown)} has a name with a line break: rename it."
    try:
        there = path.exists()
        path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # Python words the reason for circular links differently.
        reason = getattr(error, "strerror", "") or "its links lead in a circle"
        return f"{shown} can't be looked at: {reason}. Name a file or a folder."
    if not there:
        return f"{shown} is not there: name a file or a folder."
    if not (path.is_file() or path.is_dir()):
        return f"{shown} is neither a file nor a folder: name one."
    return ""
