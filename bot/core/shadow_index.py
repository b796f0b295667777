"""Shadow index: the index of another model, built beside the serving one and kept from being wrong.

It is built from the same sources, in slices, and nothing is written but its own file: what the
archive of channels and the store remember of the serving index stays true. Before it answers, what
the serving index no longer says is taken out of it; so nothing that was deleted meanwhile is ever
answered from it, nor from an earlier one that serves again.
"""

from collections.abc import Iterator

from bot.core.core import Core
from bot.core.index_updates import update_own_of
from bot.models.kept_indexes import drop_gone
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from indexer.index.written_documents import document_digest
from indexer.ingest import files, pipeline
from indexer.ingest.pipeline import Progress, UpdateReport
from knowledge import corpus
from knowledge.channels.documents import documents_of_thread
from knowledge.values.documents import Kind


def build(core: Core, index: Index, embedder: Embedder) -> Iterator[Progress]:
    """Bring an index that does not serve up to everything that may be quoted, in slices.

    It goes on where an earlier one ended; where nothing has changed since, it is quick.
    """
    report = UpdateReport()
    yield from update_own_of(core, index, embedder, report)
    pages = corpus.web_pages(core.store, core.pages)
    yield from pipeline.update(index, embedder, pages, kinds={Kind.PAGE}, report=report)
    yield from _update_channels(core, index, embedder, report)
    withheld = core.store.quote_opt_outs.withheld()
    looks = corpus.looks(
        core.store, index.tables.files(), withheld=withheld, elsewhere=core.elsewhere()
    )
    yield from files.update_files(index, embedder, looks, report, withheld=withheld)


def _update_channels(
    core: Core, index: Index, embedder: Embedder, report: UpdateReport
) -> Iterator[Progress]:
    """Put in what channels gave, thread by thread; the archive's marks are the serving index's."""
    withheld = core.store.quote_opt_outs.withheld()
    known = index.tables.document_digests({Kind.CHANNEL})
    threads = list(core.archive.threads.whole())
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
            for _ in pipeline.put_in_slices(index, embedder, document, report):
                yield Progress(done, len(threads), document.title, report)
        yield Progress(done + 1, len(threads), "", report)
    gone = [document_id for document_id in known if document_id not in seen]
    index.tables.apply([], gone)
    report.removed += gone


def catch_up(core: Core, index: Index, embedder: Embedder) -> Iterator[Progress]:
    """Make an index fit to answer: nothing that is gone is in it, articles and notes are.

    What else has changed comes with the next updates, which are the serving index's by then.
    """
    report = UpdateReport()
    for document_ids in drop_gone(core.index.tables, index.tables):
        report.removed += document_ids
        yield Progress(0, 0, "", report)
    yield from update_own_of(core, index, embedder, report)


def read_ahead(serving: Index, other: Index) -> Iterator[None]:
    """Read into memory of an index what is in memory of the serving one, a scope a step."""
    for scope in other.tables.changes.states():
        if serving.is_resident(scope):
            other.postings([scope])
            yield
