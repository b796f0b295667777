"""Index updates: what may be quoted is brought into the index, in slices and by one process.

Each update is an iterator: a step is a slice, after which a question may be answered. One that ends
early is taken up by the next. Functions of the core, in whose thread they run.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from bot.core.core import Core
from bot.models.serving_model import delete_left_over, take
from bot.storage.data_folder import MODEL_LOCK, exclusive
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.ingest import channels, files, pipeline
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.git.repository import forget_other_copies
from knowledge.values.documents import Kind

UPDATE_LOCK: Final = "following.lock"

# Under this the store remembers without whom chats were read when the hits on record were sifted.
WITHHELD: Final = "withheld"

# What every opening brings up to date: few and small, and read from the package and the store.
# Imported folders can be large; `commonplace index` reads those.
QUICK_KINDS: Final = frozenset({Kind.ARTICLE, Kind.NOTE})

# How often the log says how far a long update is.
TELL_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


def told(
    make: Callable[[Core], Iterator[Progress]], now: Callable[[], float] = time.monotonic
) -> Callable[[Core], Iterator[Progress]]:
    """The same update, of which the log says how far it is while it is long."""

    def steps(core: Core) -> Iterator[Progress]:
        last = now()
        for progress in make(core):
            if progress.done < progress.total and now() - last >= TELL_SECONDS:
                last = now()
                _logger.info("%d of %d documents are indexed.", progress.done, progress.total)
            yield progress

    return steps


def update(core: Core, *, retry: bool = False) -> Iterator[Progress]:
    """Bring the index up to date with every source, in slices.

    `retry` reads files that failed again, though they have not changed.
    """
    report = UpdateReport()
    yield from _update_quickly(core, report)
    yield from _update_pages(core, report)
    yield from _update_channels(core, report, check=True)
    yield from _follow(core, report, retry=retry)


def follow(core: Core) -> Iterator[Progress]:
    """Take in what changed of the imported files, in slices; no other file is read.

    While another process is at that, it is left to it: the index follows.
    """
    return _follow(core, UpdateReport(), beside=False)


def update_pages(core: Core) -> Iterator[Progress]:
    """Take in what was fetched of the web, in slices; nothing is fetched here."""
    return _update_pages(core, UpdateReport())


def _update_pages(core: Core, report: UpdateReport) -> Iterator[Progress]:
    visited = [location for location, _ in corpus.on_the_web(core.store)]
    core.pages.forget_others(visited)
    forget_other_copies(core.folder, visited)
    pages = corpus.web_pages(core.store, core.pages)
    return pipeline.update(
        core.index, core.embedder, pages, kinds={Kind.PAGE}, report=report, queue=core.work
    )


def update_channels(core: Core) -> Iterator[Progress]:
    """Take in what changed of what was read in channels, in slices."""
    return _update_channels(core, UpdateReport())


def check_channels(core: Core) -> Iterator[Progress]:
    """Take in the same, and compare the index with everything that was read before."""
    return _update_channels(core, UpdateReport(), check=True)


def _update_channels(
    core: Core, report: UpdateReport, *, check: bool = False
) -> Iterator[Progress]:
    check |= core.archive.set_channels(core.store.synced_channels.all())
    withheld = core.store.quote_opt_outs.withheld()
    yield from channels.update_channels(
        core.index, core.embedder, core.archive, withheld, report, check=check, queue=core.work
    )
    _forget_chats(core, "channels", withheld.version)


def _follow(
    core: Core, report: UpdateReport, *, retry: bool = False, beside: bool = True
) -> Iterator[Progress]:
    """Follow the imported files; unless `beside`, only if no other process is doing that."""
    with exclusive(core.folder, UPDATE_LOCK) as mine:
        if not (mine or beside):
            yield Progress(0, 0, "", report)
            return
        withheld = core.store.quote_opt_outs.withheld()
        looks = corpus.looks(
            core.store,
            core.index.tables.files(),
            retry=retry,
            withheld=withheld,
            elsewhere=core.elsewhere(),
        )
        yield from files.update_files(
            core.index, core.embedder, looks, report, withheld=withheld, queue=core.work
        )
        # Chats of other machines are read again there.
        whose = "" if core.machines is None else f" of {core.machines.machine.id}"
        _forget_chats(core, f"files{whose}", withheld.version)


def _forget_chats(core: Core, read: str, withheld: str) -> None:
    """Where others are withheld from chats than before, forget that they were quoted.

    `read` says what has been read again without them.
    """
    key = f"{WITHHELD} from {read}"
    if core.store.recall(key) != withheld:
        core.store.personal_data.forget_chats(
            lambda document_id: [
                passage.text for passage in core.index.tables.document_passages(document_id)
            ]
        )
        core.store.remember(key, withheld)


def update_own(core: Core) -> Iterator[Progress]:
    """Bring articles and notes up to date, in slices, and nothing else."""
    return _update_quickly(core, UpdateReport())


def follow_behind(core: Core) -> Iterator[None]:
    """Take in the notes that the index could not follow at once, a note a step.

    Where nobody said whether a change was kept, it is compared with all of them.
    """
    unknown = core.store.database.unknown_outcomes
    if core.compared_after != unknown:
        for _ in update_own(core):
            yield
        core.compared_after = unknown
    for note_id in sorted(core.behind):
        core.follow_note(note_id)
        yield


def update_quickly(core: Core) -> Iterator[Progress]:
    """Bring articles and notes up to date, in slices; imported files are left as they are.

    Where the index is empty, everything is read: it is new, or was begun anew.
    """
    if not core.index.tables.document_digests(Kind):
        return update(core)
    return _update_quickly(core, UpdateReport())


def _update_quickly(core: Core, report: UpdateReport) -> Iterator[Progress]:
    return update_own_of(core, core.index, core.embedder, report)


def update_own_of(
    core: Core, index: Index, embedder: Embedder, report: UpdateReport
) -> Iterator[Progress]:
    """Bring the articles and notes of an index up to date, which need not be the serving one.

    What is decided on notes between two slices is looked for again at the end: what was live when
    it began may be retired by then.
    """
    again = report
    while True:
        for progress in _put_own(core, index, embedder, again):
            yield replace(progress, report=report)
        if not again.touched:
            return
        again = UpdateReport()


def _put_own(
    core: Core, index: Index, embedder: Embedder, report: UpdateReport
) -> Iterator[Progress]:
    documents = [
        *corpus.articles(),
        *(corpus.note_document(note) for note in core.store.notes.every_live()),
    ]
    return pipeline.update(index, embedder, documents, kinds=QUICK_KINDS, report=report)


def complete(core: Core) -> None:
    """End an update: drop what is no longer used, write snapshots, let a successor serve.

    The core is closed afterwards.
    """
    core.index.tables.prune_vectors()
    core.index.save_snapshots()
    if core.wanted is None:
        take(core.folder, core.configured, core.served)
        core.compare_choices()
    core.close()
    with exclusive(core.folder, MODEL_LOCK) as mine:
        if mine:
            delete_left_over(core.folder, core.database)


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
