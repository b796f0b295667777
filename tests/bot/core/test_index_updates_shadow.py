"""Shadow index: the whole corpus, nothing twice, nothing deleted."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.core import Core
from bot.core.index_updates import build, prune_kept_indexes, run_to_end
from bot.models.serving_model import (
    Opened,
    open_successor,
    prune_closed_indexes,
    prune_index,
    switch_to,
)
from indexer.embedding.model_records import ModelRecord
from indexer.index.tables import IndexTables
from knowledge.sources.addition import add_paths
from knowledge.values.documents import Kind
from tests.bot.models.choosing import OTHER, opened, publish, retire, updated
from tests.bot.sync_driver import Server, SyncDriver
from tests.fakes import SaltedEmbedder, salted_models

pytestmark = pytest.mark.usefixtures("one_article")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """Notes, files and a synced forum in the serving index."""
    guides = tmp_path / "guides"
    guides.mkdir()
    for number in range(5):
        (guides / f"{number}.md").write_text(f"Guide {number} is about wombats of kind {number}.")
    with opened(tmp_path / "data") as made:
        for number in range(3):
            publish(made, f"Note {number}", f"Note {number} tells of narwhals in bay {number}.")
        add_paths(made.store, [guides])
        updated(made)
        yield made


@pytest.fixture
def shadow(core: Core) -> Iterator[Opened]:
    found = open_successor(core.folder, salted_models(ModelRecord(OTHER)))
    with found.index:
        yield found


def _embedder(shadow: Opened) -> SaltedEmbedder:
    assert isinstance(shadow.embedder, SaltedEmbedder)
    return shadow.embedder


def _said(tables: IndexTables) -> dict[str, str]:
    return tables.document_digests(Kind)


def test_it_says_what_the_serving_index_says(core: Core, shadow: Opened) -> None:
    run_to_end(build(core, shadow.index, shadow.embedder))
    assert _said(shadow.index.tables) == _said(core.index.tables)
    assert len(_said(core.index.tables)) == 8 + 1
    assert shadow.index.tables.files().keys() == core.index.tables.files().keys()


def test_a_broken_build_continues(core: Core, shadow: Opened) -> None:
    for number in range(12):
        steps = build(core, shadow.index, shadow.embedder)
        for _ in range(number):
            next(steps)
        del steps
    run_to_end(build(core, shadow.index, shadow.embedder))
    texts = _embedder(shadow).texts
    assert len(texts) == len(set(texts))
    assert _said(shadow.index.tables) == _said(core.index.tables)


def test_index_and_channel_archive_stay_unchanged(core: Core, shadow: Opened) -> None:
    """A changed thread still waits for the serving index afterwards."""
    server = Server(77)
    thread, _ = server.begin()
    server.write(thread.id)
    driver = SyncDriver(core, server)
    driver.turn_off()
    driver.finish()
    changed = set(core.archive.threads.changed())
    before = _said(core.index.tables)
    run_to_end(build(core, shadow.index, shadow.embedder))
    assert _said(core.index.tables) == before
    assert set(core.archive.threads.changed()) == changed


def test_a_bot_removes_what_is_gone_from_chosen_indexes(core: Core, shadow: Opened) -> None:
    """The chosen index answers from the next start; until then, the bot serves the old one."""
    run_to_end(build(core, shadow.index, shadow.embedder))
    switch_to(core.folder, core.configured, shadow.served)
    before = _said(shadow.index.tables)
    prune_kept_indexes(core)
    assert _said(shadow.index.tables) == before
    [first, *_] = core.store.notes.every_live()
    retire(core, first.id)
    core.index.tables.apply([], [key for key in _said(core.index.tables) if "guides" in key][:1])
    publish(core, "New", "A new note about platypuses.")
    prune_kept_indexes(core)
    kept, said = _said(shadow.index.tables), _said(core.index.tables)
    assert kept.items() <= said.items()
    assert len(said) == len(kept) + 1


def test_a_file_that_gave_removed_text_is_read_again(core: Core, shadow: Opened) -> None:
    run_to_end(build(core, shadow.index, shadow.embedder))
    [gone, *_] = [key for key in _said(core.index.tables) if "guides" in key]
    core.index.tables.apply([], [gone])
    list(prune_index(core.index.tables, shadow.index.tables))
    assert gone not in _said(shadow.index.tables)
    run_to_end(build(core, shadow.index, shadow.embedder))
    assert gone in _said(shadow.index.tables)


def test_where_nothing_is_gone_nothing_is_written(core: Core, shadow: Opened) -> None:
    run_to_end(build(core, shadow.index, shadow.embedder))
    before = (shadow.index.tables.generation(), shadow.index.tables.files_version)
    assert list(prune_index(core.index.tables, shadow.index.tables)) == []
    assert before == (shadow.index.tables.generation(), shadow.index.tables.files_version)


def test_closed_indexes_lose_the_same_documents(core: Core, shadow: Opened) -> None:
    run_to_end(build(core, shadow.index, shadow.embedder))
    name = shadow.served.index
    [first, *_] = core.store.notes.every_live()
    retire(core, first.id)
    assert (
        prune_closed_indexes(core.index.tables, [core.folder / name, core.folder / "index.none"])
        == 1
    )
    assert not (core.folder / "index.none").exists()
    with closing(IndexTables(core.folder / name, {}, 0)) as tables:
        assert _said(tables) == _said(core.index.tables)


def test_an_unreadable_index_is_passed_over(core: Core) -> None:
    (core.folder / "index.odd").mkdir()
    (core.folder / "index.odd" / "index.db").write_bytes(b"")
    with closing(IndexTables(core.folder / "index.odd", {"format": "0"}, 0)):
        pass
    assert prune_closed_indexes(core.index.tables, [core.folder / "index.odd"]) == 0
