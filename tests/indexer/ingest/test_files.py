"""Updates of the index from imported files, and killed processes."""

import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from indexer.index.database import IndexWriteError
from indexer.index.index import Index
from indexer.ingest.files import update_files
from indexer.ingest.pipeline import UpdateReport
from knowledge import corpus
from knowledge.files import reader
from knowledge.files.sandbox import Sandbox
from knowledge.sources.addition import add_paths
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Failure, Kind, Scope
from tests.fakes import WordEmbedder
from tests.knowledge.made_files import zipped

ROOT = Path(__file__).parents[3]


class World:
    """A folder that is a source, its store and its index."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "handbook"
        self.folder.mkdir()
        self.embedder = WordEmbedder(64)
        self.store = Store(tmp_path / "community.db")
        self.index = Index(tmp_path / "index", model="words", dimension=64, max_tokens=256)
        add_paths(self.store, [self.folder])

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file with an old time of change, which can be trusted."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        past = time.time() - 100 - random.random()  # noqa: S311 - any time will do
        os.utime(path, (past, past))
        return path

    def steps(self, *, retry: bool = False) -> Iterator[UpdateReport]:
        looks = corpus.scan_files(self.store, self.index.tables.files(), retry=retry)
        for progress in update_files(self.index, self.embedder, looks, UpdateReport()):
            yield progress.report

    def run(self, *, retry: bool = False) -> UpdateReport:
        self.embedder.calls.clear()
        *_, report = self.steps(retry=retry)
        return report

    def id(self, name: str) -> str:
        return f"file:{self.folder / name}"

    def texts(self) -> dict[str, list[str]]:
        """The texts by document; the index and its file records agree."""
        digests = self.index.tables.document_digests({Kind.FILE})
        named = [key for record in self.index.tables.files().values() for key in record.documents]
        assert sorted(named) == sorted(digests)
        return {
            key: [passage.text for passage in self.index.tables.document_passages(key)]
            for key in digests
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_failing_file_keeps_its_last_good_passages(world: World) -> None:
    world.write("a.md", "Good.")
    world.run()
    world.write("a.md", b"\x00\x01")
    for report in (world.run(), world.run()):
        [failure] = report.failed
        assert failure.source == str(world.folder / "a.md")
        assert failure.reason.startswith("is not text")
        assert (report.removed, report.embedded) == ([], 0)
    assert world.texts() == {world.id("a.md"): ["Good."]}
    world.write("a.md", "Better.")
    assert world.run().failed == []
    assert world.texts() == {world.id("a.md"): ["Better."]}


def test_failed_file_is_read_after_a_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("a.md", b"\x00")
    world.run()
    opened = _count_opened(monkeypatch)
    assert (len(world.run().failed), opened) == (1, [])
    assert len(world.run(retry=True).failed) == 1
    assert opened == ["a.md"]


class _Counting(Sandbox):
    """A sandbox that remembers which files were begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    def begin(self, function: Any, content: bytes, name: str, made: Any) -> Any:
        self.begun.append(name)
        return super().begin(function, content, name, made)


def test_touched_failed_file_is_not_parsed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that killed its reader would kill it again. Its digest shows that it is the same."""
    world.write("a.md", b"\x00")
    [failure] = world.run().failed
    counting = _Counting()
    monkeypatch.setattr(reader, "sandbox", counting)
    os.utime(world.folder / "a.md", (1_000, 1_000))
    for _ in range(2):
        assert (world.run().failed, counting.begun) == ([failure], [])
    world.run(retry=True)
    assert counting.begun == ["handbook/a.md"]
    counting.close()


def _count_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are opened from now on."""
    opened: list[str] = []
    open_path: Callable[..., object] = Path.open

    def noticed(path: Path, *arguments: object, **options: object) -> object:
        opened.append(path.name)
        return open_path(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", noticed)
    return opened


def test_unchanged_files_are_not_even_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(8):
        world.write(f"{n}.md", f"Text {n}.")
    world.run()
    generation = world.index.generation
    opened = _count_opened(monkeypatch)
    report = world.run()
    assert (report.unchanged, opened, world.embedder.texts) == (8, [], [])
    assert world.index.generation == generation


def test_touched_file_is_read_but_not_embedded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.write("a.md", "Text.")
    world.run()
    os.utime(path, (1_000_000, 1_000_000))
    opened = _count_opened(monkeypatch)
    assert (world.run().unchanged, world.embedder.texts, opened) == (1, [], ["a.md"])
    assert (world.run().unchanged, opened) == (1, ["a.md"])


def test_a_change_within_the_clocks_last_step_is_not_missed(world: World) -> None:
    """A file changed just after it was read has the same size and time."""
    path = world.folder / "a.md"
    path.write_text("one")
    status = path.stat()
    world.run()
    path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert world.run().changed == [world.id("a.md")]
    assert world.texts() == {world.id("a.md"): ["two"]}


def test_only_what_changed_is_embedded(world: World) -> None:
    world.write("a.md", "# A\n\nFirst.\n\n# B\n\nSecond.")
    world.write("b.md", "Third.")
    world.run()
    world.write("a.md", "# A\n\nFirst.\n\n# B\n\nEdited.")
    report = world.run()
    assert report.changed == [world.id("a.md")]
    assert world.embedder.texts == ["A\nB\nEdited."]


def test_a_renamed_file_keeps_its_id_and_costs_nothing(world: World) -> None:
    world.write("a.md", "# Rules\n\nBe kind.")
    world.run()
    (world.folder / "a.md").rename(world.folder / "b.md")
    report = world.run()
    assert report.moved == [world.id("a.md")]
    assert (report.added, report.changed, report.removed) == ([], [], [])
    assert world.embedder.texts == []
    assert world.texts() == {world.id("a.md"): ["Be kind."]}
    world.write("a.md", "# Other\n\nA new file on the old path.")
    assert world.run().added == [world.id("a.md") + "#2"]
    world.write("b.md", "# Rules\n\nBe kind, always.")
    assert world.run().changed == [world.id("a.md")]
    assert len(world.texts()) == 2


def test_moved_file_keeps_its_id_in_a_new_index(world: World, tmp_path: Path) -> None:
    world.write("a.md", "# Rules\n\nBe kind.")
    world.run()
    (world.folder / "a.md").rename(world.folder / "b.md")
    world.run()
    world.index.close()
    shutil.rmtree(tmp_path / "index")
    world.index = Index(tmp_path / "index", model="words", dimension=64, max_tokens=256)
    assert world.run().added == [world.id("a.md")]


def test_a_missing_file_is_removed_before_anything_is_embedded(world: World) -> None:
    world.write("a.md", "Old.")
    world.run()
    (world.folder / "a.md").unlink()
    world.write("b.md", "New.")
    for report in world.steps():
        if report.removed:
            break
    assert report.removed == [world.id("a.md")]
    assert report.embedded == 0
    assert world.texts() == {}


def test_removing_a_source_removes_its_documents(world: World) -> None:
    world.write("a.md", "Text.")
    world.run()
    world.store.remove_source(str(world.folder), SHARED)
    assert world.run().removed == [world.id("a.md")]
    assert world.index.tables.files() == {}


def test_another_scope_of_a_source_moves_its_documents(world: World) -> None:
    world.write("a.md", "Text.")
    world.run()
    world.store.remove_source(str(world.folder), SHARED)
    add_paths(world.store, [world.folder], Scope(10))
    world.run()
    assert world.index.tables.counts([SHARED])["documents"] == 0
    assert world.index.tables.counts([Scope(10)])["documents"] == 1


def test_another_address_is_cited_without_embedding(world: World) -> None:
    world.write("a.md", "Text.")
    world.run()
    for base_url in ("https://a.org", "https://b.org", ""):
        add_paths(world.store, [world.folder], base_url=base_url)
        assert world.run().changed == [world.id("a.md")]
        assert world.embedder.texts == []
        [passage] = world.index.tables.document_passages(world.id("a.md"))
        assert passage.link == (f"{base_url}/a.md" if base_url else "")
    assert world.run().unchanged == 1


def test_files_in_a_zip_change_separately(world: World) -> None:
    world.write("all.zip", zipped({"a.md": "One.", "b.md": "Two.", "c.md": "Three."}))
    world.run()
    world.write("all.zip", zipped({"a.md": "One.", "b.md": b"\x00", "d.md": "Four."}))
    report = world.run()
    inside = world.id("all.zip") + "!/"
    assert (report.added, report.removed) == ([f"{inside}d.md"], [f"{inside}c.md"])
    assert report.unchanged == 1
    assert [failure.document_id for failure in report.failed] == [f"{inside}b.md"]
    assert world.texts() == {
        f"{inside}a.md": ["One."],
        f"{inside}b.md": ["Two."],
        f"{inside}d.md": ["Four."],
    }
    world.write("all.zip", b"PK\x03\x04 torn")
    assert len(world.run().failed) == 1
    assert len(world.texts()) == 3


def test_forgotten_files_are_read_again_without_embedding(world: World) -> None:
    for name in ("a.md", "gone.md"):
        world.write(name, f"Text of {name}.")
    world.run()
    world.index.tables.apply([], forgotten=list(world.index.tables.files()))
    (world.folder / "gone.md").unlink()
    report = world.run()
    assert (report.unchanged, report.removed, report.embedded) == (1, [world.id("gone.md")], 0)
    assert len(world.texts()) == 1


def test_half_stored_file_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the file that came back has the old text and the old time."""
    for module in ("written_documents", "tables", "index"):
        monkeypatch.setattr(f"indexer.index.{module}.PART_PASSAGES", 10)
    texts = [
        "\n\n".join(f"# Part {n}\n\n{word} {n}." for n in range(35)) for word in ("Pier", "Boat")
    ]
    path = world.write("a.md", texts[0])
    written_at = path.stat().st_mtime_ns
    world.run()
    whole = world.texts()
    for change in (lambda: path.write_text(texts[1]), path.unlink):
        change()
        for _ in world.steps():
            if len(world.index.document_passages(world.id("a.md"))) < 35:
                break
        path.write_text(texts[0])
        os.utime(path, ns=(written_at, written_at))
        world.run()
        assert world.texts() == whole


def test_vectors_pruned_by_another_process_are_made_again(world: World) -> None:
    world.write("a.md", "\n\n".join(f"# Part {n}\n\nText {n}." for n in range(60)))
    for report in world.steps():
        # `commonplace index` ends beside us, and finds vectors that nothing uses yet.
        if report.embedded in (16, 32):
            world.index.tables.prune_vectors()
    assert len(world.texts()[world.id("a.md")]) == 60


def test_a_slow_file_is_read_in_many_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading takes many times as long on any machine.
    monkeypatch.setattr("indexer.ingest.files.STEP_SECONDS", 0.001)
    world.write("slow.html", b"<!doctype html>" + b"<p>word" * 20_000)
    steps = list(itertools.takewhile(lambda report: not report.added, world.steps()))
    assert len(steps) > 10


def _tree(folder: Path, seed: int) -> None:
    """Some files, some of them in a zip, different for each seed."""
    shuffled = random.Random(seed)  # noqa: S311 - the same for the same seed
    for n in range(60):
        path = folder / f"{n % 7}" / f"{n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if shuffled.random() < 0.3:
            path.unlink(missing_ok=True)
        else:
            path.write_text(f"# Part {n}\n\nText {shuffled.randrange(3)} of {n}.")
    members = {
        f"{n}.md": f"Packed {shuffled.randrange(3)} {n}." for n in range(shuffled.randrange(9))
    }
    (folder / "all.zip").write_bytes(zipped(members))


def test_deleted_file_loses_documents_and_record(world: World, tmp_path: Path) -> None:
    """Otherwise a file that comes back unchanged would count as read, and stay out of the index."""
    world.write("a.md", "Text.")
    world.run()
    text = (world.folder / "a.md").read_bytes()
    (world.folder / "a.md").unlink()
    with closing(sqlite3.connect(tmp_path / "index" / "index.db")) as database:
        database.execute(
            "create trigger killed before delete on files begin select raise(abort, 'here'); end"
        )
        with pytest.raises(IndexWriteError, match="here"):
            world.run()
        database.execute("drop trigger killed")
    world.write("a.md", text)
    assert world.run().failed == []
    assert world.texts() == {world.id("a.md"): ["Text."]}


CHILD = """
    import sys
    from pathlib import Path
    from indexer.ingest.files import update_files
    from indexer.index.index import Index
    from indexer.ingest.pipeline import UpdateReport
    from knowledge import corpus
    from knowledge.store.store import Store
    from tests.fakes import WordEmbedder

    folder = Path(sys.argv[1])
    store = Store(folder / "community.db")
    index = Index(folder / "index", model="words", dimension=64, max_tokens=256)
    print("started", flush=True)
    looks = corpus.scan_files(store, index.tables.files())
    for _ in update_files(index, WordEmbedder(64), looks, UpdateReport()):
        pass
    print("done", flush=True)
"""


@pytest.mark.slow
def test_killed_import_is_resumed_with_the_same_result(world: World, tmp_path: Path) -> None:
    """Real processes and SIGKILL, over a folder that changes between them."""
    for seed in range(3):
        _tree(world.folder, seed)
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == "started\n"
            time.sleep(random.uniform(0.0, 0.25))  # noqa: S311 - any moment will do
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert world.run().failed == []
    expected = {
        item.id: item.text
        for item in corpus.imported_documents(world.store)
        if not isinstance(item, Failure)
    }
    bodies = {key: body.rpartition("\n")[2] for key, body in expected.items()}
    assert {key: "\n".join(found) for key, found in world.texts().items()} == bodies


def test_broken_file_moved_to_a_guild_is_not_shared(world: World) -> None:
    world.write("plan/a.md", "The plan is secret.")
    world.run()
    world.write("plan/a.md", b"\x00\x01")
    world.store.add_source(str(world.folder / "plan"), Scope(10))
    report = world.run()
    assert len(report.failed) == 1
    assert report.removed == [world.id("plan/a.md")]
    assert world.texts() == {}
