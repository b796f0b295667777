"""Locations of repositories and crawls, checked when they are added."""

from pathlib import Path

import pytest
from dulwich.repo import Repo

from knowledge.sources.addition import (
    MissingSourceError,
    add_paths,
    add_visited,
    crawl_location,
    page_location,
    refuse_login_address,
    repository_location,
    service_location,
)
from knowledge.sources.kinds.registry import service_of
from knowledge.store.store import Store
from knowledge.values.documents import SHARED


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("https://me:secret@github.com/o/r", "would be shown in citations: leave it out."),
        ("http://127.0.0.1/r.git", "leads to 127.0.0.1, which is this machine itself."),
        ("https://[fd00::1]/r.git", "belongs to a private network."),
        ("ssh://git@github.com/o/r", "only what everybody may read can be followed: name the"),
        ("git@github.com:o/r.git", "name the repository's https address."),
        ("git://a.org/r", "name the repository's https address."),
        ("https://a.org/x.git?y", "has a ? in it"),
        ("/nowhere/at/all", "is not there: name a file or a folder."),
    ],
)
def test_a_repository_that_can_not_be_followed_is_refused(named: str, told: str) -> None:
    with pytest.raises(MissingSourceError) as refused:
        repository_location(named)
    assert told in str(refused.value)


def test_an_address_is_remembered_in_one_form() -> None:
    assert page_location("https://A.org#x") == "https://a.org"
    with pytest.raises(MissingSourceError, match="has a name or password"):
        page_location("https://me:x@a.org/")


@pytest.mark.parametrize("location", ["http://2130706433/", "https://10.1.2.3:8443/x"])
def test_digits_into_a_network_are_no_source(location: str) -> None:
    with pytest.raises(MissingSourceError, match=r"leads to \S+, which (is|belongs)"):
        page_location(location)


def test_public_digits_and_names_can_be_a_source() -> None:
    assert page_location("http://1.1.1.1/a") == "http://1.1.1.1/a"
    assert page_location("http://wiki.lan/a") == "http://wiki.lan/a"


def test_a_folder_without_commits_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match="is no Git repository or checkout"):
        repository_location(str(tmp_path))
    Repo.init_bare(str(tmp_path / "r.git"), mkdir=True).close()
    Repo.init(str(tmp_path / "work"), mkdir=True).close()
    assert repository_location(str(tmp_path / "r.git")) == f"git+file://{tmp_path}/r.git"
    assert repository_location(str(tmp_path / "work"), "main", "/docs/./a/") == (
        f"git+file://{tmp_path}/work@main#docs/a"
    )


@pytest.mark.parametrize("folder", ["../x", "a/../../b", "a\nb", "x" * 1_001])
def test_a_folder_stays_in_its_repository(folder: str) -> None:
    with pytest.raises(MissingSourceError, match="is no folder in a repository"):
        repository_location("https://a.org/r.git", "", folder)


@pytest.mark.parametrize("branch", ["-x", "a\nb", "x" * 201])
def test_a_branch_has_a_name(branch: str) -> None:
    with pytest.raises(MissingSourceError, match="is no name of a branch"):
        repository_location("https://a.org/r.git", branch)


def test_file_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a@b:c.md").write_text("# A")
    refuse_login_address("a@b:c.md")


@pytest.mark.parametrize(("depth", "pages"), [(-1, 5), (11, 5), (1, 0), (1, 2_001)])
def test_the_limits_of_a_crawl_have_limits(depth: int, pages: int) -> None:
    with pytest.raises(MissingSourceError, match="0 to 10 links deep and asks for 1 to 2,000"):
        crawl_location("https://a.org/", depth, pages)


def test_a_repository_that_is_here_is_cited_at_its_remote(store: Store, tmp_path: Path) -> None:
    made = Repo.init_bare(str(tmp_path / "r.git"), mkdir=True)
    config = made.get_config()
    config.set((b"remote", b"origin"), b"url", b"git@github.com:owner/name.git")
    config.write_to_path()
    made.close()
    location = repository_location(str(tmp_path / "r.git"))
    assert add_visited(store, location)
    assert store.base_urls()[location] == "https://github.com/owner/name"
    assert not add_visited(store, location, SHARED, "https://a.org/{path}?h={commit}#n{first}")
    assert store.base_urls()[location] == "https://a.org/{path}?h={commit}#n{first}"
    with pytest.raises(MissingSourceError, match="is no http or https address"):
        add_visited(store, location, SHARED, "ftp://a.org/{path}")


@pytest.mark.parametrize("pattern", ["https://a.org/{commit}/{stem}", "hugo:https://a.org/{first}"])
def test_pages_of_a_repository_have_no_commit(store: Store, pattern: str) -> None:
    location = repository_location("https://a.org/r.git")
    with pytest.raises(MissingSourceError, match="which only a Git repository's file"):
        add_visited(store, location, SHARED, pattern)
    assert location not in store.base_urls()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://docs.example.org/a/", "https://docs.example.org/a"),
        ("mkdocs:https://docs.example.org/", "mkdocs:https://docs.example.org"),
        ("https://example.org/{stem}#{anchor}", "https://example.org/{stem}#{anchor}"),
        ("", ""),
    ],
)
def test_base_url_of_a_folder_is_kept(store: Store, tmp_path: Path, typed: str, kept: str) -> None:
    add_paths(store, [tmp_path], SHARED, typed)
    assert store.base_urls().get(str(tmp_path.resolve()), "") == kept


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("mkdoc:https://example.org", "with its generator in front"),
        ("hugo:ftp://example.org", "is no http or https address"),
        ("https://example.org/#{anchor}/{stem}", "only at its end"),
        ("https://example.org/#top", "behind which no path can follow"),
        ("https://example.org/{path}?id={commit}", "commit}, which only a Git repository's file"),
        ("https://example.org/{path}#L{last}", "last}, which only a Git repository's file"),
    ],
)
def test_unusable_base_url_is_refused(store: Store, tmp_path: Path, typed: str, told: str) -> None:
    with pytest.raises(MissingSourceError, match=told):
        add_paths(store, [tmp_path], SHARED, typed)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://github.com/owner/name/issues", "github"),
        ("https://github.com/owner/name/discussions/", "github"),
        ("https://www.github.com/owner/name/releases?q=1", "github"),
        ("https://gitlab.com/group/sub/name/-/issues", "gitlab"),
        ("https://gitlab.com/group/name/-/releases", "gitlab"),
        ("https://github.com/owner/name", ""),
        ("https://github.com/owner/name/issues/7", ""),
        ("https://github.com.example.org/owner/name/issues", ""),
        ("https://gitlab.com/group/name", ""),
        ("https://a.org/feed/", "feed"),
        ("https://a.org/news.rss", "feed"),
        ("https://github.com/o/n/releases.atom", "feed"),
        ("https://a.org/feeding", ""),
    ],
)
def test_trackers_and_feeds_are_recognised_by_address(address: str, kind: str) -> None:
    assert service_of(address) == kind


def test_a_tracker_needs_the_address_of_one_of_its_pages() -> None:
    location = service_location("github", "https://git.example.org/o/n/issues?q=is:closed")
    assert location == "github+https://git.example.org/o/n/issues"
    for kind in ("github", "gitlab"):
        with pytest.raises(MissingSourceError, match="is no page of issues"):
            service_location(kind, "https://git.example.org/o/n")
