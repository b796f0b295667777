"""Channel ingest: updates of the index from the archive of synced channels, by thread.

`update_channels` is a generator like `pipeline.update`: it can be paused after any step for a
question, and abandoned or killed at any moment. A thread's documents are written to the index first
and recorded in the archive afterwards; until then the thread counts as changed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
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
)
from knowledge.chat.conversations import THREAD_MESSAGES, Message
from knowledge.discord_archive.archive import (
    ArchivedChannel,
    ChannelArchive,
    message_document,
    prefix,
    thread_documents,
    thread_of,
)
from knowledge.discord_archive.messages import Thread
from knowledge.files.reader import PARSERS_VERSION
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import Kind

KINDS: Final = frozenset({Kind.CHANNEL})

# The archive's key for the parsers and opt-outs that its documents were made with.
_VERSION: Final = "made by"
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def update_channels(
    index: Index,
    embedder: Embedder,
    archive: ChannelArchive,
    withheld: Withheld,
    report: UpdateReport,
    *,
    check: bool = False,
    queue: EmbeddingQueue | None = None,
) -> Iterator[Progress]:
    """Bring the index up to date with the archive of channels, in slices counted in threads.

    With `check`, the index is compared with the archive's records. They differ if the index was
    replaced, or the process was killed between writing a thread's documents and recording them.
    """
    for _ in _drop_opted_out(index, archive, withheld):
        yield Progress(0, 0, "", report)
    changed = set(archive.threads.changed())
    if check:
        changed |= _threads_to_index(index, archive, report)
    yield Progress(0, len(changed), "", report)
    order = OrderedSteps(index, embedder, report, queue)
    for done, thread_id in enumerate(sorted(changed)):
        thread = archive.threads.get(thread_id)
        channel = archive.channel(thread.channel_id) if thread is not None else None
        if thread is None or channel is None:
            continue
        title = thread.name or channel.name
        found = _ThreadUpdate(
            index, embedder, archive, channel, thread, archive.threads.changes(thread.id), report
        )
        for _ in found.steps(withheld, order):
            yield Progress(done, len(changed), title, report)
        yield Progress(done + 1, len(changed), title, report)
    for _ in order.finish():
        yield Progress(len(changed), len(changed), "", report)


def _drop_opted_out(index: Index, archive: ChannelArchive, withheld: Withheld) -> Iterator[None]:
    """Bring the archive up to date with the opt-outs and the version of the parsers.

    If neither has changed since the last update, nothing happens. Otherwise the messages of authors
    who opted out are deleted, and every thread is marked as changed, so that its documents are made
    again.
    """
    version = f"{PARSERS_VERSION} {withheld.version}"
    if archive.recall(_VERSION) == version:
        return
    # Authors whose messages were left out may be quoted again.
    archive.refetch_lacking()
    for author_id, author in archive.messages.authors():
        if Message(0, author_id, author, _NEVER, "") not in withheld:
            continue
        found = archive.messages.threads_of(archive.messages.of_author(author_id, author))
        for thread_id, message_ids in found.items():
            archive.messages.forget(message_ids)
            archive.threads.mark_lacking([thread_id])
            withdraw(index, archive, withheld, thread_id, message_ids)
            yield
    archive.threads.mark_all_changed()
    archive.remember(_VERSION, version)


def _threads_to_index(index: Index, archive: ChannelArchive, report: UpdateReport) -> set[int]:
    """Delete documents that the archive doesn't list; return the threads to index again."""
    there = index.tables.document_digests(KINDS)
    recorded = archive.threads.every_document()
    ownerless = [document_id for document_id in there if document_id not in recorded]
    if ownerless:
        index.tables.apply([], ownerless)
        report.removed += ownerless
    lacking = (key for key, digest in recorded.items() if there.get(key) != digest)
    report.unchanged += sum(there.get(key) == digest for key, digest in recorded.items())
    # An ownerless document may have been about to be recorded, so its thread is updated, too.
    return {thread for key in (*lacking, *ownerless) if (thread := thread_of(key)) is not None}


@dataclass(frozen=True, slots=True)
class _ThreadUpdate:
    """An update of one thread's documents.

    `changes` is the thread's number of changes when the update began.
    """

    index: Index
    embedder: Embedder
    archive: ChannelArchive
    channel: ArchivedChannel
    thread: Thread
    changes: int
    report: UpdateReport

    def steps(self, withheld: Withheld, order: OrderedSteps) -> Iterator[None]:
        """Write the thread's documents, delete old ones, and record both in the archive."""
        known = self.index.tables.digests_under(prefix(self.channel.id, self.thread.id))
        made: dict[str, str] = {}
        out: set[str] = set()
        for document in thread_documents(self.archive, self.channel, self.thread, withheld):
            yield
            if self._has_changed():
                return
            if document is None or document.id in made:
                continue
            made[document.id] = digest = document_digest(document)
            if known.get(document.id) == digest:
                continue
            changed = document.id in known
            (self.report.changed if changed else self.report.added).append(document.id)
            cut = yield from cut_in_slices(self.embedder, document)
            out.add(document.id)
            yield from order.after([cut], partial(self._write, cut, out))
        gone = [document_id for document_id in known if document_id not in made]
        yield from order.after([], partial(self._finish, gone, made, out))

    def _write(self, cut: CutDocument, out: set[str]) -> Iterator[None]:
        if self._has_changed():
            return
        yield from index_documents(self.index, self.embedder, [cut], self.report)
        out.discard(cut.document.id)
        if self._has_changed():
            # During the embedding, a part of it may have been deleted. This is still the step that
            # put it in, so nobody has seen it.
            self.index.tables.apply([], [cut.document.id])

    def _finish(self, gone: list[str], made: dict[str, str], out: set[str]) -> Iterator[None]:
        # The next update adds the left-out documents: the thread counts as changed until then.
        if out or self._has_changed():
            return
        if gone:
            self.index.tables.apply([], gone)
            self.report.removed += gone
        self.archive.threads.keep_documents(self.thread.id, made, self.changes)
        yield from ()

    def _has_changed(self) -> bool:
        return self.archive.threads.changes(self.thread.id) != self.changes


def withdraw(
    index: Index,
    archive: ChannelArchive,
    withheld: Withheld,
    thread_id: int,
    message_ids: Collection[int],
) -> list[str]:
    """Delete the documents of a thread that quote deleted messages; returns their ids.

    Nothing is embedded. The next `update_channels` makes these documents again from what is left.
    """
    thread = archive.threads.get(thread_id)
    channel = archive.channel(thread.channel_id) if thread is not None else None
    if thread is None or channel is None:
        return []
    known = index.tables.digests_under(prefix(channel.id, thread_id))
    if thread_id == channel.id:
        own = [message_document(channel.id, message_id) for message_id in message_ids]
        stale = [document_id for document_id in own if document_id in known]
    else:
        # A long thread can't be read in one step.
        is_long = archive.messages.count(thread.id) > THREAD_MESSAGES
        made = [] if is_long else thread_documents(archive, channel, thread, withheld)
        now = {document.id: document_digest(document) for document in made if document}
        stale = [key for key, digest in known.items() if now.get(key) != digest]
    if stale:
        index.tables.apply([], stale)
    return stale
