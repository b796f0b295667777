"""Records of imported files in the index database: their version, which every process sees."""

from datetime import UTC, datetime

import pytest

from indexer.ingest.pipeline import put
from knowledge.values.documents import SHARED, FileRecord
from tests.fakes import WordEmbedder
from tests.indexer.small_index import Home, new_document, opened


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


def _record(path: str) -> FileRecord:
    return FileRecord(path, SHARED, f"file:{path}", 1, 1, "", 1, datetime.now(UTC), (), ())


def test_what_any_process_does_to_records_changes_their_version_and_nothing_else_does(
    home: Home, embedder: WordEmbedder
) -> None:
    with opened(home, embedder) as index, opened(home, embedder) as other:
        versions = [index.tables.files_version]
        other.tables.apply([], (), _record("/a"))
        versions.append(index.tables.files_version)
        put(other, embedder, new_document("b", "one"))
        assert index.tables.files_version == versions[-1]
        other.tables.apply([], (), forgotten=["/a"])
        versions.append(index.tables.files_version)
    assert len(set(versions)) == 3
