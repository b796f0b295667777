"""A Git repository: the files of its branch's commit, cited by line at the commit.

A file's key is its path, its revision its blob id, so only changed files are parsed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote

from knowledge.files.inclusions import with_inclusions
from knowledge.files.parsed_file import MAX_PACKED_BYTES, check_size
from knowledge.files.reader import parse_bytes, parser_name
from knowledge.files.site_addresses import (
    cited_address,
    has_rule,
    with_absolute_links,
    without_rule,
)
from knowledge.sources.entries import Entry, SyncState
from knowledge.sources.git.hosts import file_link
from knowledge.sources.git.repository import CommittedFile, Repository, copy_folder, open_repository
from knowledge.sources.net.addresses import is_web
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Skipped, Source
from knowledge.values.documents import Document, Lines, Scope

# The most headings of one file.
HEADINGS: Final = 1_000

_LOCAL: Final = "file://"
_HEADING: Final = re.compile(r"^#{1,6} (?P<words>.+)$", re.MULTILINE)


class GitRepository(Source):
    """A repository at a web address or an absolute path: a branch, and a folder of it.

    An empty `branch` means the default branch; an empty `folder` means the whole repository. In a
    location, `@` and the branch follow the address, and `#` and the folder, as in pip.
    """

    kind = "git"
    unit = "file"
    may_be_empty = True

    def __init__(self, location: str) -> None:
        super().__init__(location)
        url, _, branch = self.url.partition("@")
        local = url.removeprefix(_LOCAL)
        self.url = unquote(local) if local != url else url.replace("%40", "@")
        self.branch, self.folder = unquote(branch), unquote(self.options)
        self._opened: Repository | None = None
        self._files: dict[str, CommittedFile] = {}

    @classmethod
    def locate_branch(
        cls, url: str, branch: str = "", folder: str = "", *, internal: bool = False
    ) -> str:
        address = (url if is_web(url) else f"{_LOCAL}{quote(url)}").replace("@", "%40")
        marked = f"{address}@{quote(branch)}" if branch else address
        return cls.locate(marked, quote(folder), internal=internal)

    @property
    def path(self) -> str:
        return "" if is_web(self.url) else self.url

    @property
    def parts(self) -> Sequence[str]:
        return (self.branch, self.folder)

    def listing(self, state: Mapping[str, str]) -> Listing:
        """Fetch the branch's commit, and list all of its files."""
        visit, copy = self.visit, copy_folder(self.visit.folder, self.location)
        self._opened = open_repository(self.url, self.branch, copy, visit.fetcher, visit.most)
        listed = self._opened.files(self.folder)
        self._files = {file.path: file for file in listed.files}
        for file in listed.files:
            yield Listed(file.path, file.id)
        where = f"in {self.folder}" if self.folder else "in it"
        empty = "" if listed.files else f"has no file {where} that can be read"
        read = {"commit": self._opened.commit, "read_at": visit.now.isoformat()}
        return ListingEnd(read, listed.whole, listed.reason or empty)

    def content(self, key: str) -> Content | Skipped:
        """Read and parse a file, with the lines that it includes."""
        file, opened = self._files.get(key), self._opened
        if file is None or opened is None:
            return Skipped()
        content = opened.content(file)
        check_size(len(content), MAX_PACKED_BYTES)
        inside = PurePosixPath(key).relative_to(self.folder or ".")
        whole = with_inclusions(content, inside, partial(self._inclusion, opened))
        found = parse_bytes(whole, name=parser_name(PurePosixPath(key)))
        # The lines of a file with inclusions have moved.
        first = found.first_line if whole is content else 0
        return Content(
            title=found.title,
            body=b"",
            link="",
            text=found.text,
            tags=found.tags,
            verified=found.verified,
            # An included file may change without this one.
            revision=file.id if whole is content else f"{file.id}+",
            details={
                "commit": opened.commit,
                "line": first,
                "headings": [] if first else _heading_lines(found.text, content),
                "link": found.link,
                "page": found.page,
            },
        )

    def _inclusion(self, opened: Repository, inside: PurePosixPath) -> bytes | None:
        """The content of a file of the source, None if there is none."""
        try:
            found = opened.file_at((PurePosixPath(self.folder) / inside).as_posix())
            return None if found is None else opened.content(found)
        except RefusedError:
            return None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def id_prefix(self) -> str:
        """A commit doesn't change a document's id; a branch's sources share it."""
        return f"{self.url}@{self.branch}" if self.branch else self.url

    def entry_name(self, entry: Entry) -> str:
        return f"{self.url} › {entry.key}"

    def document(self, entry: Entry, scope: Scope, state: SyncState, base_url: str) -> Document:
        place = base_url or ("" if self.path else self.url)
        details, key, text, rule = entry.data, entry.key, entry.text, ""
        link, form = file_link(place, self._commit(entry, state), key) if place else ("", "")
        if has_rule(place):
            inside = PurePosixPath(key).relative_to(self.folder or ".")
            link, rule = without_rule(cited_address(place, inside, details.get("page", {})))
            text, form = with_absolute_links(text, place, inside), ""
        line = details.get("line", 0)
        headings = tuple((str(words), int(at)) for words, at in details.get("headings", ()))
        lines = Lines(line, form, headings) if form and (line or headings) else None
        if details.get("link"):
            # The file's front matter gives its address.
            link, lines, rule = details["link"], None, ""
        found = super().document(entry, scope, state, base_url)
        return replace(found, text=text, link=link, lines=lines, anchors=rule or None)

    def _commit(self, entry: Entry, state: SyncState) -> str:
        """The commit that has an entry's text: the last one, unless the entry differs from it."""
        last, read_at = state.state.get("commit", ""), state.state.get("read_at", "")
        checked_at = entry.checked_at.isoformat() if entry.checked_at is not None else ""
        own = entry.reason or checked_at > read_at
        return str(entry.data.get("commit", last)) if own else last


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
