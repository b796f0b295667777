"""Publishing into a folder: changes, removals, and its state at any moment."""

import itertools
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.page.publish import Published
from knowledge.page.site import PublishedPicture, PublishError, Site
from knowledge.values.notes import Picture, PictureKind
from tests.knowledge.page.made_sites import files, note, published, readable_files, site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "www"


def test_note_has_a_page_and_is_listed(folder: Path) -> None:
    published(site(note(1, "Ferries to Lisbon", "They leave at *nine*.")), folder)
    there = files(folder)
    assert b"<p>They leave at <em>nine</em>.</p>" in there["notes/1/index.html"]
    for path in ("index.html", "newest/index.html", "tags/ferry/index.html"):
        assert b"notes/1/" in there[path]


def test_first_page_has_notes_and_some_tags(folder: Path) -> None:
    published(site(*(note(number, tags=(f"tag-{number}",)) for number in range(1, 31))), folder)
    first = files(folder)["index.html"].decode().partition("<main")[2]
    assert first.index('href="notes/') < first.index("<h2>Tags</h2>")
    assert first.partition("<h2>Tags</h2>")[2].count('class="tag"') == 12


def test_unchanged_site_keeps_bytes_and_times(tmp_path: Path) -> None:
    made, folder = site(*map(note, range(1, 4))), tmp_path / "first"
    published(made, folder)
    before = {path: (content, (folder / path).stat()) for path, content in files(folder).items()}
    entries = {path.partition("search/0/")[0] or "search/0" for path in before}
    assert published(made, folder) == Published(len(entries), 0, 0)
    assert before == {
        path: (content, (folder / path).stat()) for path, content in files(folder).items()
    }

    published(site(note(9)), tmp_path / "second")
    published(made, tmp_path / "second")
    assert files(folder) == files(tmp_path / "second")


def test_withdrawn_note_leaves_both_copies(folder: Path) -> None:
    secret = note(2, "Zanzibar", "xylophones", tags=("quagga",))
    published(site(note(1), secret), folder)
    done = published(site(note(1), gone=("notes/2/",)), folder)
    assert done.removed
    for path, content in readable_files(folder.parent).items():
        assert "quagga" not in path
        assert not any(word in content for word in (b"zanzibar", b"xylophones", b"quagga")), path


def test_no_file_has_a_secret(folder: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    link = f"https://x.example/?key={secret}"
    written = note(1, f"Key {secret}?", f"It is {secret}, `{secret}`.", link=link)
    others = note(2, f"Key {secret}"), note(3, related=("notes/1/",))
    published(site(written, *others, welcome=secret, name=f"Club {secret}"), folder)
    assert secret.lower().encode() not in b"".join(readable_files(folder).values())


@pytest.mark.parametrize("address", ["javascript:alert(1)", "JavaScript://x%0aalert(1)", "data:,x"])
def test_no_file_links_another_scheme(folder: Path, address: str) -> None:
    made = site(note(1, link=address), note(2, link="https://x.example/"), invite=address)
    published(made, folder)
    there = readable_files(folder)
    assert b'href="https://x.example/"' in there["notes/2/index.html"]
    assert not [path for path, content in there.items() if address.lower().encode() in content]


def test_both_copies_share_unchanged_pages(folder: Path) -> None:
    published(site(note(1)), folder)
    published(site(note(1), note(2)), folder)
    copies = [folder.with_name(f".www.{name}") / "site" for name in "ab"]
    assert files(copies[0]) == files(copies[1])
    assert all((copies[0] / path).samefile(copies[1] / path) for path in files(copies[0]))


def test_other_users_can_read_every_file(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        published(site(note(1)), folder)
    finally:
        os.umask(before)
    for path in folder.resolve().rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_incomplete_copy_is_made_anew(folder: Path) -> None:
    published(site(note(1)), folder)
    for name in "ab":
        half = folder.with_name(f".www.{name}")
        (half / "made.json").unlink()
        (half / "site" / "notes" / "1" / "index.html").unlink()
        (half / "site" / "left.html").write_text("left over")
    published(site(note(1)), folder)
    assert "left.html" not in files(folder)
    assert "notes/1/index.html" in files(folder)


@pytest.mark.parametrize("listed", ["../../precious", "{folder}/precious", "a/../../../precious"])
def test_foreign_copy_deletes_nothing_outside(folder: Path, listed: str) -> None:
    precious = folder.parent / "precious"
    precious.mkdir()
    (precious / "diary.txt").write_text("mine")
    strange = folder.with_name(".www.a")
    (strange / "site").mkdir(parents=True)
    listed = listed.format(folder=folder.parent)
    (strange / "made.json").write_text(json.dumps({listed: "x"}))
    published(site(note(1)), folder)
    assert files(precious) == {"diary.txt": b"mine"}
    assert "notes/1/index.html" in files(folder)


@pytest.mark.parametrize("linked", ["notes", "notes/1", "index.html"])
@pytest.mark.parametrize("name", ["a", "b"])
def test_link_in_a_copy_is_not_followed(folder: Path, name: str, linked: str) -> None:
    published(site(note(1)), folder)
    copy = folder.with_name(f".www.{name}") / "site"
    precious = folder.parent / "precious"
    (copy / linked).rename(precious)
    (copy / linked).symlink_to(precious)
    before = files(folder.parent / "precious") or precious.read_bytes()
    published(site(note(2)), folder)
    assert (files(folder.parent / "precious") or precious.read_bytes()) == before
    for each in "ab":
        assert "notes/1/index.html" not in files(folder.with_name(f".www.{each}") / "site")
    assert not [path for path in folder.resolve().rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("tag", ["..", "../../../x", "/etc", "a/b", ".", "tag\n"])
def test_any_tag_has_a_page_inside_the_folder(folder: Path, tag: str) -> None:
    published(site(note(1, tags=(tag,))), folder)
    outside = {path for path in folder.parent.iterdir() if not path.name.startswith(".www")}
    assert outside == {folder}
    [path] = [path for path in files(folder) if re.fullmatch(r"tags/[^/]+/index\.html", path)]
    assert path.removesuffix("index.html").encode() in files(folder)["index.html"]


def test_folder_with_other_files_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    published(site(note(1)), folder)
    assert "index.html" in files(folder)

    other = tmp_path / "other"
    other.mkdir()
    (other / "diary.txt").write_text("mine")
    with pytest.raises(PublishError, match="didn't write"):
        published(site(note(1)), other)
    assert files(other) == {"diary.txt": b"mine"}

    link = tmp_path / "link"
    link.symlink_to(other)
    with pytest.raises(PublishError, match="is a link to"):
        published(site(note(1)), link)


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PublishError, match="can't be written"):
        published(site(note(1)), tmp_path / "file" / "www")


def test_pictures_and_icon_are_loaded_once(folder: Path) -> None:
    picture = PublishedPicture("ab" * 32, PictureKind.PNG)
    icon = Picture(PictureKind.PNG, b"icon")
    made = site(note(1, pictures=(picture,)), icon=icon)
    published(made, folder)
    published(site(*made.notes, note(2), icon=icon), folder)
    there = files(folder)
    assert there[f"pictures/{picture.file_name}"] == picture.digest.encode()
    assert there["icon.png"] == b"icon"
    assert f"../../pictures/{picture.file_name}".encode() in there["notes/1/index.html"]


# Random sites: notes by text and tags.
_CHOSEN = st.dictionaries(
    st.integers(1, 6), st.tuples(st.sampled_from("αβγ"), st.sampled_from("xyz")), max_size=5
)


def _site(chosen: dict[int, tuple[str, str]]) -> Site:
    gone = tuple(f"notes/{number}/" for number in range(1, 7) if number not in chosen)
    notes = (
        note(number, f"Title {text}", f"Text {text} of {number}", tags=(tag,))
        for number, (text, tag) in sorted(chosen.items())
    )
    return site(*notes, gone=gone)


@given(st.lists(_CHOSEN, min_size=1, max_size=4))
def test_folder_has_only_the_published_notes(history: list[dict[int, tuple[str, str]]]) -> None:
    """Compared byte by byte with the same site in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        for chosen in history:
            published(_site(chosen), Path(name, "www"))
        published(_site(history[-1]), Path(name, "fresh"))
        fresh = files(Path(name, "fresh"))
        for copy in (".www.a/site", ".www.b/site", "www"):
            assert files(Path(name, copy)) == fresh


def _killed_at(step: int, made: Site, folder: Path) -> bool:
    """Publish in a process killed before its n-th file access; returns whether it was killed."""
    process = os.fork()
    if process == 0:
        left = step

        def count(event: str, _: object) -> None:
            nonlocal left
            if event in _STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        published(made, folder)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status)


_STEPS = {
    *("open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    *("os.symlink", "shutil.rmtree", "subprocess.Popen"),
}


@pytest.mark.slow
@pytest.mark.parametrize("first", [False, True], ids=["old", "none"])
def test_killed_publisher_leaves_a_whole_site(tmp_path: Path, *, first: bool) -> None:
    old, new = site(note(1), note(2)), site(note(1, text="Other."), note(3), gone=("notes/2/",))
    for name, made in (("old", old), ("new", new)):
        published(made, tmp_path / name / "www")
    sites = [files(tmp_path / name / "www") for name in ("old", "new")]
    # Every fifth step keeps the test short.
    for step in itertools.count(0, 5):
        work = tmp_path / "work"
        if first:
            work.mkdir()
        else:
            shutil.copytree(tmp_path / "old", work, symlinks=True)
        killed = _killed_at(step, new, work / "www")
        there = files(work / "www") if (work / "www").exists() else None
        assert there in ([None, sites[1]] if first else sites), step
        # The next run finishes the interrupted one.
        published(new, work / "www")
        assert all(files(work / copy) == sites[1] for copy in (".www.a/site", ".www.b/site"))
        shutil.rmtree(work)
        if not killed:
            break
    assert step > 50
