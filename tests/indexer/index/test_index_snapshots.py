"""Snapshots of the index: used if they match, else rebuilt."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.ingest.pipeline import index_document
from knowledge.values.documents import channel_scope
from tests.fakes import WordEmbedder
from tests.indexer.small_index import (
    ONE,
    SCOPES,
    all_found,
    build,
    everything,
    new_document,
    opened,
    thirty_documents,
)


def foreign(path: Path) -> None:
    path.write_bytes(hashlib.sha512(b"noise").digest() * 100)


@pytest.mark.parametrize("which", [".vectors.", ".words."])
def test_damaged_snapshots_are_rebuilt(tmp_path: Path, embedder: WordEmbedder, which: str) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents())
        index.save_snapshots(least=1)
        expected = everything(index, embedder)
    damaged = [path for path in tmp_path.glob("*.snapshot") if which in path.name]
    assert len(damaged) == len(SCOPES)
    whole = damaged[0].read_bytes()
    damages: list[Callable[[Path], object]] = [
        lambda path: path.write_bytes(whole[: len(whole) // 2]),
        lambda path: path.write_bytes(b""),
        foreign,
        Path.unlink,
    ]
    for damage in damages:
        damage(damaged[0])
        with opened(tmp_path, embedder) as index:
            assert everything(index, embedder) == expected
    for path in tmp_path.glob("*.snapshot"):
        path.unlink()
    with opened(tmp_path, embedder) as index:
        assert everything(index, embedder) == expected


def test_changes_after_a_snapshot_are_replayed(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        build(index, embedder, thirty_documents()[:20])
        index.save_snapshots(least=1)
        build(index, embedder, thirty_documents()[10:])
        expected = everything(index, embedder)
    with opened(tmp_path, embedder) as index:
        assert everything(index, embedder) == expected


def test_snapshot_of_a_channel_is_used(
    tmp_path: Path, embedder: WordEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    documents = [
        new_document("said in the channel", "alpha common", channel_scope(1)),
        new_document("written in the guild", "alpha common", ONE),
    ]
    with opened(tmp_path, embedder) as index:
        build(index, embedder, documents)
        index.save_snapshots(least=1)

    with opened(tmp_path, embedder) as index:
        for scope, document in zip((channel_scope(1), ONE), documents, strict=True):
            found = all_found(index, embedder, "alpha", [scope])
            assert {document_id for document_id, *_ in found} == {document.id}

    # The log names each rebuilt snapshot.
    assert caplog.messages == []


def test_snapshots_of_another_index_are_ignored(tmp_path: Path, embedder: WordEmbedder) -> None:
    """They have as many passages, of the same generation."""
    other = [
        new_document(f"other{n}", f"# A\n\ngamma{n}\n\n# B\n\ndelta{n}", SCOPES[n % 3])
        for n in range(30)
    ]
    for name, corpus in (("a", thirty_documents()), ("b", other)):
        with opened(tmp_path / name, embedder) as index:
            build(index, embedder, corpus)
            index.save_snapshots(least=1)
    for path in (tmp_path / "b").glob("*.snapshot"):
        path.replace(tmp_path / "a" / path.name)
    with opened(tmp_path / "fresh", embedder) as index:
        build(index, embedder, thirty_documents())
        expected = everything(index, embedder)
    with opened(tmp_path / "a", embedder) as index:
        assert everything(index, embedder) == expected


def test_older_snapshots_are_deleted(tmp_path: Path, embedder: WordEmbedder) -> None:
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("a", "one"))
        index.save_snapshots(least=1)
        before = set(tmp_path.glob("*.snapshot"))
        index_document(index, embedder, new_document("b", "two"))
        index.save_snapshots(least=1)
        after = set(tmp_path.glob("*.snapshot"))
    assert before
    assert not before & after
    assert not list(tmp_path.glob("*.partial"))
