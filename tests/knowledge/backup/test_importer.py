"""Imports: everything comes back, deleted data doesn't, and edits are proposed."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.backup.backups import OptInRows
from knowledge.backup.exporter import FILE_BYTES, FolderError
from knowledge.backup.foreign_database import check_values
from knowledge.backup.importer import EDITOR, import_folder
from knowledge.store import migrations
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import Scope
from knowledge.values.notes import Decision, Member, Note, Revision, State
from knowledge.values.questions import Evidence, Question
from knowledge.values.settings import EffectiveSettings, GuildSettings, facts_of
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import RULINGS, some
from tests.knowledge.full_store import (
    ADA,
    AT,
    GUILD,
    MIRA,
    approved,
    exported,
    lived,
    note_file,
    picture,
)
from tests.knowledge.versions import BEFORE_1_0_0, NEXT, add_next_migration
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, FILE, Place, make_tables


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "other").mkdir()
    with Store(tmp_path / "other" / FILE) as opened:
        yield opened


@pytest.fixture
def note(store: Store, folder: Path) -> Note:
    """A live note, which was exported."""
    made = approved(store)
    exported(store, folder)
    return made


EVERYTHING = tuple(OptInRows)


def dump(store: Store) -> list[str]:
    """Every row except per-deployment state and log lines about the import."""
    rows = [
        f"{table}: {sorted(row.items())}"
        for table in store.database.tables()
        if table != "log_heads"
        for row in store.database.rows(f"select * from {table}")  # noqa: S608
        if row.get("key") != "commands digest" and row.get("event") != "imported"
    ]
    given = {table: last for table, last in store.database.last_ids().items() if table != "log"}
    return sorted([*rows, str(given)])


def alike(store: Store, folder: Path) -> dict[str, object]:
    """The exported content, without log lines about the import."""
    files: dict[str, object] = {**exported(store, folder)}
    lines = {
        name: (folder / name).read_text().splitlines() if name in files else []
        for name in ("log.jsonl", "sqlite_sequence.jsonl")
    }
    told = [json.loads(line) for line in lines["log.jsonl"] if '"imported"' not in line]
    given = [line for line in lines["sqlite_sequence.jsonl"] if '"log"' not in line]
    return files | {
        "log.jsonl": [{**line, "id": 0} for line in told],
        "sqlite_sequence.jsonl": given,
    }


def edit(folder: Path, before: str = "Forty", after: str = "Sixty") -> None:
    path = note_file(folder)
    path.write_text(path.read_text().replace(before, after, 1))


def _rewrite(name: str, before: str, after: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        [path] = folder.glob(name)
        path.write_text(path.read_text().replace(before, after, 1))

    return change


def _link_out(folder: Path) -> None:
    path = note_file(folder)
    path.unlink()
    path.symlink_to("/etc/hostname")


def _link_folder_out(folder: Path) -> None:
    (folder / "notes" / "10").rename(folder.parent / "elsewhere")
    (folder / "notes" / "10").symlink_to(folder.parent / "elsewhere")


def _no_end(folder: Path) -> None:
    path = note_file(folder)
    path.unlink()
    os.mkfifo(path)


def _huge(folder: Path) -> None:
    with note_file(folder).open("ab") as file:
        file.truncate(FILE_BYTES * 1_000)


def _laughs(folder: Path) -> None:
    lines = ["a0: &a0 [lol]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
    ]
    note_file(folder).write_text("---\n" + "\n".join(lines) + "\n---\n\nx\n")


HOSTILE: dict[str, list[Callable[[Path], object]]] = {
    r"has no commonplace\.json": [lambda folder: (folder / "commonplace.json").unlink()],
    "is a symbolic link": [_link_out, _link_folder_out],
    "isn't an ordinary file": [_no_end],
    "has more than 1,000,000 bytes": [_huge],
    "other front matter than an export writes": [
        _rewrite("notes/10/1-*.md", "title:", "titel:"),
        _rewrite("notes/10/1-*.md", "number: 1", "number: [1]"),
    ],
    "has front matter with aliases": [_laughs],
    "the limit is": [_rewrite("notes/10/1-*.md", "title:", f"x: [{'[],' * 300_000}]\ntitle:")],
    "is not YAML": [_rewrite("notes/10/1-*.md", "title:", "title: [")],
    "has no front matter": [_rewrite("notes/10/1-*.md", "---", "***")],
    "is not a row of an export": [
        _rewrite("log.jsonl", "{", ""),
        _rewrite("log.jsonl", "{", "[" * 100_000),
        _rewrite("log.jsonl", '"id": 1', '"id": ' + "9" * 5_000),
    ],
    "in another state than its log leads to": [_rewrite("log.jsonl", '"approved"', '"rejected"')],
    "isn't a valid row": [
        _rewrite("log.jsonl", '"id": 1', '"id": "one"'),
        _rewrite("log.jsonl", '"id": 1', '"id": ' + "9" * 30),
        _rewrite("sqlite_sequence.jsonl", '"seq": ', '"seq": ' + "9" * 17),
        _rewrite("notes/10/1-*.md", "state: approved", "state: published"),
        _rewrite("notes/10/1-*.md", "verified_at: '2026", "verified_at: 'last year"),
        _rewrite("notes/10/1-*.md", "+00:00", ""),
        _rewrite("questions.jsonl", '"{', '"['),
        _rewrite("reviews.jsonl", '"approve"', '"applaud"'),
    ],
    "has an unknown table or column": [
        _rewrite("log.jsonl", '"id": 1', '"id) values (1); --": 1'),
        lambda folder: (folder / "surprises.jsonl").write_text("{}\n"),
    ],
    "rows refer to rows that are gone": [lambda folder: note_file(folder).unlink()],
    "is not complete": [_rewrite("commonplace.json", "true", "false")],
    "by another version": [_rewrite("commonplace.json", "m001", "m999")],
    "not what an export writes": [_rewrite("commonplace.json", "{", "[")],
}


@pytest.mark.parametrize(
    ("sentence", "change"), [(key, each) for key, found in HOSTILE.items() for each in found]
)
def test_hostile_folder_refused_whole(
    empty: Store, full_export: Path, sentence: str, change: Callable[[Path], object]
) -> None:
    before = dump(empty)
    change(full_export)
    with pytest.raises(FolderError, match=sentence) as error:
        import_folder(empty, full_export)
    assert len(str(error.value)) < 600
    assert dump(empty) == before


def test_import_keeps_bytes(
    empty: Store, full_path: Path, full_export: Path, tmp_path: Path
) -> None:
    import_folder(empty, full_export, EVERYTHING)
    with Store(full_path) as full:
        assert alike(empty, tmp_path / "again") == alike(full, tmp_path / "first")
        assert dump(empty) == dump(full)
    assert empty.database.integrity_problem() == ""


# U+0000 is removed where text enters.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30
) | st.sampled_from(
    ["---", "\n---\n", "a: b", "\r\n", " x ", "\x01", "\x85\u2028", "2026-03-04", "null", "😀"]
)


@st.composite
def stores(draw: st.DrawFn) -> list[tuple[str, str, str, str, Decision | None]]:
    row = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, st.none() | st.sampled_from(RULINGS))
    return draw(st.lists(row, min_size=2, max_size=8))


@settings(max_examples=5)
@given(stores(), st.sampled_from([0, 1, 2]))
def test_any_text_survives_a_move(
    rows: list[tuple[str, str, str, str, Decision | None]], revisions: int
) -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "b").mkdir()
        with Store(root / "a.db") as store, Store(root / "b" / "b.db") as other:
            for title, text, tag, reason, decision in rows:
                link = f"https://a.example/{quote(reason)}"
                written = Submission(title, text, ("grösse",), link)
                note = store.contributions.propose(GUILD, Member(1, title), 5, written).note
                for number in range(revisions):
                    again = Submission(title, text + str(number), (), link)
                    store.contributions.revise(GUILD, note.id, Member(1, title), again)
                if decision is not None:
                    latest = some(store.notes.latest(GUILD, note.id))
                    store.decisions.decide(
                        GUILD, latest.revision.id, Member(2, tag), Ruling(decision, reason)
                    )
                asked = Question(0, None, None, 3, text, Evidence.NONE, AT, 1, earlier=title)
                store.question_records.record([asked])
                store.add_source(title, Scope(0))
            before = alike(store, root / "one")
            import_folder(other, root / "one", EVERYTHING)
            assert alike(other, root / "two") == before
            assert dump(other) == dump(store)


def test_unstorable_characters_are_left_out(store: Store, empty: Store, folder: Path) -> None:
    store.remember("a key", "a value")
    exported(store, folder)
    kept = folder / "memory.jsonl"
    kept.write_text(kept.read_text().replace("a value", "a\\u0000 val\\ud83due"))
    import_folder(empty, folder)
    assert empty.recall("a key") == "a val\ufffdue"


def test_second_import_changes_nothing(full_path: Path, full_export: Path) -> None:
    with Store(full_path) as full:
        before = dump(full)
        imported = import_folder(full, full_export)
        assert (imported.rows, imported.edited, imported.differing) == ({}, [], 0)
        assert dump(full) == before


def test_import_keeps_later_changes(store: Store, folder: Path, note: Note) -> None:
    store.decisions.retire(GUILD, note.id, ADA)
    before = dump(store)
    imported = import_folder(store, folder)
    assert imported.rows == {}
    assert imported.differing > 0
    assert dump(store) == before


@pytest.mark.usefixtures("note")
def test_older_database_catches_on(
    store: Store, empty: Store, folder: Path, tmp_path: Path
) -> None:
    import_folder(empty, folder)
    approved(store, "Another text.")
    before = alike(store, folder)
    imported = import_folder(empty, folder)
    assert imported.rows["notes"] == 1
    assert alike(empty, tmp_path / "again") == before
    last = empty.audit_log.entries()[-1]
    assert (last.event, last.subject) == ("imported", "database")
    assert json.loads(last.detail) == {"rows": imported.rows}
    assert import_folder(empty, folder).rows == {}
    assert empty.audit_log.entries()[-1] == last


def test_unapproved_note_is_not_imported(store: Store, empty: Store, folder: Path) -> None:
    store.contributions.propose(GUILD, MIRA, 5, Submission("Waiting", "For a decision."))
    exported(store, folder)
    edit(folder, "state: pending", "state: approved")
    edit(folder, "live_revision_id: null", "live_revision_id: 1")
    with pytest.raises(FolderError, match=r"1 note is in another state than its log"):
        import_folder(empty, folder)
    assert empty.notes.every_live() == []


def test_import_leaves_out_unanswered_forms(empty: Store, full_export: Path) -> None:
    """Their tokens would make the bot reply to them."""
    row = {"id": 7, "guild_id": 10, "member_id": 1, "token": "x", "locale": "de"}
    row |= {"custom_id": "form:note", "fields": "[]", "sent_at": "2026-01-02T00:00:00+00:00"}
    (full_export / "inbox.jsonl").write_text(json.dumps({**row, "taken": 0}) + "\n")

    import_folder(empty, full_export)

    assert list(empty.database.rows("select * from inbox")) == []


@pytest.mark.usefixtures("note")
def test_export_of_another_community_is_a_conflict(empty: Store, folder: Path) -> None:
    approved(empty, "A different text.")
    before = dump(empty)
    with pytest.raises(FolderError, match=r"Nothing was imported.*log 1.*notes 1.*revisions 1"):
        import_folder(empty, folder)
    assert dump(empty) == before


@pytest.mark.usefixtures("note")
def test_import_brings_no_deleted_data_back(store: Store, folder: Path) -> None:
    store.purge.guild(GUILD)
    import_folder(store, folder)
    assert store.notes.every_live() == []


@pytest.mark.parametrize("withdraw", [True, False])
def test_import_after_forgetting_works(store: Store, folder: Path, withdraw: bool) -> None:
    approved(store)
    store.contributions.propose(GUILD, MIRA, 5, Submission("Waiting", "For a decision."))
    exported(store, folder)
    store.personal_data.forget(MIRA.id, withdraw=withdraw)
    before = store.audit_log.entries()
    assert import_folder(store, folder).differing == 0
    assert store.audit_log.entries() == before


@pytest.mark.usefixtures("note")
def test_import_obeys_the_file_of_tombstones(path: Path, store: Store, folder: Path) -> None:
    store.personal_data.forget(MIRA.id, withdraw=True)
    store.close()
    path.unlink()
    with Store(path) as fresh:
        import_folder(fresh, folder)
        assert fresh.notes.every_live() == []
        assert fresh.personal_data.summary(MIRA.id, GUILD)["notes"].everywhere == 0


def latest(store: Store, note: Note) -> Revision:
    return some(store.notes.latest(GUILD, note.id)).revision


def test_edited_note_becomes_a_revision_once(store: Store, folder: Path, note: Note) -> None:
    edit(folder)
    edit(folder, "wordings: []", "wordings: [how long, gpu time]")
    assert import_folder(store, folder).edited == [note.id]
    revision = latest(store, note)
    assert revision.submission.text == "Sixty hours a month."
    assert revision.submission.wordings == ("how long", "gpu time")
    assert (revision.state, revision.writer) == (State.PENDING, EDITOR.name)
    assert some(store.notes.live(note.id)).revision.submission.text == "Forty hours a month."
    assert import_folder(store, folder).edited == []


@pytest.mark.usefixtures("note")
@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("Forty hours a month.", "", "The text is empty"),
        ("title: GPU hours", "title: ''", "The title is empty"),
        ("link: ''", "link: nowhere", "link isn't a web address"),
    ],
)
def test_invalid_edit_refused_whole(
    store: Store, folder: Path, before: str, after: str, sentence: str
) -> None:
    edit(folder, before, after)
    with pytest.raises(FolderError, match=sentence):
        import_folder(store, folder)


def test_edit_of_a_revised_note_is_refused(store: Store, folder: Path, note: Note) -> None:
    edit(folder)
    store.contributions.revise(GUILD, note.id, MIRA, Submission("GPU hours", "Seventy."))
    with pytest.raises(FolderError, match="another revision since the export"):
        import_folder(store, folder)


@pytest.mark.usefixtures("note")
def test_edit_of_an_unknown_note_is_refused(empty: Store, folder: Path) -> None:
    edit(folder)
    with pytest.raises(FolderError, match=r"1-gpu-hours\.md was edited, but"):
        import_folder(empty, folder)
    assert empty.notes.every_live() == []


def test_edit_of_an_earlier_revision_is_refused(full_path: Path, full_export: Path) -> None:
    path = next(full_export.glob("revisions/10/*.md"))
    path.write_text(path.read_text() + "More.\n")
    with Store(full_path) as full, pytest.raises(FolderError, match="isn't the text of its note"):
        import_folder(full, full_export)


def as_exported_with(folder: Path, schema: list[str]) -> None:
    """Make an export claim these migrations."""
    path = folder / "commonplace.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))


def without_later_columns(folder: Path) -> None:
    """Take out of an export what 1.0.0 hadn't: wordings, synonyms, checks, and settings since."""
    (folder / "copied_wordings.jsonl").unlink()
    (folder / "helper_answers.jsonl").unlink()
    (folder / "note_checks.jsonl").unlink()
    columns = r"wordings: \[\]\n|  (?:asked_message_id|owner_id|offered_id): null\n"
    settings = {
        name
        for kind in (GuildSettings, EffectiveSettings)
        for name, facts in facts_of(kind).items()
        if facts.since or name == "from_replies"
    }
    later = (
        columns + rf'|, "(?:{"|".join(settings)})": (?:[0-9]+|null|"[^"]*")'
        r'|, "synonyms": "(?:[^"\\]|\\.)*"|, "similar_ids": "\[\]"'
        r'|, "post_state": "open"|, "look_at": null'
    )
    for path in (*folder.rglob("*.md"), *folder.glob("*.jsonl")):
        path.write_text(re.sub(later, "", path.read_text()))


def test_export_from_before_1_0_0_is_imported(store: Store, empty: Store, folder: Path) -> None:
    note = lived(store)
    for one in store.notes.history(note.guild_id, note.id):
        store.decisions.reword(note.guild_id, one.revision.id, Member(8, "Ada"), [])
    before = store.audit_log.entries()
    exported(store, folder)
    without_later_columns(folder)
    as_exported_with(folder, ["m001_first_tables", BEFORE_1_0_0])
    assert import_folder(empty, folder, EVERYTHING).rows["revisions"] == 4
    assert empty.audit_log.entries()[:-1] == before


@pytest.mark.parametrize("schema", [["m001_first_tables", "m011_handing_on"], [], [NEXT], [1]])
def test_other_versions_are_refused(empty: Store, full_export: Path, schema: list[str]) -> None:
    as_exported_with(full_export, schema)
    with pytest.raises(FolderError) as error:
        import_folder(empty, full_export)
    found = f"found {', '.join(map(str, schema[-1:]))}, expected {migrations.names()[-1]}"
    assert str(error.value).startswith(f"{full_export} was exported by another version ({found})")
    assert empty.notes.every_live() == []


def test_later_version_imports_this_one(
    tmp_path: Path, full_export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = add_next_migration(monkeypatch)
    with Store(tmp_path / "later.db") as newer:
        assert newer.database.migrations() == later
        assert import_folder(newer, full_export, EVERYTHING).rows["revisions"] == 4
        assert {row["song_id"] for row in newer.database.rows("select * from notes")} == {7}


def test_logs_are_compared_by_guild(store: Store, empty: Store, folder: Path) -> None:
    store.guilds.save_settings(GuildSettings(1, 1, 2), 9)
    store.guilds.save_settings(GuildSettings(2, 1, 2), 9)
    exported(store, folder)
    import_folder(empty, folder)
    with store.database.writing():
        store.audit_log.append(1, None, "left", "guild")
        store.audit_log.append(2, None, "left", "guild")
    exported(store, folder)
    # Another process wrote the missing line meanwhile, under a lower id.
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join(lines[:2] + lines[3:]))
    assert import_folder(empty, folder).rows == {"log": 1}
    assert import_folder(store, folder).rows == {}
    exported(store, folder)
    assert import_folder(empty, folder).rows == {"log": 1}
    assert [entry.number for entry in empty.audit_log.entries(1)] == [1, 2]


@pytest.mark.parametrize(
    "changed",
    [
        {"content": b"<svg xmlns='http://www.w3.org/2000/svg'/>"},
        {"kind": "gif"},
        {"digest": "0" * 64},
        {"content": "text"},
        {"content": None},
    ],
)
def test_forged_picture_is_refused(changed: dict[str, object]) -> None:
    row = {"digest": picture().digest, "kind": "png", "content": picture().content}
    check_values("pictures", row)

    with pytest.raises(ValueError, match="no picture of its kind and digest"):
        check_values("pictures", {**row, **changed})


def test_edited_note_keeps_its_pictures(store: Store, folder: Path) -> None:
    note = store.contributions.propose(
        GUILD, MIRA, 5, Submission("Shelf", "The key is on the shelf."), pictures=[picture()]
    ).note
    exported(store, folder)
    edit(folder, "on the shelf.", "behind the door.")

    import_folder(store, folder)

    assert latest(store, note).submission.text == "The key is behind the door."
    assert store.pictures.of(latest(store, note).id) == (picture(),)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("tags", '[".."]'),
        ("tags", '["../../../x"]'),
        ("tags", '["Upper"]'),
        ("tags", '["a", "b", "c", "d", "e", "f"]'),
        ("link", "javascript:alert(1)"),
        ("link", "https://a.example/ x"),
    ],
)
def test_untypable_tags_and_links_are_refused(column: str, value: str) -> None:
    row = {"tags": '["gpu", "grösse"]', "link": "https://a.example/"}
    check_values("revisions", row)
    with pytest.raises(ValueError, match="aren't tags"):
        check_values("revisions", {**row, column: value})


# Imports from either kind of database into the other: the same rows, and the same export.


@pytest.fixture(params=["into sqlite", "into postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A store of one kind, and an empty one of the other, each with its own data folder."""
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.shared("community", make_tables)
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    urls = [url, ""] if request.param == "into sqlite" else ["", url]
    places = [Place(folder, each) for folder, each in zip(folders, urls, strict=True)]
    with places[0].store() as source, places[1].store() as target:
        yield source, target
    cluster.execute(EMPTY_TABLES, url)


@pytest.mark.slow
def test_export_crosses_the_databases(
    both: tuple[Store, Store], folder: Path, tmp_path: Path
) -> None:
    source, target = both
    lived(source)
    before = exported(source, folder)
    import_folder(target, folder, tuple(OptInRows))
    after = exported(target, tmp_path / "again")
    changed = {"log.jsonl", "sqlite_sequence.jsonl"}
    assert {name for name in after if after[name] != before.get(name)} == changed
    assert after["log.jsonl"].startswith(before["log.jsonl"])
    assert import_folder(target, folder).rows == {}
    for table in ("pictures", "hits", "questions"):
        query = f"select * from {table} order by 1, 2"  # noqa: S608
        assert target.database.rows(query) == source.database.rows(query)
    assert target.database.integrity_problem() == ""
    assert target.audit_log.contradicted_notes() == []
    # Later ids are new.
    assert approved(target).id > max(note.id for note in source.notes.every_live())


@pytest.mark.slow
def test_older_server_database_catches_up(both: tuple[Store, Store], folder: Path) -> None:
    source, target = both
    first = approved(source)
    exported(source, folder)
    import_folder(target, folder)
    second = approved(source, "Another text.")
    exported(source, folder)
    assert import_folder(target, folder).rows["notes"] == 1
    target.decisions.retire(GUILD, second.id, MIRA)
    assert import_folder(target, folder).differing > 0
    assert [note.id for note in target.notes.every_live()] == [first.id]


@pytest.mark.slow
def test_rows_refused_by_postgresql_change_nothing(both: tuple[Store, Store], folder: Path) -> None:
    source, target = both
    source.contributions.propose(GUILD, MIRA, 5, Submission("Hours", "Forty."))
    exported(source, folder)
    # The same member under another key.
    target.database.insert("members", {"key": 9, "user_id": MIRA.id})
    with pytest.raises(FolderError, match=r"can't be imported: .*Nothing was changed"):
        import_folder(target, folder)
    assert target.notes.pending(GUILD) == []
    assert target.audit_log.entries() == []
