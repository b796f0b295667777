import io
import itertools
import json
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.index.index import Index
from indexer.ingest.files import KINDS, update_files
from indexer.ingest.pipeline import UpdateReport
from knowledge import corpus
from knowledge.sources.addition import add_paths
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Kind, Scope
from tests.fakes import WordEmbedder
from tests.knowledge.exporting import (
    ASKER,
    GUILD_ID,
    HELPER,
    PASSER,
    SOLVED,
    as_json,
    export,
    message,
)


class World:
    """A folder of exports that is a source, its store and its index."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "exports"
        self.folder.mkdir()
        self.embedder = WordEmbedder(64)
        self.store = Store(tmp_path / "community.db")
        self.index = Index(tmp_path / "index", model="words", dimension=64, max_tokens=256)
        add_paths(self.store, [self.folder])

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def write(self, name: str, content: bytes) -> Path:
        """Write a file with an old time of change, which can be trusted."""
        path = self.folder / name
        path.write_bytes(content)
        past = time.time() - 100 - len(content) / 1e6
        os.utime(path, (past, past))
        return path

    def steps(self) -> Iterator[UpdateReport]:
        withheld = self.store.quote_opt_outs.withheld()
        looks = corpus.scan_files(self.store, self.index.tables.files(), withheld=withheld)
        steps = update_files(self.index, self.embedder, looks, UpdateReport(), withheld=withheld)
        for progress in steps:
            yield progress.report

    def run(self) -> UpdateReport:
        self.embedder.calls.clear()
        *_, report = self.steps()
        return report

    def quoted(self) -> str:
        """All text that can be quoted."""
        return "\n".join(
            passage.text
            for key in self.ids()
            for passage in self.index.tables.document_passages(key)
        )

    def ids(self) -> set[str]:
        """The ids of all documents; the file records name each of them."""
        there = set(self.index.tables.document_digests(KINDS))
        named = [key for record in self.index.tables.files().values() for key in record.documents]
        assert sorted(named) == sorted(there)
        return there


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def channel(count: int, **changes: Any) -> bytes:
    """A channel with so many answered questions, two hours apart."""
    questions = [
        pair
        for number in range(count)
        for pair in (
            message(0, ASKER, f"How do I change the colour of role {number}?"),
            message(1, HELPER, f"In the settings of the server, on page {number}."),
        )
    ]
    for number, raw in enumerate(questions):
        raw["id"] = str(300_000_000_000_000_000 + number)
        raw["timestamp"] = f"2026-03-{number // 20 + 1:02d}T{number % 20 // 2 * 2:02d}:00:00+00:00"
    return as_json(export(questions, type="GuildTextChat", name="general", **changes))


@pytest.mark.parametrize("packed", [False, True])
def test_export_in_a_shared_folder_is_its_guilds(world: World, packed: bool) -> None:
    if packed:
        members = {"thread__json": as_json(export(SOLVED)), "page__md": b"A page for everyone."}
        world.write("all.zip", zipped(**members))
    else:
        world.write("thread.json", as_json(export(SOLVED)))
        world.write("page.md", b"A page for everyone.")
    report = world.run()
    assert (len(report.added), report.failed) == (2, [])
    chat, page = sorted(world.ids(), key=lambda key: "page" in key)
    stored = world.index.tables.document_passages
    assert {(one.scope, one.kind) for one in stored(chat)} == {(Scope(GUILD_ID), Kind.CHAT)}
    assert {one.scope for one in stored(page)} == {SHARED}
    assert world.run().unchanged == 2


def test_an_unchanged_export_is_not_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.write("channel.json", channel(3))
    assert len(world.run().added) == 3
    path.chmod(0)
    monkeypatch.setattr(corpus, "is_export", lambda path: pytest.fail(f"{path} was opened"))
    report = world.run()
    assert (report.unchanged, report.failed, world.embedder.texts) == (3, [], [])


def test_updated_export_embeds_only_new_questions(world: World) -> None:
    path = world.write("channel.json", channel(3))
    world.run()
    os.utime(path, (1_000_000, 1_000_000))
    assert (world.run().unchanged, world.embedder.texts) == (3, [])
    world.write("channel.json", channel(5))
    report = world.run()
    assert (len(report.added), report.changed, report.unchanged) == (2, [], 3)
    assert len(world.ids()) == 5
    world.write("channel.json", channel(2))
    assert len(world.run().removed) == 3
    assert len(world.ids()) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_abandoned_import_embeds_nothing_twice(tmp_path: Path, packed: bool) -> None:
    for ended in itertools.count(1):
        folder = tmp_path / str(ended)
        folder.mkdir()
        world = World(folder)
        if packed:
            world.write("all.zip", zipped(a__json=channel(2), b__json=channel(2, id="7")))
        else:
            world.write("channel.json", channel(4))
        taken = list(itertools.islice(world.steps(), ended))
        first = list(world.embedder.texts)
        world.run()
        again = set(first) & set(world.embedder.texts)
        whole = world.ids()
        world.close()
        assert not again
        assert len(whole) == 4
        if len(taken) < ended:
            return


def test_documents_of_an_unfinished_export_are_removed_with_its_file(world: World) -> None:
    path = world.write("channel.json", channel(6))
    for _ in world.steps():
        if len(world.index.tables.document_digests({Kind.CHAT})) >= 2:
            break
    path.unlink()
    assert len(world.run().removed) >= 2
    assert world.ids() == set()


def test_a_damaged_export_keeps_its_last_good_documents(world: World) -> None:
    whole = channel(6)
    world.write("channel.json", whole)
    world.run()
    world.write("channel.json", whole[: len(whole) // 2])
    report = world.run()
    assert "cut off or damaged" in report.failed[0].reason
    assert len(world.ids()) == 6
    world.write("channel.json", whole)
    assert world.run().failed == []
    assert len(world.ids()) == 6


def zipped(**members: bytes) -> bytes:
    """A zip of files; two underscores stand for the dot of each name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def test_export_under_another_suffix_is_refused(world: World) -> None:
    world.write("all.zip", zipped(thread__md=as_json(export(SOLVED)), page__md=b"A page."))
    world.write("thread.md", as_json(export(SOLVED)))
    report = world.run()
    assert [failure.reason[:16] for failure in report.failed] == ["is a chat export"] * 2
    assert len(world.ids()) == 1


def test_damaged_export_in_a_zip_keeps_its_documents(world: World) -> None:
    whole = channel(4)
    world.write("all.zip", zipped(a__json=whole, b__json=as_json(export(SOLVED))))
    world.run()
    assert len(world.ids()) == 5
    world.write(
        "all.zip", zipped(a__json=whole[: len(whole) // 2], b__json=as_json(export(SOLVED)))
    )
    report = world.run()
    [failure] = report.failed
    assert failure.source.endswith("all.zip!/a.json")
    assert "cut off or damaged" in failure.reason
    assert (len(world.ids()), report.removed) == (5, [])


def test_a_torn_export_in_a_zip_is_named(world: World) -> None:
    packed = bytearray(zipped(a__json=channel(4), page__md=b"A page."))
    # Within the stream, well behind what tells that it is an export.
    packed[packed.index(b"page.md") - 100] ^= 0xFF
    world.write("all.zip", bytes(packed))
    [failure] = world.run().failed
    assert failure.source.endswith("all.zip!/a.json")
    assert failure.reason.startswith(("is torn", "is cut off or damaged"))
    assert any(key.endswith("page.md") for key in world.ids())


def test_other_formats_of_the_exporter_are_explained(world: World) -> None:
    world.write("a.csv", b"AuthorID,Author,Date,Content,Attachments,Reactions\n1,a,b,c,,\n")
    world.write("b.html", b"<!DOCTYPE html>\n<html><style>.preamble__entry .chatlog__message")
    reasons = [failure.reason for failure in world.run().failed]
    assert all(reason.endswith("export the channel as JSON.") for reason in reasons)
    assert len(reasons) == 2
    assert world.ids() == set()


# Members who are not to be quoted.

CHAT = [
    message(0, ASKER, "How do I change the colour of a role?"),
    message(1, PASSER, "I would look through the settings of the whole server first."),
    message(2, HELPER, "In the settings of the server, on the page for roles."),
    message(300, ASKER, "How do I move a message to another channel?"),
    message(301, HELPER, "In the menu of the message, below the three dots on its right."),
]


@pytest.mark.parametrize("packed", [False, True])
def test_opted_out_member_is_removed_at_the_update(world: World, packed: bool) -> None:
    chat = as_json(export(CHAT, type="GuildTextChat"))
    if packed:
        world.write("all.zip", zipped(a__json=chat, page__md=b"A page."))
    else:
        world.write("channel.json", chat)
        world.write("page.md", b"A page.")
    world.run()
    assert "whole server first" in world.quoted()
    world.store.quote_opt_outs.withhold(PASSER)
    report = world.run()
    assert (len(report.changed), report.unchanged, report.added) == (1, 2, [])
    assert "whole server first" not in world.quoted()
    assert "Bo" not in world.quoted()
    assert world.run().unchanged == 3


def test_a_forgotten_member_is_removed_and_returns_after_opting_in(world: World) -> None:
    world.write("channel.json", as_json(export(CHAT, type="GuildTextChat")))
    world.run()
    before = world.quoted()
    world.store.personal_data.forget(HELPER, withdraw=False)
    world.run()
    assert "Ada" not in world.quoted()
    assert len(world.ids()) == 1
    world.store.quote_opt_outs.quote_again(HELPER)
    world.run()
    assert sorted(world.quoted().split("\n")) == sorted(before.split("\n"))


@pytest.mark.parametrize("how", ["away", "damaged", "forbidden"])
def test_an_unreadable_export_quotes_no_member_who_opted_out(world: World, how: str) -> None:
    path = world.write("channel.json", as_json(export(CHAT, type="GuildTextChat")))
    whole = path.read_bytes()
    world.run()
    world.store.quote_opt_outs.withhold(PASSER)
    if how == "away":
        world.folder.rename(world.folder.with_name("elsewhere"))
    elif how == "damaged":
        world.write("channel.json", whole[: whole.index(b"another channel")])
    else:
        path.unlink()
        path.symlink_to(path)
    world.run()
    assert "whole server first" not in world.quoted()


def test_empty_opt_out_reads_no_export(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store.quote_opt_outs.withhold(PASSER)
    world.write("channel.json", as_json(export(CHAT, type="GuildTextChat")))
    world.run()
    world.store.quote_opt_outs.withhold(PASSER)
    monkeypatch.setattr(corpus, "is_export", lambda path: pytest.fail(f"{path} was opened"))
    assert world.run().unchanged == 2


def test_a_repeated_conversation_is_indexed_once(world: World) -> None:
    """The file joins two overlapping exports."""
    raw = json.loads(channel(1))
    again = "2026-03-09T00:00:00+00:00"
    raw["messages"] += [{**each, "timestamp": again} for each in raw["messages"]]
    world.write("joined.json", json.dumps(raw).encode())
    report = world.run()
    assert (len(report.added), report.failed) == (1, [])
    assert len(world.ids()) == 1
