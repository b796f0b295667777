"""Updates of the index: nothing is embedded twice, and they can be killed at any moment."""

import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError, Place
from indexer.index.index import Index
from indexer.index.written_documents import CutDocument
from indexer.ingest.pipeline import (
    SLICE_TEXTS,
    Progress,
    UpdateReport,
    cut_and_embed,
    index_document,
    index_documents,
    update,
)
from indexer.text.passages import passages
from knowledge.values.documents import SHARED, Document, Failure, Kind
from tests.fakes import CodedEmbedder, WordEmbedder

ROOT = Path(__file__).parents[3]


def _open(folder: Place, embedder: WordEmbedder) -> Index:
    return Index(
        folder, model=embedder.model, dimension=embedder.dimension, max_tokens=embedder.max_tokens
    )


def _document(name: str, text: str, kind: Kind = Kind.FILE) -> Document:
    return Document(f"{kind.value}:{name}", SHARED, kind, name, text)


def _long(name: str, sections: int = SLICE_TEXTS * 2 + 3) -> Document:
    """A document that takes several slices."""
    parts = (f"# Part {n}\n\nThis is {name}, part {n}." for n in range(sections))
    return _document(name, "\n\n".join(parts))


def _run(
    index: Index, embedder: WordEmbedder, corpus: Sequence[Document | Failure], **options: object
) -> UpdateReport:
    steps = list(update(index, embedder, corpus, **options))  # type: ignore[arg-type]
    return steps[-1].report


def _content(index: Index, embedder: WordEmbedder) -> list[tuple[str, str, str, float]]:
    """Everything that can be found, without ids."""
    vector = embedder.embed_queries(["this is part 3"])[0]
    found = index.nearest(vector, 1_000, [SHARED])
    stored = index.passages([key for key, _ in found])
    return sorted(
        (stored[key].document_id, stored[key].heading, stored[key].text, round(cosine, 4))
        for key, cosine in found
    )


OLD = [_document("kept", "The same."), _document("edited", "Before."), _document("gone", "Bye.")]
NEW = [_document("kept", "The same."), _document("edited", "After."), _long("long"), _long("more")]


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)


def test_failing_source_keeps_its_passages(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, OLD)
        failure = Failure("/edited.md", "is empty.", "file:edited")
        report = _run(index, embedder, [OLD[0], failure])
        assert report.failed == [failure]
        assert report.removed == ["file:gone"]
        assert [passage.text for passage in index.tables.document_passages("file:edited")] == [
            "Before."
        ]


def test_the_report_counts_every_outcome(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, OLD)
        report = _run(index, embedder, [*NEW, Failure("/x.md", "is empty.", "file:/x.md")])
    assert report.added == ["file:long", "file:more"]
    assert report.changed == ["file:edited"]
    assert report.removed == ["file:gone"]
    assert report.unchanged == 1
    assert str(report) == "2 added, 1 changed, 1 removed, 1 unchanged, 1 failed"
    assert report.passages == 1 + 2 * (SLICE_TEXTS * 2 + 3)


def test_an_empty_corpus_empties_the_index(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, OLD)
        _run(index, embedder, [])
        assert index.tables.counts([SHARED]) == {"documents": 0, "passages": 0}


def test_documents_of_other_kinds_are_left_alone(tmp_path: Path, embedder: WordEmbedder) -> None:
    article = _document("a", "An article.", Kind.ARTICLE)
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, [*OLD, article])
        report = _run(index, embedder, [], kinds={Kind.ARTICLE})
        assert report.removed == ["article:a"]
        assert index.tables.counts([SHARED])["documents"] == len(OLD)


def test_a_repeated_document_is_indexed_once(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        report = _run(index, embedder, [OLD[0], OLD[0]])
        assert report.added == ["file:kept"]
        assert index.tables.counts([SHARED]) == {"documents": 1, "passages": 1}


def test_an_unchanged_corpus_is_not_embedded_again(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, NEW)
        generation = index.generation
        embedder.calls.clear()
        report = _run(index, embedder, NEW)
        assert embedder.texts == []
        assert (report.unchanged, report.embedded) == (len(NEW), 0)
        assert index.generation == generation


def test_only_the_changed_section_is_embedded(tmp_path: Path, embedder: WordEmbedder) -> None:
    before = _long("long")
    after = replace(before, text=before.text.replace("This is long, part 7.", "Edited."))
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, [before])
        embedder.calls.clear()
        _run(index, embedder, [after])
    assert embedder.texts == ["long\nPart 7\nEdited."]


def test_equal_passages_are_embedded_once(tmp_path: Path, embedder: WordEmbedder) -> None:
    one = Document("file:a", SHARED, Kind.FILE, "T", "The same words.")
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, [one, replace(one, id="file:b")])
        assert index.tables.counts([SHARED])["passages"] == 2
    assert embedder.texts == ["T\nThe same words."]


def test_a_change_of_citation_alone_embeds_nothing(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, OLD)
        embedder.calls.clear()
        _run(index, embedder, [replace(OLD[0], link="https://a.org/"), *OLD[1:]])
        assert index.tables.document_passages("file:kept")[0].link == "https://a.org/"
    assert embedder.texts == []


def test_no_slice_embeds_more_than_its_share(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, NEW)
    assert max(len(call) for call in embedder.calls) == SLICE_TEXTS


def test_long_unchanged_documents_take_steps(tmp_path: Path, embedder: WordEmbedder) -> None:
    text = "The same words.\n" * 20_000
    corpus = [_document(str(number), text) for number in range(10)]
    looked: list[str] = []

    def look() -> Iterator[Document]:
        for document in corpus:
            looked.append(document.id)
            yield document

    with _open(tmp_path, embedder) as index:
        _run(index, embedder, corpus)
        after = [len(looked) for _ in update(index, embedder, look())]
    steps = [later - earlier for earlier, later in itertools.pairwise([0, *after])]
    assert sum(steps) == len(corpus)
    assert max(steps) <= 2


def test_progress_counts_documents_with_work(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        steps: list[Progress] = list(update(index, embedder, NEW))
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, len(NEW))
    assert {step.total for step in steps} == {len(NEW)}


def test_abandoned_update_is_resumed_with_the_same_result(tmp_path: Path) -> None:
    """Everything embedded before the stop is kept, with its codes."""
    embedder = CodedEmbedder(64)
    with _open(tmp_path / "whole", embedder) as index:
        _run(index, embedder, OLD)
        embedder.calls.clear()
        steps = len(list(update(index, embedder, NEW)))
        whole, codes = _content(index, embedder), _codes(index)
        texts = sorted(embedder.texts[:-1])
    assert steps > 8
    for stop in range(steps):
        folder = tmp_path / str(stop)
        with _open(folder, embedder) as index:
            _run(index, embedder, OLD)
            embedder.calls.clear()
            for _ in itertools.islice(update(index, embedder, NEW), stop):
                pass
        with _open(folder, embedder) as index:
            _run(index, embedder, NEW)
            assert sorted(embedder.texts) == texts
            assert _content(index, embedder) == whole
            assert _codes(index) == codes


def test_corpus_that_breaks_changes_nothing(tmp_path: Path, embedder: WordEmbedder) -> None:
    def broken() -> object:
        yield NEW[0]
        raise OSError("the disk is gone")

    with _open(tmp_path, embedder) as index:
        _run(index, embedder, OLD)
        before = _content(index, embedder)
        with pytest.raises(OSError, match="the disk is gone"):
            list(update(index, embedder, broken()))  # type: ignore[arg-type]
        assert _content(index, embedder) == before


CHILD = """
    import sys, time
    from pathlib import Path
    from indexer.index.index import Index
    from indexer.ingest.pipeline import update
    from knowledge.values.documents import Document, Kind, SHARED
    from tests.fakes import WordEmbedder

    embedder = WordEmbedder(64)
    index = Index(Path(sys.argv[1]), model="words", dimension=64, max_tokens=256)
    corpus = [
        Document(
            f"file:{n}",
            SHARED,
            Kind.FILE,
            f"d{n}",
            f"# A\\n\\nThis is {n}.\\n\\n# B\\n\\nPart {n}.",
        )
        for n in range(150)
    ]
    print("started", flush=True)
    for _ in update(index, embedder, corpus):
        pass
    print("done", flush=True)
"""


def test_killed_update_resumes_with_the_same_result(tmp_path: Path, embedder: WordEmbedder) -> None:
    """A real process and SIGKILL."""
    corpus = [_document(str(n), f"# A\n\nThis is {n}.\n\n# B\n\nPart {n}.") for n in range(150)]
    corpus = [replace(document, title=f"d{document.title}") for document in corpus]
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path / "killed")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "started\n"
        time.sleep(random.uniform(0.02, 0.25))  # noqa: S311 - any moment will do
        child.send_signal(signal.SIGKILL)
        child.wait()
    with _open(tmp_path / "killed", embedder) as index:
        before = index.tables.counts([SHARED])["documents"]
        report = _run(index, embedder, corpus)
        assert report.unchanged == before
        assert len(embedder.texts) <= 2 * (len(corpus) - before)
        resumed = _content(index, embedder)
    with _open(tmp_path / "whole", embedder) as index:
        _run(index, embedder, corpus)
        assert resumed == _content(index, embedder)


def test_another_way_of_cutting_replaces_documents_and_embeds_nothing_twice(
    tmp_path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, [_document("a", "one two"), _document("b", "three")])
        monkeypatch.setattr("indexer.index.written_documents.CUTTING", 1_000)
        report = _run(index, embedder, [_document("a", "one two"), _document("b", "three")])
        assert (report.changed, report.embedded) == (["file:a", "file:b"], 0)


def test_early_pruned_vector_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may prune vectors that no passage uses yet."""
    monkeypatch.setattr("indexer.ingest.pipeline.SLICE_TEXTS", 1)
    embedder = WordEmbedder()
    documents = [_document("a", "One sentence."), _document("b", "Another sentence.")]
    cuts = [CutDocument(one, tuple(passages(one, embedder.count_tokens, 256))) for one in documents]
    with _open(tmp_path, embedder) as index:
        steps = index_documents(index, embedder, cuts, UpdateReport())
        next(steps)
        assert index.tables.prune_vectors() == 1
        list(steps)
        stored = [index.tables.document_passages(one.id)[0].text for one in documents]
    assert stored == ["One sentence.", "Another sentence."]
    assert embedder.texts == [cut.passages[0].embedded for cut in cuts] * 2


def test_a_short_document_and_its_vectors_are_one_transaction(tmp_path: Path) -> None:
    """After a failure neither is stored, and no codes."""
    embedder = CodedEmbedder()
    with _open(tmp_path, embedder) as index:
        index.tables.db.run("drop table passage_vectors")
        with pytest.raises(IndexWriteError, match="no such table"):
            index_document(index, embedder, _document("a", "One sentence."))
        assert index.generation == 0
        assert index.tables.db.rows("select 1 from vectors") == []
        assert _codes(index) == {}


# Long documents.


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """The passages of a part: a few."""
    for module in ("written_documents", "tables", "index"):
        monkeypatch.setattr(f"indexer.index.{module}.PART_PASSAGES", 10)
    return 10


def test_no_step_stores_or_deletes_more_than_a_part(home: Place, short_parts: int) -> None:
    embedder = CodedEmbedder(64)
    long, longer = _long("long"), _long("long", 40)
    [vector] = embedder.embed_queries(["part"])
    with _open(home, embedder) as index:
        before = 0
        for corpus in ([long], [longer], [longer, *OLD], []):
            for _ in update(index, embedder, corpus):
                size = index.size([SHARED])
                assert abs(size - before) <= short_parts + len(OLD)
                # A question finds all of them already.
                assert len(index.nearest(vector, 99, [SHARED])) == size
                before = size
            if corpus:
                stored = index.tables.document_passages(long.id)
                assert [one.position for one in stored] == list(range(len(stored)))
                assert len(stored) == corpus[0].text.count("#")
                assert _codes(index).keys() == _wholes(index)
        assert _codes(index) == {}
    assert len(embedder.texts) == len(set(embedder.texts))


@pytest.mark.usefixtures("short_parts")
def test_update_killed_between_parts_is_made_good(tmp_path: Path, embedder: WordEmbedder) -> None:
    long = _long("long")
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, [long, *OLD])
        whole = _content(index, embedder)
        wanted = index.tables.document_digests(Kind)
        for corpus in ([*OLD], [replace(long, title="Otters"), *OLD]):
            for most in itertools.count(1):
                steps = len(list(itertools.islice(update(index, embedder, corpus), most)))
                _run(index, embedder, [long, *OLD])
                assert index.tables.document_digests(Kind) == wanted
                assert _content(index, embedder) == whole
                if steps < most:
                    break


@pytest.mark.usefixtures("short_parts")
def test_parts_of_a_replaced_document_are_left_out(home: Place, embedder: WordEmbedder) -> None:
    """Two processes index the same page."""
    long, short = _long("long"), _document("long", "Otters.")
    with _open(home, embedder) as index, _open(home, embedder) as other:
        for _ in update(index, embedder, [long]):
            if index.size([SHARED]) == 20:
                index_document(other, embedder, short)
        assert [one.text for one in index.document_passages(long.id)] == ["Otters."]
        assert _run(index, embedder, [long]).changed == [long.id]


# Codes of token vectors.


def _codes(index: Index) -> dict[bytes, bytes]:
    rows = index.tables.db.rows("select digest, codes from token_codes")
    return {bytes(digest): bytes(codes) for digest, codes in rows}


def _wholes(index: Index) -> set[bytes]:
    return {bytes(row[0]) for row in index.tables.db.rows("select digest from passages")}


def _windows(index: Index) -> set[bytes]:
    return {bytes(row[0]) for row in index.tables.db.rows("select digest from windows")}


# One passage of several windows.
RAMBLING = _document("rambling", " ".join(f"Otters eat crab{n} every day." for n in range(40)))


@pytest.mark.parametrize("in_slices", [False, True])
def test_whole_passages_have_codes_and_windows_none(tmp_path: Path, in_slices: bool) -> None:
    embedder = CodedEmbedder(64)
    with _open(tmp_path, embedder) as index:
        if in_slices:
            _run(index, embedder, [*NEW, RAMBLING])
        else:
            for one in [*NEW, RAMBLING]:
                index_document(index, embedder, one)
        assert _windows(index) - _wholes(index)
        assert _codes(index).keys() == _wholes(index)
        assert embedder.tokens is not None
        rows = index.tables.document_passages(RAMBLING.id)
        texts = [f"{one.title}\n{one.text}" for one in rows]
        codes = index.tables.token_codes([one.id for one in rows])
        assert list(codes.values()) == embedder.tokens.of_passages(texts)[1]


def test_text_is_embedded_once_with_its_codes(tmp_path: Path) -> None:
    embedder = CodedEmbedder(64)
    with _open(tmp_path, embedder) as index:
        report = _run(index, embedder, [*NEW, RAMBLING])
        assert len(embedder.texts) == len(set(embedder.texts)) == report.embedded


def test_codes_change_neither_vectors_nor_results(tmp_path: Path) -> None:
    found = []
    for embedder in (CodedEmbedder(64), WordEmbedder(64)):
        with _open(tmp_path / embedder.model, embedder) as index:
            _run(index, embedder, [*NEW, RAMBLING])
            rows = index.tables.db.rows("select digest, vector from vectors order by digest")
            found.append((rows, _content(index, embedder)))
    assert found[0] == found[1]


def test_model_without_tokens_stores_no_codes(tmp_path: Path, embedder: WordEmbedder) -> None:
    with _open(tmp_path, embedder) as index:
        _run(index, embedder, NEW)
        index_document(index, embedder, RAMBLING)
        assert _codes(index) == {}


def test_overlays_document_has_an_indexed_ones_codes(tmp_path: Path) -> None:
    embedder = CodedEmbedder(64)
    long = _long("long")
    steps = cut_and_embed(embedder, long)
    while True:
        try:
            next(steps)
        except StopIteration as made:
            cut, vectors, codes = made.value
            break
    with _open(tmp_path, embedder) as index:
        index_document(index, embedder, long)
        stored = _codes(index)
    assert len(codes) == len(vectors) == len(cut.passages) > SLICE_TEXTS
    assert codes == [stored[passage.digests[0]] for passage in cut.passages]
