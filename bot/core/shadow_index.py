"""Shadow index: the index of another model, built in slices beside the serving one.

A build changes only the new index. The channel archive goes on listing the changes that the serving
index lacks. Before the new index serves, `catch_up` deletes from it all documents that the serving
index has lost. So members' deletions during the build take effect.
"""

from collections.abc import Iterator

from bot.core.core import Core
from bot.core.index_updates import update_notes_and_articles_of
from bot.models.index_pruning import prune_index
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.written_documents import document_digest
from indexer.ingest import files, pipeline
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.discord_archive.documents import documents_of_thread
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


def catch_up(core: Core, index: Index, embedder: Embedder) -> Iterator[Progress]:
    """Delete documents that the serving index has lost, and update articles and notes.

    The first update after the switch indexes all other changes.
    """
    report = UpdateReport()
    for document_ids in prune_index(core.index.tables, index.tables):
        report.removed += document_ids
        yield Progress(0, 0, "", report)
    yield from update_notes_and_articles_of(core, index, embedder, report)


def read_ahead(serving: Index, other: Index) -> Iterator[None]:
    """Load into `other` the scopes that `serving` has in memory, one scope in each slice."""
    for scope in other.tables.changes.states():
        if serving.is_resident(scope):
            other.postings([scope])
            yield
