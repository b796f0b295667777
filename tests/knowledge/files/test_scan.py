"""What changed among the imported files, told without opening those that did not."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.files.reader import PARSERS_VERSION
from knowledge.files.scan import DATA_MARK, FoundFile, Scan, count_unread_files, digest_of, scan
from knowledge.values.documents import SHARED, Failure, FileRecord, Scope
from tests.processes import ROOT_CAN_BE_REFUSED, give_up_privileges, in_a_process

GUILD = Scope(10)
AT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "handbook"
    made.mkdir()
    return made


def _look(
    folder: Path,
    records: list[FileRecord] | None = None,
    ids: dict[str, str] | None = None,
    scope: Scope = SHARED,
    *,
    retry: bool = False,
) -> Scan:
    remembered = {record.path: record for record in records or []}
    *_, look = scan([(str(folder), scope)], ids or {}, remembered, retry=retry)
    return look


def _record(found: FoundFile, failures: tuple[Failure, ...] = ()) -> FileRecord:
    """What is remembered of a file once it has been read."""
    return FileRecord(
        str(found.path),
        found.scope,
        found.document_id,
        found.size,
        found.mtime_ns,
        digest_of(found.path.read_bytes()),
        PARSERS_VERSION,
        AT,
        (found.document_id,),
        failures,
    )


def _read(folder: Path) -> list[FileRecord]:
    return [_record(found) for found in _look(folder).stale]


def _read_one(folder: Path) -> list[FileRecord]:
    """What is remembered of a folder with one file, `a.md`."""
    (folder / "a.md").write_text("one")
    return _read(folder)


def _stale(look: Scan) -> list[str]:
    return [found.path.name for found in look.stale]


def test_a_file_that_is_as_it_was_is_kept(folder: Path) -> None:
    look = _look(folder, _read_one(folder))
    assert [record.path for record in look.unchanged] == [str(folder / "a.md")]
    assert (look.stale, look.vanished, look.new_ids) == ([], [], {})


def test_changed_size_time_or_reader_is_stale(folder: Path) -> None:
    for name in ("size.md", "time.md", "reader.md", "same.md", "settling.md"):
        (folder / name).write_text("one")
    records = [
        FileRecord(
            record.path,
            record.scope,
            record.document_id,
            record.size,
            None if "settling" in record.path else record.mtime_ns,
            record.digest,
            0 if "reader" in record.path else record.readers,
            AT,
        )
        for record in _read(folder)
    ]
    (folder / "size.md").write_text("three")
    os.utime(folder / "time.md", ns=(1, 1))
    names = ["reader.md", "settling.md", "size.md", "time.md"]
    assert _stale(_look(folder, records)) == names


def test_another_scope_makes_a_file_stale(folder: Path) -> None:
    assert _stale(_look(folder, _read_one(folder), scope=GUILD)) == ["a.md"]


def test_failed_file_is_read_again_on_request(folder: Path) -> None:
    (folder / "a.md").write_text("one")
    [found] = _look(folder).stale
    record = _record(found, (Failure("a.md", "is empty.", found.document_id),))
    assert _stale(_look(folder, [record])) == []
    assert _stale(_look(folder, [record], retry=True)) == ["a.md"]


def test_a_vanished_file_is_named(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "a.md").unlink()
    assert _look(folder, records).vanished == records


def test_a_moved_file_keeps_its_id(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "deep").mkdir()
    (folder / "a.md").rename(folder / "deep" / "b.md")
    look = _look(folder, records)
    new = str(folder / "deep" / "b.md")
    assert look.moved == {new: str(folder / "a.md")}
    assert [(found.document_id, found.before) for found in look.stale] == [
        (f"file:{folder / 'a.md'}", records[0])
    ]
    assert look.vanished == []
    assert look.new_ids == {new: f"file:{folder / 'a.md'}"}


def test_a_moved_folder_keeps_the_ids_of_all_its_files(folder: Path) -> None:
    (folder / "old").mkdir()
    for n in range(20):
        (folder / "old" / f"{n:02}.md").write_text(f"text {n:02}")
    records = _read(folder)
    (folder / "old").rename(folder / "new")
    look = _look(folder, records)
    assert [found.document_id for found in look.stale] == [record.document_id for record in records]


def test_copy_is_a_file_of_its_own(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "b.md").write_text("one")
    look = _look(folder, records)
    assert look.moved == {}
    assert [found.document_id for found in look.stale] == [f"file:{folder / 'b.md'}"]


def test_one_copy_takes_a_lost_files_place(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "a.md").rename(folder / "b.md")
    (folder / "c.md").write_text("one")
    look = _look(folder, records)
    assert [found.document_id for found in look.stale] == [
        f"file:{folder / 'a.md'}",
        f"file:{folder / 'c.md'}",
    ]


def test_other_words_at_a_lost_path_are_new(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "a.md").unlink()
    (folder / "b.md").write_text("two")
    look = _look(folder, records)
    assert (look.moved, look.vanished) == ({}, records)


def test_a_file_from_another_scope_does_not_bring_its_id(folder: Path) -> None:
    records = _read_one(folder)
    (folder / "a.md").rename(folder / "b.md")
    assert _look(folder, records, scope=GUILD).moved == {}


def test_new_file_on_a_moved_path_gets_its_own_id(folder: Path) -> None:
    first = f"file:{folder / 'a.md'}"
    (folder / "a.md").write_text("another")
    (folder / "b.md").write_text("one")
    look = _look(folder, ids={str(folder / "b.md"): first})
    assert [found.document_id for found in look.stale] == [f"{first}#2", first]
    assert look.new_ids == {str(folder / "a.md"): f"{first}#2"}
    again = _look(folder, ids={str(folder / "b.md"): first, **look.new_ids})
    assert [found.document_id for found in again.stale] == [f"{first}#2", first]
    assert again.new_ids == {}


def test_interrupted_move_is_still_a_move(folder: Path) -> None:
    """The id is with the new path, but what is remembered is still under the old one."""
    records = _read_one(folder)
    (folder / "a.md").rename(folder / "b.md")
    ids = _look(folder, records).new_ids
    (folder / "b.md").write_text("one and more")
    look = _look(folder, records, ids)
    assert look.vanished == []
    assert look.stale[0].before == records[0]


def test_missing_source_keeps_its_documents(folder: Path) -> None:
    records = _read_one(folder)
    folder.rename(folder.with_name("elsewhere"))
    look = _look(folder, records)
    assert look.vanished == []
    assert [failure.source for failure in look.failures] == [str(folder)]


@ROOT_CAN_BE_REFUSED
def test_unreadable_folder_keeps_its_documents(folder: Path) -> None:
    (folder / "closed").mkdir()
    (folder / "closed" / "a.md").write_text("one")
    records = _read(folder)

    def work() -> None:
        give_up_privileges()
        look = _look(folder, records)
        assert look.vanished == []
        assert "can't be looked into: Permission denied" in look.failures[0].reason

    (folder / "closed").chmod(0)
    said = in_a_process(work)
    (folder / "closed").chmod(0o700)
    assert said == ""


def test_links_that_lead_to_each_other_lead_nowhere(folder: Path) -> None:
    (folder / "a.md").symlink_to(folder / "b.md")
    (folder / "b.md").symlink_to(folder / "a.md")
    (folder / "c.md").write_text("one")
    look = _look(folder)
    assert _stale(look) == ["c.md"]
    assert look.failures == []


def test_a_name_that_is_no_text_is_a_failure(folder: Path) -> None:
    (folder / "b.md").write_text("one")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.md"))).write_text("two")
    look = _look(folder)
    assert _stale(look) == ["b.md"]
    assert "not UTF-8: rename it" in look.failures[0].reason


def test_a_pipe_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "a.md")
    assert _look(folder).stale == []


@pytest.mark.parametrize("folder_first", [True, False])
def test_file_belongs_to_the_nearest_source_of_its_server(folder: Path, folder_first: bool) -> None:
    for name in ("a.md", "own/b.md", "own/open/c.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    sources = [
        (str(folder), SHARED),
        (str(folder / "own"), GUILD),
        (str(folder / "own/open"), SHARED),
    ]
    *_, look = scan(sources if folder_first else sources[::-1], {}, {})
    scopes = {found.path.name: found.scope for found in look.stale}
    assert scopes == {"a.md": SHARED, "b.md": GUILD, "c.md": GUILD}


# What another machine has.


def test_what_is_elsewhere_is_not_looked_for_and_stays(folder: Path) -> None:
    (folder / "a.md").write_text("a")
    records = {record.path: record for record in _read(folder)}
    # The folder of another machine is at a path where this one has something else.
    (folder / "a.md").unlink()
    (folder / "b.md").write_text("b")
    sources = [(str(folder), SHARED)]

    *_, look = scan(sources, {}, records, elsewhere={str(folder)})
    assert (look.stale, look.vanished, look.unchanged, look.failures) == ([], [], [], [])

    *_, look = scan(sources, {}, records)
    assert (_stale(look), [record.path for record in look.vanished]) == (
        ["b.md"],
        [str(folder / "a.md")],
    )


def test_servers_folder_elsewhere_is_not_shared(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    (folder / "a.md").write_text("a")
    (own / "b.md").write_text("b")
    sources = [(str(folder), SHARED), (str(own), GUILD)]
    *_, whole = scan(sources, {}, {})
    records = {str(found.path): _record(found) for found in whole.stale}

    *_, look = scan(sources, {}, {}, elsewhere={str(own)})
    assert _stale(look) == ["a.md"]

    # And what is gone of one's own is gone, though the folder around it is elsewhere.
    (own / "b.md").unlink()
    (folder / "a.md").unlink()
    *_, look = scan(sources, {}, records, elsewhere={str(folder)})
    assert [record.path for record in look.vanished] == [str(own / "b.md")]


def test_withheld_chats_elsewhere_are_not_kept(folder: Path) -> None:
    (folder / "a.md").write_text("a")
    [record] = [replace(each, withheld="before") for each in _read(folder)]
    sources = [(str(folder), SHARED)]

    *_, look = scan(sources, {}, {record.path: record}, withheld="now", elsewhere={str(folder)})

    assert look.vanished == [record]


def test_side_bars_and_tables_of_contents_are_no_documents(folder: Path) -> None:
    for name in ("_Sidebar.md", "SUMMARY.md", "summary.md", "page.mdx"):
        (folder / name).write_text("Text.")
    assert [found.path.name for found in _look(folder).stale] == ["page.mdx", "summary.md"]


def test_a_data_folder_below_a_source_is_not_read(folder: Path) -> None:
    data = folder / "data"
    (data / "backups").mkdir(parents=True)
    for name in ("page.md", "data/model.json", "data/backups/community.zip", "data/x.png"):
        (folder / name).write_text("Text.")
    (data / DATA_MARK).write_text("Data folder of Commonplace.")
    assert [found.path.name for found in _look(folder).stale] == ["page.md"]
    assert count_unread_files(folder) == {}


def test_files_of_no_readable_kind_are_counted(folder: Path) -> None:
    for name in ("a.md", "b.PNG", "c.png", "Makefile", ".hidden.png", "SUMMARY.md"):
        (folder / name).write_text("Text.")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.png").write_text("")
    assert count_unread_files(folder) == {".png": 2, "no ending": 1, "SUMMARY.md": 1}
    assert count_unread_files(folder / "a.md") == {}
