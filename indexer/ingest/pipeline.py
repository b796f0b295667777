"""Updates of the index from the corpus, in slices: documents are cut, embedded and stored.

`update` is a generator: each step processes and commits one slice, small enough for a question to
wait for. It can be abandoned or killed at any moment. Embedded texts stay embedded, and the next
run continues from there.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, embed_with_codes, tokens_of
from indexer.index.database import MissingVectorError, slices
from indexer.index.index import Index
from indexer.index.passage_lines import fragments
from indexer.index.written_documents import CutDocument, batch_by_transaction, document_digest
from indexer.ingest.embedding_queue import EmbeddingQueue, SetAsideError
from indexer.ingest.prepared_vectors import load_prepared
from indexer.text.passages import Passage, cut_passages
from knowledge.values.documents import Document, Failure, FileRecord, Kind

ALL_KINDS: Final = frozenset(Kind)

# Texts embedded in one step. 16 passages of MiniLM take about 0.2 s on two cores: the longest that
# a question waits behind indexing.
SLICE_TEXTS: Final = 16

# Passages cut in one step, which takes as long.
SLICE_CUT: Final = 64

# Texts that may wait for other processes; some seconds' work for several.
MOST_OUT: Final = 1_024

# The number of offered texts after which results are collected.
LOOK_TEXTS: Final = 64

# Pauses of an update that only waits for other processes.
PAUSE_SECONDS: Final = 0.05

# Characters of unchanged documents that are looked at in one step, in about 0.1 s.
SLICE_CHARACTERS: Final = 500_000

# Documents relinked in one step, in about 0.1 s.
SLICE_LINKS: Final = 256


@dataclass(slots=True)
class UpdateReport:
    """Result of an update: the ids of documents, and the failures to read a source.

    `waits` is true while the update does nothing but wait for other processes.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    moved: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passages: int = 0
    embedded: int = 0
    waits: bool = False

    @property
    def touched(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.moved)

    def __str__(self) -> str:
        moved = f"{len(self.moved)} moved, " if self.moved else ""
        return (
            f"{len(self.added)} added, {len(self.changed)} changed, {len(self.removed)} removed, "
            f"{moved}{self.unchanged} unchanged, {len(self.failed)} failed"
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of an update in documents, files or threads, with the title of the current one."""

    done: int
    total: int
    current: str
    report: UpdateReport

    @property
    def pause_seconds(self) -> float:
        """Seconds to wait before the next step."""
        return PAUSE_SECONDS if self.report.waits else 0.0


class OrderedSteps:
    """Steps of an update that need vectors, run in the order given.

    Without a queue, or without workers, each step runs at once, and its texts are embedded here.
    Otherwise its texts are offered to workers. The step runs when their vectors are back and all
    earlier steps are done. A step is skipped if workers died of one of its texts.
    """

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        report: UpdateReport,
        queue: EmbeddingQueue | None = None,
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._report = report
        self._queue = queue
        # The texts of each group of documents, and their steps.
        self._waiting: deque[tuple[deque[dict[bytes, str]], Callable[[], Iterator[None]]]] = deque()
        # Texts of waiting steps, and the number offered since results were collected.
        self._out = 0
        self._unlooked = 0
        self._left_out: SetAsideError | None = None

    def after(
        self, cuts: Iterable[CutDocument], steps: Callable[[], Iterator[None]]
    ) -> Iterator[None]:
        """Run these steps when the documents have vectors, after all earlier steps.

        A later call may run the steps, so don't change the arguments after this call.
        """
        cuts = list(cuts)
        queue = self._queue
        if queue is None or not (self._waiting or queue.is_attended(self._embedder)):
            yield from embed_documents(self._index, self._embedder, cuts, self._report)
            yield from steps()
            return
        groups: deque[dict[bytes, str]] = deque()
        for group in batch_by_transaction(cuts):
            if groups:
                yield
            groups.append(_texts(group))
            queue.offer(self._index, self._embedder, groups[-1], _whole_digests(group))
            self._out += len(groups[-1])
            self._unlooked += len(groups[-1])
        self._waiting.append((groups, steps))
        if self._unlooked >= LOOK_TEXTS:
            self._unlooked = 0
            yield from self._run_ready(queue, MOST_OUT)

    def finish(self) -> Iterator[None]:
        """Run all waiting steps; SetAsideError if any step was skipped."""
        if self._queue is not None:
            yield from self._run_ready(self._queue, 0)
        if self._left_out is not None:
            raise self._left_out

    def _run_ready(self, queue: EmbeddingQueue, most_out: int) -> Iterator[None]:
        """Run the steps whose vectors are back; wait while more than `most_out` texts are out."""
        while self._waiting:
            groups, steps = self._waiting[0]
            collected = queue.collect(self._index, self._embedder)
            self._report.embedded += collected
            try:
                still_out = queue.must_wait(self._index, self._embedder, groups[0])
            except SetAsideError as error:
                self._left_out = error
                self._out -= sum(map(len, groups))
                self._waiting.popleft()
                continue
            if not still_out:
                self._out -= len(groups.popleft())
                if groups:
                    yield
                else:
                    self._waiting.popleft()
                    yield from steps()
                continue
            if self._out <= most_out and not collected:
                return
            self._report.waits = not collected
            yield
            self._report.waits = False


def update(
    index: Index,
    embedder: Embedder,
    corpus: Iterable[Document | Failure],
    *,
    kinds: Iterable[Kind] = ALL_KINDS,
    report: UpdateReport | None = None,
    queue: EmbeddingQueue | None = None,
) -> Iterator[Progress]:
    """Bring the index up to date with the corpus, in slices; fills and returns its report.

    `corpus` yields every quotable document of these `kinds`. For an unreadable source, it yields a
    failure, and the document of this source stays in the index as it was. Documents of other kinds
    are left alone. The workers of `queue`, if there are any, embed the texts.
    """
    report = UpdateReport() if report is None else report
    known = index.tables.document_digests(kinds)
    work, seen = yield from _documents_to_index(index, known, corpus, report)
    removed = [document_id for document_id in known if document_id not in seen]
    for _ in remove_documents(index, removed):
        yield Progress(0, len(work), "", report)
    report.removed += removed
    yield Progress(0, len(work), "", report)
    done = 0
    order = OrderedSteps(index, embedder, report, queue)

    def put_in(group: list[CutDocument]) -> Iterator[None]:
        nonlocal done
        for cut in group:
            yield from index_documents(index, embedder, [cut], report)
            done += 1

    for group in _groups(embedder, work):
        if group is None:
            yield Progress(done, len(work), "", report)
            continue
        title = group[-1].document.title
        for _ in order.after(group, partial(put_in, group)):
            yield Progress(done, len(work), title, report)
        yield Progress(done, len(work), title, report)
    for _ in order.finish():
        yield Progress(done, len(work), "", report)
    yield Progress(done, len(work), "", report)


def _documents_to_index(
    index: Index,
    known: Mapping[str, str],
    corpus: Iterable[Document | Failure],
    report: UpdateReport,
) -> Generator[Progress, None, tuple[list[Document], set[str]]]:
    """The new and changed documents, and the ids of all documents that stay.

    If only a document's link has changed, as with a file at another commit, the link is stored.
    """
    work: list[Document] = []
    relinked: list[Document] = []
    seen: set[str] = set()
    characters = 0
    for item in corpus:
        if isinstance(item, Failure):
            report.failed.append(item)
            seen.add(item.document_id)
            continue
        characters += len(item.text)
        if characters >= SLICE_CHARACTERS:
            characters = 0
            yield Progress(0, 0, item.title, report)
        if item.id in seen:
            continue
        seen.add(item.id)
        if known.get(item.id) == document_digest(item):
            report.unchanged += 1
        elif item.id in known and _only_moved(index, item, known[item.id]):
            relinked.append(item)
            report.unchanged += 1
            if len(relinked) == SLICE_LINKS:
                index.tables.relink(relinked)
                relinked = []
                yield Progress(0, 0, item.title, report)
        else:
            work.append(item)
            (report.changed if item.id in known else report.added).append(item.id)
    index.tables.relink(relinked)
    return work, seen


def _only_moved(index: Index, document: Document, digest: str) -> bool:
    before = index.tables.link(document.id)
    return before != document.link and document_digest(replace(document, link=before)) == digest


def _groups(
    embedder: Embedder, documents: Iterable[Document]
) -> Iterator[list[CutDocument] | None]:
    """Cut documents, and group short ones, because a short document alone leaves cores idle.

    Yields None between two steps of cutting a long document.
    """
    group: list[CutDocument] = []
    filled = 0
    for document in documents:
        cut = yield from cut_in_slices(embedder, document)
        size = len(_texts([cut]))
        if group and filled + size > SLICE_TEXTS:
            yield group
            group, filled = [], 0
        group.append(cut)
        filled += size
    if group:
        yield group


def index_document(index: Index, embedder: Embedder, document: Document) -> None:
    """Index one document at once, without steps."""
    for _ in index_in_slices(index, embedder, document, UpdateReport()):
        pass


def index_in_slices(
    index: Index, embedder: Embedder, document: Document, report: UpdateReport
) -> Iterator[None]:
    """Cut, embed and store one document, one slice in each step."""
    cut = yield from cut_in_slices(embedder, document)
    yield from index_documents(index, embedder, [cut], report)


def cut_in_slices(embedder: Embedder, document: Document) -> Generator[None, None, CutDocument]:
    """Cut a document into passages and make their links, a few in each step.

    Up to `PART_PASSAGES` are stored in one step, so all else that takes long is done here.
    """
    found: list[Passage] = []
    for passage in cut_passages(document, embedder.count_tokens, embedder.max_tokens):
        if passage is None:
            yield
            continue
        _ = passage.words, passage.digests
        found.append(passage)
        if len(found) % SLICE_CUT == 0:
            yield
    linked: list[str] = []
    for fragment in fragments(document, found):
        if fragment is not None:
            linked.append(fragment)
        if fragment is None or len(linked) % SLICE_CUT == 0:
            yield
    known = zip(found, linked, strict=True)
    return CutDocument(
        document,
        tuple(found),
        {passage.position: fragment for passage, fragment in known if fragment},
    )


def cut_and_embed(
    embedder: Embedder, document: Document
) -> Generator[None, None, tuple[CutDocument, list[NDArray[np.float32]], list[bytes]]]:
    """Cut and embed a document for an `IndexOverlay`, one slice in each step. Store nothing.

    Returns for each passage the vectors of its text and its windows, (n, d), and its token codes.
    """
    cut = yield from cut_in_slices(embedder, document)
    # As in the index: a passage that is its own window has its vector once.
    texts = [
        [passage.embedded, *(window for window in passage.windows if window != passage.embedded)]
        for passage in cut.passages
    ]
    distinct = list(dict.fromkeys(chain.from_iterable(texts)))
    vectors: dict[str, NDArray[np.float32]] = {}
    codes: dict[str, bytes] = {}
    for start in range(0, len(distinct), SLICE_TEXTS):
        some = distinct[start : start + SLICE_TEXTS]
        embedded, coded = embed_with_codes(embedder, some)
        vectors.update(zip(some, embedded, strict=True))
        codes.update(zip(some, coded, strict=True))
        yield
    wholes = [np.stack([vectors[text] for text in own]) for own in texts]
    return cut, wholes, [codes[own[0]] for own in texts]


def embed_documents(
    index: Index, embedder: Embedder, cuts: Iterable[CutDocument], report: UpdateReport
) -> Iterator[None]:
    """Embed the missing texts of several documents, batched by length, a slice in each step."""
    for group in batch_by_transaction(cuts):
        vectors, codes = yield from _embed(index, embedder, group, report)
        if vectors:
            index.tables.store_vectors(vectors, codes)
            yield


def index_documents(
    index: Index,
    embedder: Embedder,
    cuts: Sequence[CutDocument],
    report: UpdateReport,
    *,
    removed: Sequence[str] = (),
    record: FileRecord | None = None,
) -> Iterator[None]:
    """Embed the missing texts of documents, and store the documents in one transaction.

    The transaction also stores the vectors of the last slice, deletes `removed` documents and
    stores `record`. With more passages than one transaction should have, others come before it,
    each in a step. Until the last one, the file and its documents count as changed.
    """
    *before, last = batch_by_transaction(cuts)
    replaced = [cut.document.id for cut in cuts]
    if before or index.tables.is_long([*removed, *replaced]):
        if record is not None:
            named = (*record.documents, *removed)
            index.tables.apply(
                [], record=replace(record, mtime_ns=None, digest="", documents=named)
            )
        yield from remove_documents(index, removed)
        removed = ()
        coded = _whole_digests(cuts)
        while index.tables.delete_some(replaced, coded):
            index.catch_up()
            yield
    for group in before:
        yield from _store(index, embedder, group, report)
        index.take_up(group[0].document.scope)
        yield
    yield from _store(index, embedder, last, report, removed, record)
    report.passages += sum(len(cut.passages) for cut in cuts)


def _store(
    index: Index,
    embedder: Embedder,
    cuts: Sequence[CutDocument],
    report: UpdateReport,
    removed: Sequence[str] = (),
    record: FileRecord | None = None,
) -> Iterator[None]:
    while True:
        vectors, codes = yield from _embed(index, embedder, cuts, report)
        try:
            index.tables.apply(cuts, removed, record, vectors=vectors, codes=codes)
        except MissingVectorError:
            # Another process ended its update meanwhile, and dropped unused vectors.
            continue
        break


def remove_documents(
    index: Index, document_ids: Sequence[str], forgotten: Sequence[str] = ()
) -> Iterator[None]:
    """Delete documents and the records of `forgotten` files, in one transaction if it is short.

    Otherwise the records are deleted first, and then the documents, some in each step.
    """
    if not index.tables.is_long(document_ids):
        index.tables.apply([], document_ids, forgotten=forgotten)
        return
    index.tables.apply([], forgotten=forgotten)
    for some in slices(document_ids):
        while index.tables.delete_some(some):
            index.catch_up()
            yield
        index.tables.apply([], some)


def _texts(cuts: Iterable[CutDocument]) -> dict[bytes, str]:
    """Every text of these documents that needs a vector, by its digest."""
    return {
        key: text
        for cut in cuts
        for passage in cut.passages
        for key, text in zip(passage.digests, (passage.embedded, *passage.windows), strict=True)
    }


def _whole_digests(cuts: Iterable[CutDocument]) -> set[bytes]:
    """The digests of whole passages. Only these texts have token codes."""
    return {passage.digests[0] for cut in cuts for passage in cut.passages}


def _embed(
    index: Index, embedder: Embedder, cuts: Sequence[CutDocument], report: UpdateReport
) -> Generator[None, None, tuple[dict[bytes, NDArray[np.float32]], dict[bytes, bytes]]]:
    """Embed the missing vectors and codes of documents, and store all but the last slice.

    Returns the last slice's vectors, (d,) each, and the codes of its passages, by digest.
    """
    texts = _texts(cuts)
    coded = _whole_digests(cuts) if tokens_of(embedder) is not None else ()
    missing = index.tables.missing_vectors(texts, coded)
    ready = load_prepared(embedder).of(missing, coded)
    if ready.vectors:
        index.tables.store_vectors(ready.vectors, ready.codes)
        missing -= ready.vectors.keys()
        yield
    wanted = [(key, text) for key, text in texts.items() if key in missing]
    # Texts of about equal length in a batch: the reference model pads them to the longest.
    wanted.sort(key=lambda pair: len(pair[1]))
    vectors: dict[bytes, NDArray[np.float32]] = {}
    codes: dict[bytes, bytes] = {}
    for start in range(0, len(wanted), SLICE_TEXTS):
        if vectors:
            index.tables.store_vectors(vectors, codes)
            yield
        some = wanted[start : start + SLICE_TEXTS]
        keys = [key for key, _ in some]
        embedded, made = embed_with_codes(embedder, [text for _, text in some])
        vectors = dict(zip(keys, embedded, strict=True))
        codes = {key: code for key, code in zip(keys, made, strict=True) if key in coded}
        report.embedded += len(some)
    return vectors, codes
