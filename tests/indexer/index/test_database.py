import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from indexer.index.database import IndexWriteError, StaleIndexError
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import SHARED
from tests.fakes import WordEmbedder
from tests.indexer.small_index import (
    Home,
    build,
    everything,
    new_document,
    opened,
    thirty_documents,
)


def test_another_index_is_refused_with_the_remedy(home: Home, embedder: WordEmbedder) -> None:
    """It is left as it is."""
    made = {"model": "words", "dimension": 64, "max_tokens": 256}
    with opened(home, embedder) as index:
        build(index, embedder, thirty_documents())
        before = everything(index, embedder)
    for changed in made:
        other = {**made, changed: "other" if changed == "model" else 99}
        with pytest.raises(StaleIndexError, match=rf"made with {changed}.*Run `commonplace index`"):
            Index(home, **other)  # type: ignore[arg-type]
    with opened(home, embedder) as index:
        assert everything(index, embedder) == before
        index.tables.db.run("update manifest set value = '2' where key = 'format'")
    with pytest.raises(StaleIndexError, match=r"made with format '2'.*Run `commonplace index`"):
        opened(home, embedder)


@pytest.mark.parametrize("keep", [0, 100, 20_000, None])
def test_truncated_file_built_anew(
    tmp_path: Path, embedder: WordEmbedder, keep: int | None
) -> None:
    with opened(tmp_path / "index", embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)
    path = tmp_path / "index" / "index.db"
    whole = path.read_bytes()
    path.write_bytes(b"This is not a database. " * 500 if keep is None else whole[:keep])
    with opened(tmp_path / "index", embedder) as index:
        build(index, embedder, thirty_documents())
        assert everything(index, embedder) == expected


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: Path, embedder: WordEmbedder) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexWriteError, match="can't be opened"):
        opened(tmp_path / "file" / "index", embedder)


def test_locked_index_is_explained(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index.tables.db.rows("pragma busy_timeout = 20")
        with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(IndexWriteError, match="locked"):
                index_document(index, embedder, new_document("a", "one"))
            other.execute("rollback")
        index_document(index, embedder, new_document("a", "one"))
        assert index.tables.counts([SHARED])["documents"] == 1


def test_several_processes_may_make_an_index_at_once(home: Home) -> None:
    together = threading.Barrier(4)

    def identity(_: int) -> str:
        together.wait()
        with opened(home, WordEmbedder(64)) as index:
            return index.tables.identity()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(identity, range(4)))) == 1
