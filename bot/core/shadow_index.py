"""Shadow index: the index of another model, built in slices beside the serving one.

A build changes only the new index. The channel archive goes on listing the changes that the serving
index lacks. The new index serves from the bot's next start. Until then, the bot deletes from it all
documents that the serving index has lost.
"""

from collections.abc import Iterator

from bot.core.core import Core
from bot.core.index_updates import update_notes_and_articles_of
from bot.models.index_pruning import prune_closed_indexes
from bot.models.serving_model import other_indexes, retained_indexes
from bot.storage.data_folder import MODEL_LOCK, try_lock
from bot.storage.index_places import index_place
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.written_documents import document_digest
from indexer.ingest import files, pipeline
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.discord_archive.archive import documents_of_thread
from knowledge.values.documents import Kind


def build(core: Core, index: Index, embedder: Embedder) -> Iterator[Progress]:
    """Index every source, in slices; continue an interrupted build."""
    report = UpdateReport()
    yield from update_notes_and_articles_of(core, index, embedder, report)
    pages = corpus.web_pages(core.store, core.pages)
    yield from pipeline.update(index, embedder, pages, kinds={Kind.PAGE}, report=report)
    yield from _update_channels(core, index, embedder, report)
    withheld = core.store.quote_opt_outs.withheld()
    looks = corpus.scan_files(
        core.store, index.tables.files(), withheld=withheld, elsewhere=core.elsewhere()
    )
    yield from files.update_files(index, embedder, looks, report, withheld=withheld)


def _update_channels(
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
