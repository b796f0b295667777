"""Change detection among imported files, without reading unchanged ones.

Files with unchanged size and modification time are not opened. If a file vanishes, and a new file
has the same content, the file was moved. A moved file keeps its document id, because answers, links
and feedback refer to the id. `scan` only detects changes; it stores nothing.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from knowledge.files.inclusions import MOST_BYTES, with_inclusions
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import PARSERS_VERSION, SUFFIXES, read_content
from knowledge.files.site_addresses import cited_address
from knowledge.values.documents import SHARED, Failure, FileRecord, Scope

# Paths in one step; a thousand take about 10 ms.
STEP_FILES: Final = 500

# Read and digested in about 10 ms.
STEP_BYTES: Final = 4_000_000


# Marks the bot's own data folder, which is never read as a source.
DATA_MARK: Final = "commonplace-data.txt"

# Side bars, headers and tables of contents of wikis and documentation sites.
_NAVIGATION: Final = frozenset(
    (
        *("_Sidebar.md", "_Footer.md", "_Header.md", "SUMMARY.md"),
        *("_sidebar.md", "_footer.md", "_navbar.md", "_coverpage.md"),
    )
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file found by the scan.

    `before` is its record from the last scan; if it was moved, with the old path. `inside` is its
    path in its source, `folder` the source's folder (empty for a file), and `closed` are other
    sources in that folder, whose files have other readers.
    """

    path: Path
    scope: Scope
    size: int
    mtime_ns: int
    document_id: str
    before: FileRecord | None = None
    base_url: str = ""
    inside: str = ""
    folder: str = ""
    closed: tuple[str, ...] = ()

    @property
    def link(self) -> str:
        """The file's address on the web; empty if there is none."""
        return cited_address(self.base_url, PurePosixPath(self.inside)) if self.base_url else ""


@dataclass(slots=True)
class Scan:
    """The findings of a scan: records of `unchanged` and `vanished` files, and `failures`.

    `stale` files are to be read, in the order of their paths: new files, moved files, and files
    with a differing or outdated record. `moved` has the old paths of moved files by new path.
    Documents of `failures` are kept; `new_ids` are to be stored, by path.
    """

    unchanged: list[FileRecord] = field(default_factory=list)
    stale: list[FoundFile] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    vanished: list[FileRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    new_ids: dict[str, str] = field(default_factory=dict)

    def add(self, found: FoundFile, *, retry: bool, withheld: str) -> None:
        """Add a file to `unchanged` or `stale`, by its record."""
        before = found.before
        if before is not None and before.path != str(found.path):
            self.moved[str(found.path)] = before.path
        if (
            before is not None
            and (before.path, before.size) == (str(found.path), found.size)
            and before.mtime_ns == found.mtime_ns
            and (before.scope, before.document_id) == (found.scope, found.document_id)
            and (before.readers, before.link) == (PARSERS_VERSION, found.link)
            and before.withheld in ("", withheld)
            and not (retry and before.failures)
        ):
            self.unchanged.append(before)
        else:
            self.stale.append(found)


def read_with_inclusions(found: FoundFile) -> tuple[bytes, bool]:
    """The content of a file with the lines that it includes, and whether it includes any.

    Raises UnreadableError if the file is too large, or the system refuses to read it.
    """
    content = read_content(found.path)
    if not found.folder or not found.path.is_relative_to(found.folder):
        return content, False
    root = Path(found.folder).resolve()

    def read(inside: PurePosixPath) -> bytes | None:
        path = _target(root / inside)
        status = _status(path)
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        is_hidden = any(part.startswith(".") for part in path.parts[len(root.parts) :])
        if is_hidden or not path.is_relative_to(root):
            return None
        closed = (str(_target(Path(location))) for location in found.closed)
        if _first_containing(str(path), closed):
            return None
        try:
            return read_content(path)
        except UnreadableError:
            return None

    inside = PurePosixPath(found.path.relative_to(found.folder))
    whole = with_inclusions(content, inside, read)
    return whole, whole is not content


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_in_steps(path: Path) -> Generator[None, None, str]:
    """Digest a file, in steps of `STEP_BYTES`; UnreadableError if the system refuses to read it."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while content := file.read(STEP_BYTES):
                digest.update(content)
                yield
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error
    return digest.hexdigest()


def scan(
    sources: Sequence[tuple[str, Scope]],
    ids: Mapping[str, str],
    records: Mapping[str, FileRecord],
    *,
    retry: bool = False,
    withheld: str = "",
    base_urls: Mapping[str, str] = MappingProxyType({}),
    elsewhere: Collection[str] = (),
) -> Iterator[Scan]:
    """Scan all files of all sources. Yields the same `Scan` after each step; the last is complete.

    A file in two sources belongs to the first in `in_order_of_claim`. The documents of an
    unreadable source are kept, except chats that were read with another version of `withheld`. They
    count as vanished, because they may quote a member who has opted out since.

    `ids` and `records` are the stored ones, by path; with `retry`, files that couldn't be read are
    stale, too. The locations `elsewhere` are on other machines: they are skipped, and their
    documents kept.
    """
    result = Scan()
    present: dict[str, FoundFile] = {}
    for _ in _list_files(sources, ids, result, present, base_urls, elsewhere):
        yield result
    ordered = [location for location, _ in in_order_of_claim(sources)]
    missing = [
        record
        for path, record in records.items()
        if path not in present
        and (
            not (
                # Its folder can't be read.
                any(Path(record.path).is_relative_to(failure.source) for failure in result.failures)
                or _first_containing(record.path, ordered) in elsewhere
            )
            or record.withheld not in ("", withheld)
        )
    ]
    for old, path in _moves(present, missing, records):
        if path:
            present[path] = replace(present[path], document_id=old.document_id, before=old)
        yield result
    # If the import of a moved file was interrupted, the file's record is still under its old path,
    # but the document id is already under the new path.
    by_id = {record.document_id: record for record in missing}
    for path, found in present.items():
        before = found.before or records.get(path) or by_id.get(found.document_id)
        present[path] = replace(found, before=before)
    result.new_ids = _unique_ids(present, ids)
    living = {found.document_id for found in present.values()}
    result.vanished = [record for record in missing if record.document_id not in living]
    for found in present.values():
        result.add(found, retry=retry, withheld=withheld)
    yield result


def in_order_of_claim(sources: Iterable[tuple[str, Scope]]) -> list[tuple[str, Scope]]:
    """Sort sources, so that a file in several sources belongs to the first of them.

    A guild's sources precede shared sources, so a shared folder around them doesn't share their
    files. Within each group, inner folders precede outer folders.
    """
    return sorted(sources, key=lambda source: (source[1] == SHARED, -len(Path(source[0]).parts)))


def _list_files(
    sources: Sequence[tuple[str, Scope]],
    ids: Mapping[str, str],
    result: Scan,
    present: dict[str, FoundFile],
    base_urls: Mapping[str, str],
    elsewhere: Collection[str],
) -> Iterator[None]:
    """Add all files of all sources to `present`, by path; yields after every `STEP_FILES`."""
    # Sources on other machines; their files are skipped, also inside other sources.
    theirs: list[str] = []
    for location, scope in in_order_of_claim(sources):
        if location in elsewhere:
            theirs.append(location)
            continue
        closed = tuple(
            other
            for other, _ in sources
            if other != location and _first_containing(other, (location,))
        )
        for entry in files_of(Path(location)):
            if isinstance(entry, Failure):
                result.failures.append(entry)
                continue
            path, status = entry
            key = str(path)
            if key not in present and not _first_containing(key, theirs):
                document_id = ids.get(key, f"file:{key}")
                found = FoundFile(path, scope, status.st_size, status.st_mtime_ns, document_id)
                if location != key:
                    found = replace(found, folder=location, closed=closed)
                base_url = base_urls.get(location, "")
                if base_url and path.is_relative_to(location):
                    root = path.parent if path == Path(location) else Path(location)
                    inside = path.relative_to(root).as_posix()
                    found = replace(found, base_url=base_url, inside=inside)
                present[key] = found
                if len(present) % STEP_FILES == 0:
                    yield


def _first_containing(path: str, locations: Iterable[str]) -> str:
    """The first location that equals or contains the path; empty if there is none."""
    parts = Path(path).parts
    for location in locations:
        inside = Path(location).parts
        if parts[: len(inside)] == inside:
            return location
    return ""


def files_of(location: Path) -> Iterator[tuple[Path, os.stat_result] | Failure]:
    """The files of a source with their size and time, in the order of their paths.

    Hidden files, links out of the folder and files of other formats are skipped. For a missing
    source or an unreadable folder, yields a `Failure`.
    """
    status = _status(location)
    if status is None:
        yield from missing_source_failures(str(location))
    elif stat.S_ISREG(status.st_mode):
        yield location, status
    else:
        yield from files_in(location)


def missing_source_failures(location: str) -> list[Failure]:
    """The failure of a missing source; an empty list if the source exists."""
    if _status(Path(location)) is not None:
        return []
    reason = (
        "is not there. What was read from it is kept: put it back, or remove it with "
        "`commonplace source remove`."
    )
    return [Failure(location, reason, f"file:{location}")]


def files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result] | Failure]:
    """Yield a folder's readable files with their status, and the failures to look into it."""
    root = folder.resolve()
    waiting: list[os.DirEntry[str] | Path] = [folder]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, os.DirEntry) and not entry.is_dir(follow_symlinks=False):
            path = _target(Path(entry.path)) if entry.is_symlink() else Path(entry.path)
            status = _status(path)
            if status and stat.S_ISREG(status.st_mode) and path.is_relative_to(root):
                # Linux allows any bytes.
                shown = os.fsencode(path).decode("utf-8", "replace")
                if shown == str(path):
                    yield path, status
                else:
                    yield Failure(
                        shown, "has a name that is not UTF-8: rename it.", f"file:{shown}"
                    )
            continue
        try:
            with os.scandir(entry) as listed:
                found = list(listed)
        except OSError as error:
            reason = f"can't be looked into: {error.strerror or error}. What was read is kept."
            yield Failure(os.fspath(entry), reason, f"file:{os.fspath(entry)}")
            continue
        if not any(inner.name == DATA_MARK for inner in found):
            wanted = filter(_is_wanted, found)
            waiting.extend(sorted(wanted, key=lambda inner: inner.name, reverse=True))


def _target(link: Path) -> Path:
    """The target of a symbolic link, or the link itself if the link is broken."""
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        # Python raises the latter for links in a circle.
        return link


def _status(path: Path) -> os.stat_result | None:
    """The system's status of a path; None if the path is missing or forbidden."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _NAVIGATION:
        return False
    return entry.is_dir(follow_symlinks=False) or _suffix(entry.name) in SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each would cost more


def sizes_of(location: Path) -> Iterator[tuple[int, int]]:
    """Count a source's readable files and their bytes; yields the counts after each folder."""
    files = size = 0
    if location.is_file():
        yield 1, location.stat().st_size
    for above, folders, names in os.walk(location):
        if DATA_MARK in names:
            folders.clear()
            continue
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for name in names:
            if not name.startswith(".") and name not in _NAVIGATION and _suffix(name) in SUFFIXES:
                status = _status(Path(above, name))
                if status is not None and stat.S_ISREG(status.st_mode):
                    files, size = files + 1, size + status.st_size
        yield files, size


def count_unread_files(location: Path) -> Counter[str]:
    """Count the visible files in a folder that aren't read, by suffix; navigation by its name."""
    counted: Counter[str] = Counter()
    for _, folders, names in os.walk(location):
        if DATA_MARK in names:
            folders.clear()
            continue
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        counted.update(
            name if name in _NAVIGATION else _suffix(name) or "no ending"
            for name in names
            if not name.startswith(".") and (name in _NAVIGATION or _suffix(name) not in SUFFIXES)
        )
    return counted


def _moves(
    present: Mapping[str, FoundFile],
    missing: Sequence[FileRecord],
    records: Mapping[str, FileRecord],
) -> Iterator[tuple[FileRecord, str]]:
    """Match missing files with new files by content: the old record and the new path.

    After any other compared file, yields an arbitrary record and an empty path, so the caller can
    do other work.
    """
    by_size: dict[int, list[FileRecord]] = {}
    for record in missing:
        by_size.setdefault(record.size, []).append(record)
    for path, found in sorted(present.items()):
        candidates = by_size.get(found.size, [])
        if path in records or not candidates:
            continue
        try:
            digest = digest_of(read_content(found.path))
        except UnreadableError:
            continue
        for record in candidates:
            if (record.digest, record.scope) == (digest, found.scope):
                candidates.remove(record)
                yield record, path
                break
        else:
            yield candidates[0], ""


def _unique_ids(present: dict[str, FoundFile], ids: Mapping[str, str]) -> dict[str, str]:
    """Make the document ids of `present` unique; returns the ids to store, by path."""
    own = {path: f"file:{path}" for path in present}
    taken = {found.document_id for path, found in present.items() if found.document_id != own[path]}
    for path, found in present.items():
        # Another file has this id, because it moved away from this path.
        if found.document_id == own[path] and own[path] in taken:
            number = 2
            while f"{own[path]}#{number}" in taken:
                number += 1
            present[path] = replace(found, document_id=f"{own[path]}#{number}", before=None)
            taken.add(present[path].document_id)
    return {
        path: found.document_id
        for path, found in present.items()
        if found.document_id != ids.get(path, own[path])
    }
