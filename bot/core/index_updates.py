"""Index updates from all sources, in slices, and the build of another model's index.

Each update is an iterator. A step is a slice, and questions are answered between slices. If an
update ends early, the next update continues the work.

The index of another model is built beside the serving one, and serves from the bot's next start.
A build changes only the new index: the channel archive goes on listing the changes that the serving
index lacks. Until the start, the bot deletes from it all documents that the serving index has lost.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from bot.core.core import Core
from bot.models.serving_model import (
    delete_leftover_indexes,
    other_indexes,
    prune_closed_indexes,
    retained_indexes,
)
from bot.storage.data_folder import MODEL_LOCK, try_lock
from bot.storage.derived_data import index_place
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.written_documents import document_digest
from indexer.ingest import channels, files, pipeline
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.discord_archive.archive import documents_of_thread
from knowledge.sources.git.repository import forget_other_copies
from knowledge.values.documents import Document, Kind, document_of_server, guild_of_server

UPDATE_LOCK: Final = "following.lock"

# Key of the store: the version of the opt-outs at which quoted chats were last deleted.
WITHHELD: Final = "withheld"

# Updated at every opening, because they are few and small. Imported folders can be large.
QUICK_KINDS: Final = frozenset({Kind.ARTICLE, Kind.NOTE})

# Interval between progress lines in the log.
PROGRESS_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


def with_progress_logged(
    make: Callable[[Core], Iterator[Progress]], now: Callable[[], float] = time.monotonic
) -> Callable[[Core], Iterator[Progress]]:
    """Wrap an update to log its progress."""

    def steps(core: Core) -> Iterator[Progress]:
        last = now()
        for progress in make(core):
            if progress.done < progress.total and now() - last >= PROGRESS_SECONDS:
                last = now()
                _logger.info("%d of %d documents are indexed.", progress.done, progress.total)
            yield progress

    return steps


def update(core: Core, *, retry: bool = False) -> Iterator[Progress]:
    """Update the index from every source, in slices.

    With `retry`, files that failed before are read again.
    """
    report = UpdateReport()
    yield from update_notes_and_articles(core, report)
    yield from update_pages(core, report)
    yield from update_channels(core, report, check=True)
    yield from update_files(core, report, retry=retry, exclusive=False)


def compare_server(core: Core, guild_id: int, documents: Sequence[Document]) -> list[Document]:
    """Delete all other documents on a server from the index; return new and changed ones."""
    keep_of_server(core, guild_id, [document.id for document in documents])
    known = core.index.tables.digests_under(document_of_server(guild_id, ""))
    return [each for each in documents if known.get(each.id) != document_digest(each)]


def guilds_with_documents(core: Core) -> set[int]:
    """The guilds with documents on themselves in the index."""
    return {guild_of_server(scope) for scope in core.index.tables.documents_by_scope(Kind.SERVER)}


def index_of_server(document: Document, core: Core) -> Iterator[None]:
    """Index a document on a server, in slices."""
    return pipeline.index_in_slices(core.index, core.embedder, document, UpdateReport())


def keep_of_server(core: Core, guild_id: int, document_ids: Collection[str]) -> None:
    """Delete all documents on a server from the index, except these."""
    known = core.index.tables.digests_under(document_of_server(guild_id, ""))
    core.index.tables.apply([], [each for each in known if each not in document_ids])


def update_pages(core: Core, report: UpdateReport | None = None) -> Iterator[Progress]:
    """Index the web pages fetched so far, in slices."""
    visited = [location for location, _ in corpus.on_the_web(core.store)]
    core.pages.forget_others(visited)
    forget_other_copies(core.folder, visited)
    pages, report = corpus.web_pages(core.store, core.pages), report or UpdateReport()
    return pipeline.update(
        core.index, core.embedder, pages, kinds={Kind.PAGE}, report=report, queue=core.work
    )


def update_channels(
    core: Core, report: UpdateReport | None = None, *, check: bool = False
) -> Iterator[Progress]:
    """Index the changes of synced channels, in slices.

    With `check`, also index threads that are missing or outdated in the index.
    """
    report = report or UpdateReport()
    check |= core.archive.set_channels(core.store.synced_channels.all())
    withheld = core.store.quote_opt_outs.withheld()
    yield from channels.update_channels(
        core.index, core.embedder, core.archive, withheld, report, check=check, queue=core.work
    )
    _delete_opted_out_quotations(core, "channels", withheld.version)


def check_channels(core: Core) -> Iterator[Progress]:
    return update_channels(core, check=True)


def update_files(
    core: Core, report: UpdateReport | None = None, *, retry: bool = False, exclusive: bool = True
) -> Iterator[Progress]:
    """Index the changed imported files, in slices.

    With `exclusive`, do nothing while another process indexes them. With `retry`, files that failed
    before are read again.
    """
    report = report or UpdateReport()
    with try_lock(core.folder, UPDATE_LOCK) as mine:
        if exclusive and not mine:
            yield Progress(0, 0, "", report)
            return
        withheld = core.store.quote_opt_outs.withheld()
        looks = corpus.scan_files(
            core.store,
            core.index.tables.files(),
            retry=retry,
            withheld=withheld,
            elsewhere=core.elsewhere(),
        )
        yield from files.update_files(
            core.index, core.embedder, looks, report, withheld=withheld, queue=core.work
        )
        # Each machine reads its own chats again.
        whose = "" if core.machines is None else f" of {core.machines.machine.id}"
        _delete_opted_out_quotations(core, f"files{whose}", withheld.version)


def _delete_opted_out_quotations(core: Core, sources: str, version: str) -> None:
    """Delete recorded quotations of members who opted out since the last call for `sources`.

    Call this after the index was updated from these sources, without these members' messages.
    `version` identifies the current opt-outs.
    """
    key = f"{WITHHELD} from {sources}"
    if core.store.recall(key) != version:
        core.store.personal_data.forget_chats(
            lambda document_id: [
                passage.text for passage in core.index.tables.document_passages(document_id)
            ]
        )
        core.store.remember(key, version)


def update_notes_and_articles(core: Core, report: UpdateReport | None = None) -> Iterator[Progress]:
    """Update articles and notes only, in slices."""
    return update_notes_and_articles_of(core, core.index, core.embedder, report or UpdateReport())


def update_unindexed_notes(core: Core) -> Iterator[None]:
    """Index the core's `unindexed_notes`, one note in each slice.

    If the outcome of a commit is unknown, all notes are first compared with the index.
    """
    unknown = core.store.database.unknown_outcomes
    if core.compared_after != unknown:
        for _ in update_notes_and_articles(core):
            yield
        core.compared_after = unknown
    for note_id in sorted(core.unindexed_notes):
        core.index_note(note_id)
        yield


def update_quickly(core: Core) -> Iterator[Progress]:
    """Update articles and notes, in slices, or everything if the index is empty."""
    if not core.index.tables.document_digests(Kind):
        return update(core)
    return update_notes_and_articles(core)


def update_notes_and_articles_of(
    core: Core, index: Index, embedder: Embedder, report: UpdateReport
) -> Iterator[Progress]:
    """Update the articles and notes of any index, in slices.

    Repeats until nothing changes, because moderators may decide on notes between two slices.
    """
    again = report
    while True:
        notes = map(corpus.note_document, core.store.notes.every_live())
        documents = [*corpus.articles(), *notes]
        steps = pipeline.update(index, embedder, documents, kinds=QUICK_KINDS, report=again)
        for progress in steps:
            yield replace(progress, report=report)
        if not again.touched:
            return
        again = UpdateReport()


def complete_update(core: Core) -> None:
    """End an update: save the index, close the core, and delete indexes that are no longer used."""
    core.index.tables.prune_vectors()
    core.index.save_snapshots()
    core.close()
    with try_lock(core.folder, MODEL_LOCK) as mine:
        if mine:
            delete_leftover_indexes(core.folder, core.database)


def run_to_end(
    steps: Iterator[Progress], show: Callable[[Progress], None] | None = None
) -> UpdateReport:
    report = UpdateReport()
    for progress in steps:
        report = progress.report
        if show is not None:
            show(progress)
        time.sleep(progress.pause_seconds)
    return report


# The index of another model.


def build(core: Core, index: Index, embedder: Embedder) -> Iterator[Progress]:
    """Index every source, in slices; continue an interrupted build."""
    report = UpdateReport()
    yield from update_notes_and_articles_of(core, index, embedder, report)
    pages = corpus.web_pages(core.store, core.pages)
    yield from pipeline.update(index, embedder, pages, kinds={Kind.PAGE}, report=report)
    yield from _build_channels(core, index, embedder, report)
    withheld = core.store.quote_opt_outs.withheld()
    looks = corpus.scan_files(
        core.store, index.tables.files(), withheld=withheld, elsewhere=core.elsewhere()
    )
    yield from files.update_files(index, embedder, looks, report, withheld=withheld)


def _build_channels(
    core: Core, index: Index, embedder: Embedder, report: UpdateReport
) -> Iterator[Progress]:
    """Index every thread, because the archive lists changes for the serving index only."""
    withheld = core.store.quote_opt_outs.withheld()
    known = index.tables.document_digests({Kind.CHANNEL})
    threads = list(core.archive.threads.complete_ids())
    seen: set[str] = set()
    for done, thread_id in enumerate(threads):
        for document in documents_of_thread(core.archive, thread_id, withheld):
            if document is None or document.id in seen:
                continue
            seen.add(document.id)
            if known.get(document.id) == document_digest(document):
                report.unchanged += 1
                continue
            (report.changed if document.id in known else report.added).append(document.id)
            for _ in pipeline.index_in_slices(index, embedder, document, report):
                yield Progress(done, len(threads), document.title, report)
        yield Progress(done + 1, len(threads), "", report)
    gone = [document_id for document_id in known if document_id not in seen]
    index.tables.apply([], gone)
    report.removed += gone


def prune_kept_indexes(core: Core) -> None:
    """Delete documents from all other indexes if the serving index no longer has them."""
    generation = core.index.generation
    if core.pruned_at == generation:
        return
    with try_lock(core.folder, MODEL_LOCK) as mine:
        # An index under construction is left to its builder; kept ones are always pruned.
        others = other_indexes(core.folder, core.database) if mine else []
    names = {*retained_indexes(core.folder), *others} - {core.served.index}
    places = [index_place(core.folder, name, core.database) for name in sorted(names)]
    prune_closed_indexes(core.index.tables, places)
    core.pruned_at = generation
