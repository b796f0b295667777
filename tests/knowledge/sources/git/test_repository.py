"""Fetching from a real Git server on this machine, and what a hostile one may answer."""

import shutil
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from dulwich.objects import Blob, Tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.sources.git import repository
from knowledge.sources.git.http_client import NO_REMOTE
from knowledge.sources.git.repository import (
    CommittedFile,
    Repository,
    forget_other_copies,
    open_repository,
)
from knowledge.sources.net import addresses
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import LostError, RefusedError
from tests.knowledge.git_server import GitServer
from tests.knowledge.web_server import local_fetcher

NAME = "owner/name.git"
FILES = {"README.md": "# Hi\n\nThere.", "docs/a.md": "# A\n\nOne.", "docs/deep/b.md": "# B\n\nTwo."}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as made:
        made.repositories.make(NAME)
        yield made


class World:
    def __init__(self, server: GitServer, folder: Path) -> None:
        self.server = server
        self.folder = folder / "copy"

    def open_repository(
        self, *, branch: str = "", most: int | None = None, name: str = NAME
    ) -> Repository:
        self.server.requests.clear()
        with local_fetcher() as fetcher:
            return open_repository(self.server.url(name), branch, self.folder, fetcher, most)

    def paths(self, folder: str = "", *, branch: str = "") -> list[str]:
        found = self.open_repository(branch=branch)
        paths = [file.path for file in found.files(folder).files]
        found.close()
        return paths

    def refusal(self, *, branch: str = "", most: int | None = None, name: str = NAME) -> str:
        with pytest.raises(RefusedError) as refused:
            self.open_repository(branch=branch, most=most, name=name)
        return str(refused.value)


@pytest.fixture
def world(server: GitServer, tmp_path: Path) -> World:
    server.repositories.commit(NAME, FILES)
    return World(server, tmp_path)


def test_the_files_of_the_commit_are_listed_and_read(world: World) -> None:
    found = world.open_repository()
    listed = found.files()
    assert [file.path for file in listed.files] == sorted(FILES)
    assert found.content(listed.files[0]) == FILES["README.md"].encode()
    assert world.server.requests == [
        ("GET", f"/{NAME}/info/refs"),
        ("POST", f"/{NAME}/git-upload-pack"),
    ]
    found.close()


def test_a_folder_narrows_what_is_listed(world: World) -> None:
    assert world.paths("docs") == ["docs/a.md", "docs/deep/b.md"]
    assert world.paths("docs/deep/") == ["docs/deep/b.md"]
    found = world.open_repository()
    listed = found.files("README.md")
    assert (listed.files, listed.whole) == ((), True)
    assert listed.reason.startswith("has no folder README.md at commit ")
    found.close()


def _noise(size: int) -> str:
    """A text that hardly gets smaller when it is compressed."""
    digests = (sha256(str(number).encode()).hexdigest() for number in range(size // 64 + 1))
    return "".join(digests)[:size]


def test_only_changes_since_the_known_commit_are_sent(world: World) -> None:
    before = world.open_repository()
    before.close()
    after = world.server.repositories.commit(NAME, {**FILES, "docs/a.md": "# A\n\nMore."})
    assert world.paths("docs") == ["docs/a.md", "docs/deep/b.md"]
    asked = world.server.bodies[-1].decode()
    for said in (f"shallow {before.commit}", f"have {before.commit}", "deepen 1"):
        assert said in asked
    assert f"want {after}" in asked


def test_a_history_that_was_written_anew_is_followed(world: World) -> None:
    world.open_repository().close()
    commit = world.server.repositories.commit(NAME, {"new.md": "# New"}, rewrite=True)
    found = world.open_repository()
    assert found.commit == commit
    assert [file.path for file in found.files().files] == ["new.md"]
    found.close()


def test_a_branch_is_followed_in_place_of_the_repositorys_own(world: World) -> None:
    world.server.repositories.commit(NAME, {"other.md": "# Other"}, branch="feature/x")
    assert world.paths(branch="feature/x") == ["other.md"]
    assert world.refusal(branch="gone") == "has no branch gone; it has feature/x, main"


def test_what_is_no_document_and_what_leads_out_is_passed_over(world: World) -> None:
    modes = {"link.md": 0o120000, "module.md": 0o160000, "run.md": 0o100755}
    files: dict[str, bytes | str] = {
        **dict.fromkeys(modes, "../../etc/passwd"),
        ".github/a.md": "# Hidden",
        "photo.png": b"\x89PNG",
        ".md": "# Named",
        "line\nbreak.md": "# Broken",
        "a.md": "# A",
    }
    world.server.repositories.commit(NAME, files, modes=modes)
    assert world.paths() == ["a.md", "run.md"]


def test_what_is_kept_in_lfs_is_not_taken_for_text(world: World) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    world.server.repositories.commit(NAME, {"a.md": pointer})
    found = world.open_repository()
    with pytest.raises(RefusedError, match="is kept in Git LFS, which is not read"):
        found.content(found.files().files[0])
    with pytest.raises(RefusedError, match="lacks an object of its own"):
        found.content(CommittedFile("b.md", "0" * 40))
    found.close()


def test_a_file_that_is_too_large_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = world.open_repository()
    [file, *_] = found.files().files
    monkeypatch.setattr(repository, "FILE_BYTES", len(FILES["README.md"]) - 1)
    with pytest.raises(RefusedError, match="MB when it is unpacked"):
        found.content(file)
    found.close()


def test_more_files_than_are_read_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "FILES", 2)
    found = world.open_repository()
    listed = found.files()
    assert [file.path for file in listed.files] == ["README.md", "docs/a.md"]
    assert (listed.reason, listed.whole) == ("has more than 2 files; the first 2 are read", False)
    monkeypatch.setattr(repository, "ENTRIES", 1)
    assert found.files().reason == "has more than 1 files and folders"
    found.close()


def test_a_copy_that_has_grown_is_begun_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_repository().close()
    monkeypatch.setattr(repository, "COPY_FACTOR", 0)
    world.open_repository().close()
    assert ("POST", f"/{NAME}/git-upload-pack") in world.server.requests


@pytest.mark.parametrize("damaged", ["*.idx", "*.pack", "HEAD", "config"])
def test_a_copy_that_is_damaged_is_begun_anew(world: World, damaged: str) -> None:
    world.open_repository().close()
    for file in world.folder.rglob(damaged):
        file.chmod(0o600)
        file.write_bytes(b"nonsense")
    assert world.paths("docs") == ["docs/a.md", "docs/deep/b.md"]


def test_copies_of_what_is_no_source_any_more_are_removed(tmp_path: Path) -> None:
    kept, gone = (repository.copy_folder(tmp_path, f"git+https://a.org/{n}.git") for n in "ab")
    for folder in (kept, gone):
        folder.mkdir(parents=True)
    forget_other_copies(tmp_path, ["git+https://a.org/a.git", "https://a.org/"])
    assert (kept.exists(), gone.exists()) == (True, False)


def test_nested_folders_are_not_searched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "ENTRIES", 2_000)
    repo = world.server.repositories.opened[f"/{NAME}"]
    inner = Tree()
    inner.add(b"a.png", 0o100644, Blob.from_string(b"x").id)
    repo.object_store.add_object(Blob.from_string(b"x"))
    repo.object_store.add_object(inner)
    for _ in range(12):
        outer = Tree()
        for name in range(30):
            outer.add(b"%02d" % name, 0o040000, inner.id)
        repo.object_store.add_object(outer)
        inner = outer
    world.server.repositories.commit_tree(NAME, inner.id)
    found = world.open_repository()
    listed = found.files()
    # Thirty to the power of twelve of them are claimed.
    assert (listed.files, listed.whole) == ((), False)
    assert listed.reason == "has more than 2,000 files and folders"
    found.close()


def test_overfull_folder_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "TREE_BYTES", 20)
    found = world.open_repository()
    with pytest.raises(RefusedError, match="has a folder that is damaged, or has too many"):
        found.files()
    found.close()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changes_on_the_way_are_refused(world: World, data: st.DataObject) -> None:
    shutil.rmtree(world.folder, ignore_errors=True)
    chain = world.server.chain

    def torn(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        written: list[bytes] = []

        def begun(status: str, headers: Any, *_: Any) -> Any:
            start(status, [one for one in headers if one[0].lower() != "content-length"])
            return written.append

        written += chain(environ, begun)
        content = bytearray(b"".join(written))
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, max(len(content) - 1, 0)))
            if data.draw(st.booleans()):
                content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            else:
                del content[at : at + data.draw(st.integers(0, 50))]
        return [bytes(content)]

    world.server.first = torn
    try:
        found = world.open_repository()
    except RefusedError:
        return
    try:
        files = found.files().files
        assert {file.path: found.content(file).decode() for file in files} == FILES
    except RefusedError:
        pass
    finally:
        found.close()


# What may be wrong.


def test_an_empty_repository_says_so(server: GitServer, tmp_path: Path) -> None:
    assert World(server, tmp_path).refusal() == "is empty: it has no commit yet"


def _answers(status: str, body: bytes = b"", **headers: str) -> Any:
    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start(status, [(name.replace("_", "-"), value) for name, value in headers.items()])
        return [body]

    return application


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_answers("401 Unauthorized"), "asks for a login: the repository is missing or private"),
        (_answers("403 Forbidden"), "asks for a login"),
        (_answers("404 Not Found"), NO_REMOTE),
        (_answers("429 Too Many Requests"), "asks to be left alone for now (429)"),
        (_answers("500 Oops"), "can't be fetched (the host answers 500)"),
        (_answers("200 OK", b"<h1>Hi</h1>", Content_Type="text/html"), NO_REMOTE),
        (_answers("200 OK", b"a\trefs/heads/main"), NO_REMOTE),
        (
            _answers("301 Moved", Location="http://169.254.169.254/info/refs"),
            "leads to 169.254.169.254, which",
        ),
        (_answers("301 Moved", Location="file:///etc/passwd"), "is redirected to what is no http"),
        (_answers("302 Found", Location="/again/info/refs"), "is redirected more than 5 times"),
    ],
)
def test_inaccessible_repository_gets_one_sentence(world: World, answer: Any, told: str) -> None:
    world.server.first = answer
    with (
        Fetcher(0, problem_with=_private_problem, resolve=_resolved) as fetcher,
        pytest.raises(RefusedError) as refused,
    ):
        open_repository(world.server.url(NAME), "", world.folder, fetcher)
    assert str(refused.value).startswith(told)


def _private_problem(address: str) -> str:
    """The real guard, but for the server of the test."""
    return "" if address == "127.0.0.1" else addresses.problem_with(address)


def _resolved(host: str, port: int) -> list[str]:
    return ["127.0.0.1"] if host == "github.test" else [host]


ADVERTISED = "application/x-git-upload-pack-advertisement"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"ffff",
        b"001e# service=git-upload-pack\n0000",
        b"001e# service=git-upload-pack\n0000" + b"0008zzzz" * 10 + b"0000",
        b"000eversion 2\n0000",
        b"000eversion 9\n0000",
        bytes(range(256)),
    ],
)
def test_a_host_that_says_nonsense_is_not_understood(world: World, body: bytes) -> None:
    world.server.first = _answers("200 OK", body, Content_Type=ADVERTISED)
    assert world.refusal()


def test_a_name_that_leads_into_the_own_network_is_never_asked(world: World) -> None:
    world.server.requests.clear()
    with (
        Fetcher(0, resolve=lambda *_: ["127.0.0.1"]) as fetcher,
        pytest.raises(RefusedError) as refused,
    ):
        open_repository(world.server.url(NAME), "", world.folder, fetcher)
    assert str(refused.value) == "leads to 127.0.0.1, which is this machine itself"
    assert world.server.requests == []


def test_too_large_pack_is_not_read_on(world: World) -> None:
    world.server.repositories.commit(NAME, {"a.md": _noise(200_000)})
    assert world.refusal(most=10_000) == "sends more than 0.01 MB"
    assert not list(world.folder.rglob("*.pack"))


def test_no_password_or_setting_is_used(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "http://elsewhere.test/"]\n\tinsteadOf = {world.server.url("")}\n'
        '[http]\n\textraHeader = "Authorization: secret"\n'
    )
    (home / ".git-credentials").write_text("http://me:secret@github.test\n")
    monkeypatch.setenv("HOME", str(home))
    seen: list[str] = []
    chain = world.server.chain

    def looked_at(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        seen.append(environ.get("HTTP_AUTHORIZATION", ""))
        return chain(environ, start)

    world.server.first = looked_at
    world.open_repository().close()
    assert seen == ["", ""]


# Repositories that are here.


def test_a_repository_that_is_here_is_read_where_it_is(world: World, tmp_path: Path) -> None:
    path = str(world.server.repositories.folder / NAME)
    with local_fetcher() as fetcher:
        found = open_repository(path, "", tmp_path / "none", fetcher)
        assert [file.path for file in found.files("docs").files] == ["docs/a.md", "docs/deep/b.md"]
        found.close()
        with pytest.raises(LostError, match="has no branch x; it has main"):
            open_repository(path, "x", tmp_path / "none", fetcher)
        with pytest.raises(LostError, match="is no Git repository"):
            open_repository(str(tmp_path), "", tmp_path / "none", fetcher)
    assert not (tmp_path / "none").exists()
    assert world.server.requests == []
