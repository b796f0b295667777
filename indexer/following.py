"""Bringing the imported files into the index: what changed is read and embedded, nothing else.

`update_files` is a generator like `pipeline.update`: each step is short enough for a question to
wait for, also while a file is being read, and it can be abandoned or killed at any moment. What is
remembered of a file changes in the transaction that changes its documents, so a document is in the
index if and only if a file's record names it; only of a chat export that is not yet whole, the ids
of its documents do.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from indexer.embedder import Embedder
from indexer.index import Index, document_digest
from indexer.pipeline import Progress, Report, put_in_slices
from knowledge import corpus
from knowledge.model import INSIDE, Document, Failure, FileRecord, Kind
from knowledge.readers import READERS_VERSION, UnreadableError, begin_parts, content_of
from knowledge.scanning import Found, Scan, digest_in_steps, digest_of
from knowledge.withholding import NOTHING, Withheld

# How long a step waits for a file that is being read by another process.
STEP_SECONDS: Final = 0.02

# What imported files become.
KINDS: Final = frozenset({Kind.FILE, Kind.CHAT})

# Within this time of a file's last change, another one could leave its time as it is: some file
# systems count in steps of two seconds.
SETTLED_NS: Final = 2_000_000_000


def update_files(
    index: Index,
    embedder: Embedder,
    looks: Iterator[Scan],
    report: Report,
    *,
    withheld: Withheld = NOTHING,
) -> Iterator[Progress]:
    """Make the index say what the imported files say, in slices.

    Args:
        index: brought up to date.
        embedder: what made the index's vectors.
        looks: a `scanning.scan` with what the index remembers.
        report: added to.
        withheld: whose messages are left out of chats.

    Yields:
        After each step, how far it is, counted in files.
    """
    scan = Scan()
    for look in looks:
        scan = look
        yield Progress(0, 0, "", report)
    report.failed += [failure for record in scan.kept for failure in record.failures]
    report.failed += scan.failures
    report.unchanged += sum(len(record.documents) for record in scan.kept)
    report.moved += [found.document_id for found in scan.stale if str(found.path) in scan.moved]
    _remove(index, scan, report)
    yield Progress(0, len(scan.stale), "", report)
    known = index.document_digests(KINDS) if scan.stale else {}
    following = _Following(index, embedder, known, report, withheld)
    for done, found in enumerate(scan.stale):
        for _ in following.update(found):
            yield Progress(done, len(scan.stale), found.path.name, report)
        yield Progress(done + 1, len(scan.stale), found.path.name, report)


def _remove(index: Index, scan: Scan, report: Report) -> None:
    """Take out what came from files that are no more, and what no file's record names."""
    gone = [document_id for record in scan.vanished for document_id in record.documents]
    living = {found.document_id for found in scan.stale}
    # In this order: whatever another process has put in by now has its record by then.
    there = index.document_digests(KINDS)
    named = {key for record in index.files().values() for key in record.documents}
    nameless = [
        key
        for key in there
        # Files that an earlier release read have no record until they are read again.
        if key not in named and key.split(INSIDE)[0] not in living
    ]
    removed = [*gone, *nameless]
    if removed:
        index.apply([], removed)
        report.removed += removed
    if scan.vanished:
        index.forget_files([record.path for record in scan.vanished])


@dataclass(slots=True)
class _File:
    """A file while it is being taken in: what its record will say."""

    found: Found
    digest: str = ""
    documents: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    trusted: bool = True
    withheld: str = ""

    def fail(self, failure: Failure) -> None:
        """Note that one of its documents can't be read; its last good text stays."""
        self.failures.append(failure)
        before = self.found.before
        if before is not None and failure.document_id in before.documents:
            self.documents.append(failure.document_id)

    def record(self, *, whole: bool) -> FileRecord:
        """What to remember; until the whole file is in, what it had before stays its own."""
        before = self.found.before
        kept = before.documents if before is not None and not whole else ()
        settled = self.trusted and time.time_ns() - self.found.mtime_ns > SETTLED_NS
        return FileRecord(
            path=str(self.found.path),
            scope=self.found.scope,
            document_id=self.found.document_id,
            size=self.found.size,
            mtime_ns=self.found.mtime_ns if whole and settled else None,
            digest=self.digest if whole else "",
            readers=READERS_VERSION,
            read_at=datetime.now(UTC),
            documents=tuple(dict.fromkeys([*self.documents, *kept])),
            failures=tuple(self.failures),
            withheld=self.withheld,
        )


@dataclass(frozen=True, slots=True)
class _Following:
    """An update under way.

    `known` are the digests of the documents that were in the index when it began.
    """

    index: Index
    embedder: Embedder
    known: Mapping[str, str]
    report: Report
    withheld: Withheld

    def update(self, found: Found) -> Iterator[None]:
        """Read one file and take in what changed of it."""
        file = _File(found)
        try:
            chat = corpus.is_export(found.path)
            content = b"" if chat else content_of(found.path)
            file.digest = (yield from digest_in_steps(found.path)) if chat else digest_of(content)
        except UnreadableError as error:
            # The system may change its mind though the file does not change.
            self._keep_last_good(replace(file, trusted=False), str(error))
            return
        file.withheld = self.withheld.version if chat else ""
        if _says_the_same(file):
            file.documents = list(found.before.documents if found.before else ())
            self.report.unchanged += len(file.documents)
            self.index.apply([], (), file.record(whole=True))
            return
        try:
            yield from self._take_in_export(file) if chat else self._take_in_parts(file, content)
        except UnreadableError as error:
            self._keep_last_good(file, str(error))
            return
        self._finish(file)

    def _take_in_parts(self, file: _File, content: bytes) -> Iterator[None]:
        """Take in every document of a file, and remember why those that can't be read can't."""
        for part in begin_parts(content, name=file.found.path.name):
            while not part.future.done():
                wait([part.future], STEP_SECONDS)
                yield
            item = corpus.imported_part(file.found, part)
            if isinstance(item, Failure):
                file.fail(item)
                self.report.failed.append(item)
                continue
            file.documents.append(item.id)
            if self._is_new(item):
                record = file.record(whole=False)
                yield from put_in_slices(self.index, self.embedder, item, self.report, record)

    def _take_in_export(self, file: _File) -> Iterator[None]:
        """Take in the conversations of a chat export.

        There may be a hundred thousand, so they are named by the file's record only when all are
        in. Until then their ids tell that they are its own.
        """
        for item in corpus.exported(file.found, self.withheld):
            yield
            if item is None:
                continue
            file.documents.append(item.id)
            if self._is_new(item):
                yield from put_in_slices(self.index, self.embedder, item, self.report)

    def _is_new(self, item: Document) -> bool:
        """Whether the index says something else, or nothing, under this id; counts it."""
        if self.known.get(item.id) == document_digest(item):
            self.report.unchanged += 1
            return False
        changed = item.id in self.known
        (self.report.changed if changed else self.report.added).append(item.id)
        return True

    def _keep_last_good(self, file: _File, reason: str) -> None:
        """Remember why nothing of a file can be read; what was read before can be quoted still.

        Chats are the exception when others are withheld than before: those are not to wait for
        a file to be mended.
        """
        failure = Failure(str(file.found.path), reason, file.found.document_id)
        file.failures.append(failure)
        self.report.failed.append(failure)
        before = file.found.before
        kept = before.documents if before is not None else ()
        if before is not None and before.withheld not in ("", self.withheld.version):
            gone = [document_id for document_id in kept if document_id not in file.documents]
            kept = ()
            self.report.removed += gone
            self.index.apply([], gone)
        if before is not None:
            file.withheld = file.withheld or before.withheld
        file.documents += kept
        self.index.apply([], (), file.record(whole=True))

    def _finish(self, file: _File) -> None:
        """Remember the whole file, and take out what it no longer has."""
        before = file.found.before.documents if file.found.before else ()
        still = set(file.documents)
        removed = [document_id for document_id in before if document_id not in still]
        self.index.apply([], removed, file.record(whole=True))
        self.report.removed += removed


def _says_the_same(file: _File) -> bool:
    """Whether only a file's time has changed."""
    before = file.found.before
    return (
        before is not None
        and before.path == str(file.found.path)
        and (before.digest, before.scope) == (file.digest, file.found.scope)
        and (before.document_id, before.readers) == (file.found.document_id, READERS_VERSION)
        and before.withheld == file.withheld
        and not before.failures
    )
