"""Repositories as documents: what a commit changed is read, and cited at that commit."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.storage.derived_data import open_entries
from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.source import SyncStep
from knowledge.values.documents import Document, Kind, Lines, Scope
from tests.knowledge.git_server import GitServer
from tests.knowledge.sources.visited import VisitedSource

NAME = "owner/name.git"
FERRIES = "---\ntags: [sea]\nverified: 2026-01-02\n---\n# Ferries\n\nTo Lisbon.\n"


class World(VisitedSource):
    def __init__(self, server: GitServer, pages: EntryStore, data: Path) -> None:
        super().__init__(GitRepository.locate_branch(server.url(NAME)), pages, data)
        self.server = server

    def sync(self, days: float = 0, most: int | None = None) -> list[SyncStep]:
        self.server.requests.clear()
        return super().sync(days, most)

    def commit(self, files: dict[str, str | bytes], *, rewrite: bool = False) -> str:
        return self.server.repositories.commit(NAME, files, rewrite=rewrite)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitServer(tmp_path / "served") as server, open_entries(tmp_path, "") as pages:
        server.repositories.make(NAME)
        yield World(server, pages, tmp_path)


def test_file_is_cited_at_its_line_and_commit(world: World) -> None:
    commit = world.commit({"docs/ferries.md": FERRIES})
    world.sync()
    page = world.server.url("owner/name")
    [found] = world.found(Scope(7))
    assert found == Document(
        id=f"git:7:{world.server.url(NAME)}:docs/ferries.md",
        scope=Scope(7),
        kind=Kind.PAGE,
        title="Ferries",
        text="# Ferries\n\nTo Lisbon.",
        link=f"{page}/blob/{commit}/docs/ferries.md?plain=1",
        tags=("sea",),
        verified=datetime(2026, 1, 2, tzinfo=UTC).date(),
        lines=Lines(5, "L{first}-L{last}"),
    )
    assert world.ids == [f"git:{world.server.url(NAME)}:docs/ferries.md"]


def test_only_changed_files_are_read(world: World) -> None:
    world.commit({"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne."})
    assert [step.key for step in world.sync()[1:]] == ["a.md", "b.md"]
    ids = {title: one.id for title, one in world.documents.items()}
    commit = world.commit({"a.md": "# A\n\nOne.", "b.md": "# B\n\nTwo."})
    assert [step.key for step in world.sync()[1:]] == ["b.md"]
    found = world.documents
    assert found["B"].text == "# B\n\nTwo."
    assert {title: one.id for title, one in found.items()} == ids
    assert all(f"/{commit}/" in one.link for one in found.values())
    assert world.pages.state(world.location).state["commit"] == commit


def test_rewritten_history_is_followed_with_links(world: World) -> None:
    world.commit({"a.md": "# A\n\nOne."})
    world.sync()
    commit = world.commit({"a.md": "# A\n\nOne.", "c.md": "# C\n\nOne."}, rewrite=True)
    world.sync()
    assert [f"/{commit}/" in one.link for one in world.documents.values()] == [True, True]


def test_a_sync_that_is_ended_in_the_middle_goes_on(world: World) -> None:
    first = world.commit({f"{name}.md": f"# {name.upper()}\n\nOne." for name in "abc"})
    steps = world.steps()
    while next(steps).key != "b.md":
        pass
    steps.close()
    # Each is cited at the commit in which it was read, whatever comes.
    assert [f"/{first}/" in one.link for one in world.documents.values()] == [True, True]
    assert [step.key for step in world.sync()[1:]] == ["c.md"]
    assert list(world.documents) == ["A", "B", "C"]


def test_unreadable_file_keeps_its_text_and_commit(world: World) -> None:
    first = world.commit({"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne."})
    world.sync()
    second = world.commit({"a.md": b"\x00\x01", "b.md": "# B\n\nOne."})
    world.sync()
    found = world.documents
    assert (f"/{first}/" in found["A"].link, f"/{second}/" in found["B"].link) == (True, True)
    [failure] = world.failures
    assert failure.source == f"{world.server.url(NAME)} › a.md"
    assert failure.reason.startswith("is not text: byte 0 is 0x00.")
    assert failure.document_id == found["A"].id


def test_missing_folder_is_told(world: World) -> None:
    commit = world.commit({"docs/a.md": "# A\n\nOne."})
    world.location = GitRepository.locate_branch(world.server.url(NAME), folder="doc")
    world.sync()
    assert world.reasons == [f"has no folder doc at commit {commit[:10]}."]
    world.location = GitRepository.locate_branch(world.server.url(NAME), folder="docs")
    world.sync()
    assert list(world.documents) == ["A"]
    world.commit({"docs/a.png": b"\x89PNG"})
    world.sync()
    assert world.reasons == ["has no file in docs that can be read."]


def test_files_are_cited_where_the_operator_says(world: World) -> None:
    commit = world.commit({"a.md": "# A\n\nOne."})
    world.sync()
    at = "https://git.example.org/r/{path}?h={commit}#n{first}"
    [found] = world.found(base_url=at)
    assert isinstance(found, Document)
    assert found.link == f"https://git.example.org/r/a.md?h={commit}"
    assert found.lines == Lines(1, "n{first}")


def test_file_and_its_links_are_cited_on_the_site(world: World) -> None:
    world.commit({"guide/a.md": "---\nslug: moved\n---\n# Moved\n\nSee [B](b.md)."})
    world.sync()
    [found] = world.found(base_url="docusaurus:https://e.org/docs")
    assert isinstance(found, Document)
    assert (found.link, found.anchors) == ("https://e.org/docs/guide/moved", "docusaurus")
    assert found.text.endswith("See [B](https://e.org/docs/guide/b).")


def test_a_file_of_another_format_is_cited_at_its_headings(world: World) -> None:
    world.commit({"a.rst": "Bikes\n=====\n\nFree.\n\nTandems\n-------\n\nFour euros.\n"})
    world.sync()
    assert world.documents["Bikes"].lines == Lines(
        0, "L{first}-L{last}", (("Bikes", 1), ("Tandems", 6))
    )


def test_a_file_that_names_its_own_address_is_cited_there(world: World) -> None:
    world.commit({"a.md": "---\nlink: https://a.org/a\n---\n# A\n\nOne."})
    world.sync()
    found = world.documents["A"]
    assert (found.link, found.lines) == ("https://a.org/a", None)


def test_page_follows_the_lines_it_includes(world: World) -> None:
    page = "Doors\n=====\n\nSo:\n\n.. literalinclude:: ../src/door.py\n"
    world.commit({"docs/doors.rst": page, "src/door.py": "door = 1\n"})
    world.sync()
    assert "```python\ndoor = 1\n```" in world.documents["Doors"].text
    world.commit({"docs/doors.rst": page, "src/door.py": "door = 2\n"})
    world.sync()
    assert "```python\ndoor = 2\n```" in world.documents["Doors"].text
