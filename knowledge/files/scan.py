"""Change detection among imported files, without reading unchanged ones.

A file with unchanged size and time is not opened. If a file appears and another one with the same
content vanishes, that is a move: the file keeps its document id, which answers, links and feedback
refer to. `scan` only detects changes; it stores nothing.
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

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import PARSERS_VERSION, SUFFIXES, read_content
from knowledge.files.site_addresses import cited_address
from knowledge.values.documents import SHARED, Failure, FileRecord, Scope

# Paths in one step; a thousand take about 10 ms.
STEP_FILES: Final = 500

# Read and digested in about 10 ms.
STEP_BYTES: Final = 4_000_000


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

    `before` is its record from the last scan, also under an old path. `base_url` is its source's
    address on the web, and `inside` its path below that.
    """

    path: Path
    scope: Scope
    size: int
    mtime_ns: int
    document_id: str
    before: FileRecord | None = None
    base_url: str = ""
    inside: str = ""

    @property
    def link(self) -> str:
        """The file's address on the web; empty if there is none."""
        return cited_address(self.base_url, PurePosixPath(self.inside)) if self.base_url else ""


@dataclass(slots=True)
class Scan:
    """The findings of a scan.

    Attributes:
        unchanged: unchanged files.
        stale: new, possibly changed and moved files, in the order of their paths.
        moved: the old path of each moved one of `stale`, by its new one.
        vanished: the records of missing files.
        failures: unreadable folders and sources; their documents are kept.
        new_ids: the new document ids to store, by path.
    """

    unchanged: list[FileRecord] = field(default_factory=list)
    stale: list[FoundFile] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    vanished: list[FileRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    new_ids: dict[str, str] = field(default_factory=dict)

    def add(self, found: FoundFile, *, retry: bool, withheld: str) -> None:
        """Decide whether a file is unchanged or stale, by its record."""
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


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_in_steps(path: Path) -> Generator[None, None, str]:
    """The digest of a file of any size; a step for every few megabytes.

    Raises:
        UnreadableError: if the system refuses to read it.
    """
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
    """Scan every file of every source; yields the same scan after each step, complete at the end.

    A file in two sources belongs to one, by `in_order_of_claim`. A missing source's documents are
    kept, except chats read under another version of `withheld`.

    Args:
        sources: the location and scope of each.
        ids: stored document ids, by path.
        records: the records of the last scan, by path.
        retry: whether failed files are stale, too.
        withheld: the version of the members' opt-outs; chats of another version are stale.
        base_urls: addresses on the web, by location.
        elsewhere: locations on other machines; they are skipped, and their documents kept.
    """
    result = Scan()
    there: dict[str, FoundFile] = {}
    for _ in _listed(sources, ids, result, there, base_urls, elsewhere):
        yield result
    ordered = [location for location, _ in in_order_of_claim(sources)]
    lost = [
        record
        for path, record in records.items()
        if path not in there
        and (
            not (
                _is_in_unreadable_folder(record, result.failures)
                or _source_of(record.path, ordered) in elsewhere
            )
            or record.withheld not in ("", withheld)
        )
    ]
    for old, path in _moves(there, lost, records):
        if path:
            there[path] = replace(there[path], document_id=old.document_id, before=old)
        yield result
    _with_records(there, lost, records)
    result.new_ids = _unique_ids(there, ids)
    living = {found.document_id for found in there.values()}
    result.vanished = [record for record in lost if record.document_id not in living]
    for found in there.values():
        result.add(found, retry=retry, withheld=withheld)
    yield result


def in_order_of_claim(sources: Iterable[tuple[str, Scope]]) -> list[tuple[str, Scope]]:
    """Sources in the order in which they claim a file that is in several.

    A server's own sources come before shared ones, so its documents aren't shared because of a
    folder around them. Among these, the innermost come first.
    """
    return sorted(sources, key=lambda source: (source[1] == SHARED, -len(Path(source[0]).parts)))


def _listed(
    sources: Sequence[tuple[str, Scope]],
    ids: Mapping[str, str],
    result: Scan,
    there: dict[str, FoundFile],
    base_urls: Mapping[str, str],
    elsewhere: Collection[str],
) -> Iterator[None]:
    """List all files of all sources into `there`, by path; yields after every `STEP_FILES`."""
    # Sources on other machines; their files are skipped, also inside other sources.
    theirs: list[str] = []
    for location, scope in in_order_of_claim(sources):
        if location in elsewhere:
            theirs.append(location)
            continue
        for entry in files_of(Path(location)):
            if isinstance(entry, Failure):
                result.failures.append(entry)
                continue
            path, status = entry
            key = str(path)
            if key not in there and not _source_of(key, theirs):
                document_id = ids.get(key, f"file:{key}")
                found = FoundFile(path, scope, status.st_size, status.st_mtime_ns, document_id)
                base_url = base_urls.get(location, "")
                there[key] = (
                    _with_place_on_web(found, Path(location), base_url) if base_url else found
                )
                if len(there) % STEP_FILES == 0:
                    yield


def _source_of(path: str, locations: Iterable[str]) -> str:
    """The first of these sources that is, or contains, the path; empty if there is none."""
    parts = Path(path).parts
    for one in locations:
        inside = Path(one).parts
        if parts[: len(inside)] == inside:
            return one
    return ""


def _with_place_on_web(found: FoundFile, source: Path, base_url: str) -> FoundFile:
    """Add a file's place on the web; for a source of one file, the address is its folder's."""
    if not found.path.is_relative_to(source):
        return found
    inside = found.path.relative_to(source if found.path != source else source.parent)
    return replace(found, base_url=base_url, inside=inside.as_posix())


def files_of(location: Path) -> Iterator[tuple[Path, os.stat_result] | Failure]:
    """The files of a source with their size and time, in the order of their paths.

    Hidden files, links out of the folder and files of other formats are skipped. A folder that
    can't be read, or a missing source, is a failure.
    """
    status = _status(location)
    if status is None:
        yield from missing_source_failures(str(location))
    elif stat.S_ISREG(status.st_mode):
        yield location, status
    else:
        yield from _files_in(location)


def missing_source_failures(location: str) -> list[Failure]:
    """The failure of a missing source; empty if it is there."""
    if _status(Path(location)) is not None:
        return []
    reason = (
        "is not there. What was read from it is kept: put it back, or remove it with "
        "`commonplace source remove`."
    )
    return [Failure(location, reason, f"file:{location}")]


def _files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result] | Failure]:
    root = folder.resolve()
    waiting: list[os.DirEntry[str] | Path] = [folder]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, os.DirEntry) and not entry.is_dir(follow_symlinks=False):
            path = _target(Path(entry.path)) if entry.is_symlink() else Path(entry.path)
            status = _status(path)
            if status and stat.S_ISREG(status.st_mode) and path.is_relative_to(root):
                yield (path, status) if _has_unicode_path(path) else _unicode_failure(path)
            continue
        try:
            with os.scandir(entry) as listed:
                entries = [inner for inner in listed if _is_wanted(inner)]
        except OSError as error:
            reason = f"can't be looked into: {error.strerror or error}. What was read is kept."
            yield Failure(os.fspath(entry), reason, f"file:{os.fspath(entry)}")
            continue
        waiting.extend(sorted(entries, key=lambda inner: inner.name, reverse=True))


def _target(link: Path) -> Path:
    """The target of a symbolic link; the link itself if it is broken."""
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        # Python raises the latter for links in a circle.
        return link


def _status(path: Path) -> os.stat_result | None:
    """The system's status of a path; None if it is missing or forbidden."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _has_unicode_path(path: Path) -> bool:
    """Whether a path is valid Unicode; Linux allows any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unicode_failure(path: Path) -> Failure:
    shown = os.fsencode(path).decode("utf-8", "replace")
    return Failure(shown, "has a name that is not UTF-8: rename it.", f"file:{shown}")


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _NAVIGATION:
        return False
    return entry.is_dir(follow_symlinks=False) or _suffix(entry.name) in SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each would cost more


def count_unreadable_suffixes(location: Path) -> Counter[str]:
    """The visible files of a folder that are of no readable kind, counted by suffix."""
    counted: Counter[str] = Counter()
    for _, folders, names in os.walk(location):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        counted.update(
            _suffix(name) or "no ending"
            for name in names
            if not name.startswith(".") and _suffix(name) not in SUFFIXES
        )
    return counted


def _is_in_unreadable_folder(record: FileRecord, failures: Sequence[Failure]) -> bool:
    """Whether a file is missing only because its folder can't be read."""
    return any(Path(record.path).is_relative_to(failure.source) for failure in failures)


def _moves(
    there: Mapping[str, FoundFile], lost: Sequence[FileRecord], records: Mapping[str, FileRecord]
) -> Iterator[tuple[FileRecord, str]]:
    """Yield moved files with their new path, or an empty path for a step without a move."""
    by_size: dict[int, list[FileRecord]] = {}
    for record in lost:
        by_size.setdefault(record.size, []).append(record)
    for path, found in sorted(there.items()):
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


def _with_records(
    there: dict[str, FoundFile], lost: Sequence[FileRecord], records: Mapping[str, FileRecord]
) -> None:
    """Attach each file's record.

    After an interrupted move, the record is still under the old path, and the id under the new one.
    """
    by_id = {record.document_id: record for record in lost}
    for path, found in there.items():
        before = found.before or records.get(path) or by_id.get(found.document_id)
        there[path] = replace(found, before=before)


def _unique_ids(there: dict[str, FoundFile], ids: Mapping[str, str]) -> dict[str, str]:
    """Make the ids unique; returns the ids to store."""
    own = {path: f"file:{path}" for path in there}
    taken = {found.document_id for path, found in there.items() if found.document_id != own[path]}
    for path, found in there.items():
        # Another file has this id, because it moved away from this path.
        if found.document_id == own[path] and own[path] in taken:
            number = 2
            while f"{own[path]}#{number}" in taken:
                number += 1
            there[path] = replace(found, document_id=f"{own[path]}#{number}", before=None)
            taken.add(there[path].document_id)
    return {
        path: found.document_id
        for path, found in there.items()
        if found.document_id != ids.get(path, own[path])
    }
