from pathlib import Path

import pytest

from knowledge.sources.git.hosts import (
    file_link,
    is_repository,
    page_of,
    repository_url,
    web_address,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/name",
        "https://www.github.com/owner/name/",
        "https://gitlab.com/group/name",
        "https://codeberg.org/owner/name",
        "https://bitbucket.org/team/name",
        "https://git.sr.ht/~owner/name",
        "https://git.example.org/deep/er/name.git",
    ],
)
def test_a_repository_is_told_by_its_address(address: str) -> None:
    assert is_repository(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner",
        "https://github.com/owner/name/wiki",
        "https://github.com/topics/discord",
        "https://github.com/owner/name?tab=readme",
        "https://example.org/owner/name",
        "https://owner.github.io/name/",
        "https://example.org/.git",
        "https://github.com/",
    ],
)
def test_other_addresses_are_pages(address: str) -> None:
    assert not is_repository(address)


def test_a_repository_is_remembered_in_one_form_where_both_answer() -> None:
    assert repository_url("HTTPS://GitHub.com/owner/name.git/") == "https://github.com/owner/name"
    assert repository_url("https://a.org/x.git") == "https://a.org/x.git"


def test_a_repository_needs_an_https_address() -> None:
    with pytest.raises(ValueError, match="no http or https address"):
        repository_url("ssh://git@github.com/owner/name")


@pytest.mark.parametrize(
    ("place", "link", "lines"),
    [
        (
            "https://github.com/o/r",
            f"https://github.com/o/r/blob/{COMMIT}/docs/a%20b.md?plain=1",
            "L{first}-L{last}",
        ),
        (
            "https://gitlab.example.org/g/s/r.git",
            f"https://gitlab.example.org/g/s/r/-/blob/{COMMIT}/docs/a%20b.md?plain=1",
            "L{first}-{last}",
        ),
        (
            "https://codeberg.org/o/r",
            f"https://codeberg.org/o/r/src/commit/{COMMIT}/docs/a%20b.md?display=source",
            "L{first}-L{last}",
        ),
        (
            "https://bitbucket.org/o/r",
            f"https://bitbucket.org/o/r/src/{COMMIT}/docs/a%20b.md",
            "lines-{first}:{last}",
        ),
        (
            "https://git.sr.ht/~o/r",
            f"https://git.sr.ht/~o/r/tree/{COMMIT}/item/docs/a%20b.md?view-source",
            "L{first}-{last}",
        ),
        (
            "https://a.org/r/{path}?id={commit}#n{first}",
            f"https://a.org/r/docs/a%20b.md?id={COMMIT}",
            "n{first}",
        ),
    ],
)
def test_a_file_is_cited_as_its_host_shows_it(place: str, link: str, lines: str) -> None:
    assert file_link(place, COMMIT, "docs/a b.md") == (link, lines)


def test_unknown_host_is_cited_at_its_repository() -> None:
    assert file_link("https://a.org/r", COMMIT, "a.md") == ("https://a.org/r", "")


def test_path_like_a_pattern_stays_itself() -> None:
    link, _ = file_link("https://github.com/o/r", COMMIT, "{commit}/a.md")
    assert link.endswith(f"/blob/{COMMIT}/%7Bcommit%7D/a.md?plain=1")


# The files of a checkout; nothing of its settings is run.


UPSTREAM = '[branch "trunk"]\n\tremote = origin\n\tmerge = refs/heads/main\n'


def _checkout(folder: Path, url: str, more: str = "") -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / "docs" / "in use").mkdir(parents=True)
    core = "[core]\n\tbare = false\n\tfsmonitor = touch ran\n"
    remote = f'[remote "origin"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
    (folder / ".git" / "config").write_text(core + remote + more)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/trunk\n")
    return folder


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/owner/repo.git", "https://github.com/owner/repo"),
        ("https://user:secret@github.com/owner/repo", "https://github.com/owner/repo"),
        ("http://git.example.org:8443/owner/repo/", "https://git.example.org:8443/owner/repo"),
        ("git@github.com:owner/repo.git", "https://github.com/owner/repo"),
        ("ssh://git@git.example.org:2222/group/sub/repo", "https://git.example.org/group/sub/repo"),
        ("git://git.example.org/repo.git", "https://git.example.org/repo"),
        ("/srv/git/repo.git", ""),
        ("file:///srv/git/repo.git", ""),
        ("../repo", ""),
        ("git@alias-of-mine:owner/repo.git", ""),
        ("https://github.com/owner/repo?token=secret", ""),
        ("", ""),
    ],
)
def test_a_remote_leads_to_a_page_without_anybodys_password(url: str, shown: str) -> None:
    assert page_of(url) == shown


@pytest.mark.parametrize(
    ("host", "way"),
    [
        ("github.com", "blob"),
        ("gitlab.example.org", "-/blob"),
        ("codeberg.org", "src/branch"),
        ("bitbucket.org", "src"),
    ],
)
def test_folder_is_cited_at_its_followed_branch(tmp_path: Path, host: str, way: str) -> None:
    root = _checkout(tmp_path / "checkout", f"git@{host}:owner/repo.git", UPSTREAM)
    page = f"https://{host}/owner/repo/{way}/main"
    assert web_address(root) == page
    assert web_address(root / "docs" / "in use") == f"{page}/docs/in%20use"
    (root / "docs" / "a.md").write_text("A.")
    assert web_address(root / "docs" / "a.md") == f"{page}/docs"
    # Nothing of Git's settings was run.
    assert not list(tmp_path.rglob("ran"))


def test_local_branch_and_commit_have_their_names(tmp_path: Path) -> None:
    root = _checkout(tmp_path, "https://github.com/owner/repo")
    assert web_address(root) == "https://github.com/owner/repo/blob/trunk"
    (root / ".git" / "HEAD").write_text("0123456789abcdef0123456789abcdef01234567\n")
    assert web_address(root).endswith("/blob/0123456789abcdef0123456789abcdef01234567")


@pytest.mark.parametrize("config", [b"", b"\xff", b"no section\n", b'[remote "origin"]\nurl\n'])
def test_unclear_remote_has_no_address(tmp_path: Path, config: bytes) -> None:
    root = _checkout(tmp_path, "https://github.com/owner/repo")
    (root / ".git" / "config").write_bytes(config)
    assert web_address(root) == ""


def test_work_trees_and_submodules_have_addresses(tmp_path: Path) -> None:
    main = _checkout(tmp_path / "main", "https://github.com/owner/repo", UPSTREAM)
    tree, module = tmp_path / "tree", main / "docs" / "module"
    kept = main / ".git" / "worktrees" / "tree"
    kept.mkdir(parents=True)
    (kept / "HEAD").write_text("ref: refs/heads/topic\n")
    (kept / "commondir").write_text("../..\n")
    _checkout(main / ".git" / "modules", "https://github.com/owner/module")
    (main / ".git" / "modules" / ".git").rename(main / ".git" / "modules" / "module")
    for folder, told in ((tree, kept), (module, "../../.git/modules/module")):
        folder.mkdir()
        (folder / ".git").write_text(f"gitdir: {told}\n")
    assert web_address(tree) == "https://github.com/owner/repo/blob/topic"
    assert web_address(module) == "https://github.com/owner/module/blob/trunk"


def test_what_is_in_no_checkout_has_no_address(tmp_path: Path) -> None:
    assert web_address(tmp_path) == ""
    for told in ("gitdir: elsewhere\n", "", "\0"):
        (tmp_path / ".git").write_text(told)
        assert web_address(tmp_path) == ""
