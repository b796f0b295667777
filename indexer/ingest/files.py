"""File ingest: updates of the index from the imported files; changed ones are parsed and embedded.

`update_files` is a generator like `pipeline.update`: it can be paused after any step for a
question, even while a file is being read, and abandoned or killed at any moment. A file's record
changes in the same transaction as its documents, so a document is in the index if and only if a
file's record names it. Until a chat export has been read to its end, its record doesn't name its
documents. But their ids begin with the file's id.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.written_documents import CutDocument, document_digest
from indexer.ingest.embedding_queue import EmbeddingQueue
from indexer.ingest.pipeline import (
    OrderedSteps,
    Progress,
    UpdateReport,
    cut_in_slices,
    index_documents,
    remove_documents,
)
from knowledge import corpus
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import PARSERS_VERSION, FilePart, begin_parsing, parser_name
from knowledge.files.scan import FoundFile, Scan, digest_in_steps, digest_of, read_with_inclusions
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld
from knowledge.values.documents import INSIDE, Document, Failure, FileRecord, Kind

# The longest that a step waits for a file being read by another process.
STEP_SECONDS: Final = 0.02

# Kinds of documents made of imported files.
KINDS: Final = frozenset({Kind.FILE, Kind.CHAT})

# A change this soon after the last one may leave a file's time as it is: some file systems count in
# steps of two seconds.
SETTLED_NS: Final = 2_000_000_000

# Passages that wait to be embedded together, sorted by length into slices. After a kill, their
# files are read once more.
BATCH_TEXTS: Final = 64


def update_files(
    index: Index,
    embedder: Embedder,
    scans: Iterator[Scan],
    report: UpdateReport,
    *,
    withheld: Withheld = NOTHING,
    queue: EmbeddingQueue | None = None,
) -> Iterator[Progress]:
    """Bring the index up to date with the imported files, in slices counted in files.

    `scans` are the growing results of `knowledge.files.scan.scan`; only the last is complete.
    """
    scan = Scan()
    for so_far in scans:
        scan = so_far
        yield Progress(0, 0, "", report)
    report.failed += [failure for record in scan.unchanged for failure in record.failures]
    report.failed += scan.failures
    report.unchanged += sum(len(record.documents) for record in scan.unchanged)
    report.moved += [found.document_id for found in scan.stale if str(found.path) in scan.moved]
    for _ in _remove(index, scan, report):
        yield Progress(0, len(scan.stale), "", report)
    yield Progress(0, len(scan.stale), "", report)
    known = index.tables.document_digests(KINDS) if scan.stale else {}
    order = OrderedSteps(index, embedder, report, queue)
    files = _FileUpdate(index, embedder, known, report, withheld, order)
    for done, found in enumerate(scan.stale):
        for _ in files.update(found):
            yield Progress(done, len(scan.stale), found.path.name, report)
        yield Progress(done + 1, len(scan.stale), found.path.name, report)
    for _ in chain(files.finish(), order.finish()):
        yield Progress(len(scan.stale), len(scan.stale), "", report)


def _remove(index: Index, scan: Scan, report: UpdateReport) -> Iterator[None]:
    gone = [document_id for record in scan.vanished for document_id in record.documents]
    living = {found.document_id for found in scan.stale}
    # Documents first: those put in by another process then already have their records.
    there = index.tables.document_digests(KINDS)
    named = {key for record in index.tables.files().values() for key in record.documents}
    nameless = [
        key
        for key in there
        # A forgotten file has no record until it is read again.
        if key not in named and key.split(INSIDE)[0] not in living
    ]
    removed = [*gone, *nameless]
    # If a record still named deleted documents, an unchanged file that came back would not be read.
    yield from remove_documents(index, removed, [record.path for record in scan.vanished])
    report.removed += removed


@dataclass(slots=True)
class _File:
    """A file being ingested, with its future record.

    It is `trusted` if an unchanged modification time proves it unchanged. Its `cuts` wait to be
    embedded with other files' documents. `queued` counts the parts to be stored before the file's
    end has been read, `stored` those stored. If the workers fail to embed a part, the file isn't
    recorded.
    """

    found: FoundFile
    digest: str = ""
    documents: dict[str, None] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    trusted: bool = True
    withheld: str = ""
    cuts: list[CutDocument] = field(default_factory=list)
    queued: int = 0
    stored: int = 0

    @property
    def before(self) -> tuple[str, ...]:
        return self.found.before.documents if self.found.before is not None else ()

    def fail(self, failure: Failure, kept: Sequence[str]) -> None:
        """Record a failure; the documents in `kept` stay as they were."""
        self.failures.append(failure)
        self.documents |= dict.fromkeys(kept)

    def record(self, *, whole: bool) -> FileRecord:
        """The file's record; if `whole` is false, it also lists the file's earlier documents."""
        kept = self.before if not whole else ()
        settled = self.trusted and time.time_ns() - self.found.mtime_ns > SETTLED_NS
        return FileRecord(
            path=str(self.found.path),
            scope=self.found.scope,
            document_id=self.found.document_id,
            size=self.found.size,
            mtime_ns=self.found.mtime_ns if whole and settled else None,
            digest=self.digest if whole else "",
            readers=PARSERS_VERSION,
            read_at=datetime.now(UTC),
            documents=tuple(self.documents | dict.fromkeys(kept)),
            failures=tuple(self.failures),
            withheld=self.withheld,
            link=self.found.link,
        )


@dataclass(slots=True)
class _FileUpdate:
    """An update in progress; `known` has the digests of the documents indexed before, by id.

    Parsed files in `waiting` wait for a batch, because a short text alone costs nearly as much as
    several. After a kill, the next update parses them again.
    """

    index: Index
    embedder: Embedder
    known: Mapping[str, str]
    report: UpdateReport
    withheld: Withheld
    order: OrderedSteps
    waiting: list[_File] = field(default_factory=list)

    def update(self, found: FoundFile) -> Iterator[None]:
        """Parse one file and ingest its changes, or let it wait for a full batch."""
        file = _File(found)
        try:
            chat = corpus.is_export(found.path)
            content, includes = (b"", False) if chat else read_with_inclusions(found)
            # An included file may change without a change of this one.
            file.trusted = not includes
            file.digest = (yield from digest_in_steps(found.path)) if chat else digest_of(content)
        except UnreadableError as error:
            # The system may allow it later, without a change of the file.
            file.trusted = False
            yield from self._keep_last_good(file, str(error))
            return
        if self._is_unchanged(file):
            file.documents = dict.fromkeys(file.before)
            file.failures = list(found.before.failures) if found.before is not None else []
            self.report.failed += file.failures
            file.withheld = found.before.withheld if found.before is not None else ""
            self.report.unchanged += len(file.documents)
            self.index.tables.apply([], (), file.record(whole=True))
            return
        try:
            yield from self._ingest_export(file) if chat else self._ingest_parts(file, content)
        except UnreadableError as error:
            yield from self._write_waiting(file)
            yield from self._keep_last_good(file, str(error))
            return
        self.waiting.append(file)
        if _texts_of(self.waiting) >= BATCH_TEXTS:
            yield from self.finish()

    def finish(self) -> Iterator[None]:
        """Embed the waiting documents, and store each file in one transaction."""
        files, self.waiting = self.waiting, []
        records = [file.record(whole=True) for file in files]

        def put_in() -> Iterator[None]:
            for file, record in zip(files, records, strict=True):
                if file.stored < file.queued:
                    continue
                removed = [key for key in file.before if key not in file.documents]
                yield from index_documents(
                    self.index,
                    self.embedder,
                    file.cuts,
                    self.report,
                    removed=removed,
                    record=record,
                )
                self.report.removed += removed

        yield from self.order.after([cut for file in files for cut in file.cuts], put_in)

    def _is_unchanged(self, file: _File) -> bool:
        """Whether nothing but the file's modification time has changed."""
        before = file.found.before
        return (
            before is not None
            and before.path == str(file.found.path)
            and (before.digest, before.scope) == (file.digest, file.found.scope)
            and (before.document_id, before.link) == (file.found.document_id, file.found.link)
            and before.readers == PARSERS_VERSION
            and before.withheld in ("", self.withheld.version)
            # An unreadable file isn't tried again for its time alone, only on request.
            and (not before.failures or before.mtime_ns not in (None, file.found.mtime_ns))
        )

    def _ingest_parts(self, file: _File, content: bytes) -> Iterator[None]:
        """Ingest every document of a file, and record the failures of unreadable ones."""
        for part in begin_parsing(content, name=parser_name(file.found.path)):
            while not part.future.done():
                wait([part.future], STEP_SECONDS)
                yield
            if part.export is not None:
                yield from self._ingest_part_export(file, part)
                continue
            item = corpus.imported_part(file.found, part)
            if isinstance(item, Failure):
                quotable = self._still_quotable(file)
                file.fail(item, [key for key in quotable if key == item.document_id])
                self.report.failed.append(item)
                continue
            yield from self._ingest(file, item)
            if _texts_of([file]) >= BATCH_TEXTS:
                yield from self._write_waiting(file)

    def _ingest_part_export(self, file: _File, part: FilePart) -> Iterator[None]:
        """Ingest a chat export inside a zip; a damaged one doesn't stop the others."""
        try:
            yield from self._ingest_export(file, part)
        except UnreadableError as error:
            failure = corpus.part_failure(file.found, part, error)
            self.report.failed.append(failure)
            own = f"{failure.document_id}{INSIDE}"
            file.fail(failure, [key for key in self._still_quotable(file) if key.startswith(own)])

    def _ingest_export(self, file: _File, part: FilePart | None = None) -> Iterator[None]:
        """Ingest the conversations of a chat export.

        There may be a hundred thousand conversations, so the file's record lists their ids only
        after the last conversation. Until then, an id shows its file: it begins with the file's id.
        """
        file.withheld = self.withheld.version
        for item in corpus.exported(file.found, self.withheld, part):
            yield
            if item is None:
                continue
            yield from self._ingest(file, item)
            if _texts_of([file]) >= BATCH_TEXTS:
                yield from self._write_waiting(file, recorded=False)

    def _ingest(self, file: _File, item: Document) -> Iterator[None]:
        """Cut a new or changed document, and let it wait with its file.

        If two documents have the same id, as in concatenated exports, the first counts.
        """
        if item.id in file.documents:
            return
        file.documents[item.id] = None
        if self.known.get(item.id) == document_digest(item):
            self.report.unchanged += 1
            return
        changed = item.id in self.known
        (self.report.changed if changed else self.report.added).append(item.id)
        file.cuts.append((yield from cut_in_slices(self.embedder, item)))

    def _write_waiting(self, file: _File, *, recorded: bool = True) -> Iterator[None]:
        """Store the documents that are cut so far, although their file isn't read to its end.

        If `recorded` is true, the file's record is written, too, and names these documents.
        """
        record = file.record(whole=False) if recorded and file.cuts else None
        cuts, file.cuts = file.cuts, []
        before, file.queued = file.queued, file.queued + 1

        def put_in() -> Iterator[None]:
            if record is not None and file.stored < before:
                return
            yield from index_documents(self.index, self.embedder, cuts, self.report, record=record)
            file.stored += 1

        yield from self.order.after(cuts, put_in)

    def _still_quotable(self, file: _File) -> tuple[str, ...]:
        """The ids of an unreadable file's documents that may still be quoted until it is repaired.

        Empty if the file has moved to another scope, or if it is a chat and the withheld authors
        have changed, because members could then see text that is no longer meant for them.
        """
        before = file.found.before
        if before is None or before.scope != file.found.scope:
            return ()
        return before.documents if before.withheld in ("", self.withheld.version) else ()

    def _keep_last_good(self, file: _File, reason: str) -> Iterator[None]:
        """Record a file's failure, and keep its documents that may still be quoted."""
        failure = Failure(str(file.found.path), reason, file.found.document_id)
        self.report.failed.append(failure)
        file.fail(failure, self._still_quotable(file))
        if file.found.before is not None:
            file.withheld = file.withheld or file.found.before.withheld
        gone = [key for key in file.before if key not in file.documents]
        record = file.record(whole=True)

        def take_out() -> Iterator[None]:
            if file.stored < file.queued:
                return
            yield from index_documents(
                self.index, self.embedder, [], self.report, removed=gone, record=record
            )
            self.report.removed += gone

        # After the part read before it broke off.
        yield from self.order.after([], take_out)


def _texts_of(files: Iterable[_File]) -> int:
    """The approximate number of texts to embed: each passage has at least one."""
    return sum(len(cut.passages) for file in files for cut in file.cuts)
