"""Sync of Git sources: parse files changed by a commit, drop deleted ones.

The page store keeps a repository's files like pages. A file's path is stored as the URL, its blob
id as the ETag, and the commit as the link. A file with an unchanged blob id isn't parsed again.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from knowledge.files.inclusions import with_inclusions
from knowledge.files.parsed_file import MAX_PACKED_BYTES, ParsedFile, UnreadableError, check_size
from knowledge.files.reader import PARSERS_VERSION, parse_bytes, parser_name
from knowledge.files.site_addresses import (
    cited_address,
    has_rule,
    with_absolute_links,
    without_rule,
)
from knowledge.sources.entries import PageStore, Site, WebPage, next_state
from knowledge.sources.git.hosts import file_link
from knowledge.sources.git.repository import (
    CommittedFile,
    FileListing,
    Repository,
    copy_folder,
    open_repository,
)
from knowledge.sources.kinds.page import FULL, CrawlStep, sync_failure
from knowledge.sources.locations import RepositoryLocation, repository_at
from knowledge.sources.net.polite_fetcher import Fetcher, Gone
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.values.documents import SHARED, Document, Failure, Kind, Lines, Scope

# The most headings of one file.
HEADINGS: Final = 1_000

_HEADING: Final = re.compile(r"^#{1,6} (?P<words>.+)$", re.MULTILINE)


def sync(
    location: str,
    data: Path,
    pages: PageStore,
    fetcher: Fetcher,
    now: datetime,
    grace: timedelta,
    *,
    most: int | None = None,
) -> Generator[CrawlStep, None, None]:
    """Sync a repository; each step is one changed file.

    Args:
        location: the source.
        data: the data folder, for the clone of a repository on the web.
        pages: keeps the files' text.
        fetcher: connects to the host.
        now: the current time.
        grace: how long the files of a lost repository are still quoted.
        most: the maximum number of bytes to store; None is unlimited.
    """
    source = repository_at(location)
    if source is None:
        raise ValueError(f"{location} is no repository.")
    yield CrawlStep(0, 0, source.url)
    before = pages.site(location)
    try:
        repository = open_repository(source, copy_folder(data, location), fetcher, most)
    except LostError as error:
        for path in pages.urls(location):
            page = pages.page(location, path)
            pages.keep(next_state(page, Gone(str(error)), now, grace))
        pages.keep_site(Site(location, now, str(error)))
        return
    except RefusedError as error:
        # The stored text is still that of the last commit.
        pages.keep_site(replace(before, synced_at=now, reason=str(error)))
        return
    try:
        listed = repository.files(source.folder)
        full = yield from _read_changed(
            location, repository, listed, pages, (now, most), source.folder
        )
    except RefusedError as error:
        pages.keep_site(replace(before, synced_at=now, reason=str(error)))
        return
    finally:
        repository.close()
    pages.set_link(location, repository.commit)
    pages.keep_site(Site(location, now, _problem(source, listed, full), repository.commit))


def _problem(source: RepositoryLocation, listed: FileListing, full: str) -> str:
    if not listed.files and not listed.reason:
        where = f"in {source.folder}" if source.folder else "in it"
        return f"has no file {where} that can be read"
    return full or listed.reason


def _read_changed(
    location: str,
    repository: Repository,
    listed: FileListing,
    pages: PageStore,
    when: tuple[datetime, int | None],
    folder: str,
) -> Generator[CrawlStep, None, str]:
    """Parse and keep the changed files; returns the reason if files were skipped, else ""."""
    now, most = when
    there = {file.path for file in listed.files}
    if listed.whole:
        pages.drop(location, [path for path in pages.urls(location) if path not in there])
    full = ""
    for done, file in enumerate(listed.files, start=1):
        page = pages.page(location, file.path)
        if page.etag == file.id and page.readers == PARSERS_VERSION and page.gone_at is None:
            continue
        page = replace(page, etag=file.id, checked_at=now, gone_at=None, reason="")
        if not pages.keep_within(_read(page, repository, file, folder), most):
            full = FULL
        yield CrawlStep(done, len(listed.files), file.path)
    return full


def _read(page: WebPage, repository: Repository, file: CommittedFile, folder: str) -> WebPage:
    """Parse a file; an unreadable file keeps its old text, and gets a `reason`."""
    page = replace(page, readers=PARSERS_VERSION)
    try:
        content = repository.content(file)
        check_size(len(content), MAX_PACKED_BYTES)
        inside = PurePosixPath(file.path).relative_to(folder or ".")
        whole = with_inclusions(content, inside, partial(_read_inclusion, repository, folder))
        found = parse_bytes(whole, name=parser_name(PurePosixPath(file.path)))
        if whole is not content:
            # Its lines have moved, and an included file may change without this one.
            found, page = replace(found, first_line=0), replace(page, etag=f"{file.id}+")
    except (RefusedError, UnreadableError) as error:
        return replace(page, reason=str(error).rstrip("."))
    return replace(
        page,
        link=repository.commit,
        fetched_at=page.checked_at,
        title=found.title,
        text=found.text,
        details=_details(found, content),
    )


def _read_inclusion(repository: Repository, folder: str, inside: PurePosixPath) -> bytes | None:
    """The content of a file of the source, None if there is none."""
    try:
        found = repository.file_at((PurePosixPath(folder) / inside).as_posix())
        return None if found is None else repository.content(found)
    except RefusedError:
        return None


def _details(found: ParsedFile, content: bytes) -> str:
    return json.dumps(
        {
            "line": found.first_line,
            "headings": [] if found.first_line else _heading_lines(found.text, content),
            "link": found.link,
            "tags": found.tags,
            "page": found.page,
            "verified": found.verified.isoformat() if found.verified else None,
        }
    )


def _heading_lines(text: str, content: bytes) -> list[tuple[str, int]]:
    """The (heading, line number) pairs of a text's headings in the source file, in order."""
    headings = {match["words"].strip() for match in _HEADING.finditer(text)}
    if not headings or b"\x00" in content:
        return []
    written = content.decode("utf-8", "replace").splitlines()
    return [
        (stripped, number)
        for number, line in enumerate(written, start=1)
        if (stripped := line.strip()) in headings
    ][:HEADINGS]


# Quotation.


def document_ids(location: str, scope: Scope, pages: PageStore) -> list[str]:
    """The ids of a repository's documents.

    The list includes the ids of stored files without text, which aren't documents yet.
    """
    source = repository_at(location)
    if source is None:
        return []
    return [_document_id(source, path, scope) for path in pages.urls(location)]


def _document_id(source: RepositoryLocation, path: str, scope: Scope) -> str:
    """The id of a file's document. A commit doesn't change it; a branch's sources share it."""
    whose = "" if scope == SHARED else f"{scope}:"
    branch = f"@{source.branch}" if source.branch else ""
    return f"git:{whose}{source.url}{branch}:{path}"


def documents(
    sources: Sequence[tuple[str, Scope]], pages: PageStore, base_urls: Mapping[str, str]
) -> Iterator[Document | Failure]:
    """The documents and failures of these repositories."""
    for location, scope in sources:
        source = repository_at(location)
        if source is None:
            continue
        place = base_urls.get(location) or ("" if source.is_local else source.url)
        for page in pages.pages(location):
            if page.text:
                yield _document(source, scope, page, place)
        yield from failures(pages, location, scope)


def _document(source: RepositoryLocation, scope: Scope, page: WebPage, place: str) -> Document:
    details: dict[str, Any] = json.loads(page.details)
    link, form = file_link(place, page.link, page.url) if place else ("", "")
    rule, text = "", page.text
    if has_rule(place):
        inside = PurePosixPath(page.url).relative_to(source.folder or ".")
        link, rule = without_rule(cited_address(place, inside, details.get("page", {})))
        text = with_absolute_links(text, place, inside)
        form = ""
    headings = tuple((str(words), int(line)) for words, line in details["headings"])
    is_told = form and (details["line"] or headings)
    lines = Lines(details["line"], form, headings) if is_told else None
    if details["link"]:
        # The file's front matter gives its address.
        link, lines, rule = details["link"], None, ""
    return Document(
        id=_document_id(source, page.url, scope),
        scope=scope,
        kind=Kind.PAGE,
        title=page.title,
        text=text,
        link=link,
        tags=tuple(details["tags"]),
        verified=date.fromisoformat(details["verified"]) if details["verified"] else None,
        lines=lines,
        anchors=rule or None,
    )


def failures(pages: PageStore, location: str, scope: Scope) -> Iterator[Failure]:
    """All failures of a repository and its files."""
    source = repository_at(location)
    if source is None:
        return
    yield from sync_failure(pages.site(location), source.url)
    for page in pages.pages(location):
        if page.reason:
            own = _document_id(source, page.url, scope)
            yield Failure(f"{source.url} › {page.url}", f"{page.reason}.", own)
