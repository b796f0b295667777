"""Locations: each is read as a source of its kind, and written as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.kinds.folder import Channel, Folder
from knowledge.sources.kinds.page import Page
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.kinds.repository import GitRepository
from knowledge.sources.kinds.site import DEPTH, MOST_DEPTH, MOST_PAGES, PAGES, Site
from knowledge.sources.net.addresses import is_web
from knowledge.sources.source import Service

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize(
    ("location", "kind", "url", "parts"),
    [
        ("https://a.org/x", Page, "https://a.org/x", ()),
        ("git+https://a.org/r.git", GitRepository, "https://a.org/r.git", ("", "")),
        ("git+https://a.org/r@x/y#docs", GitRepository, "https://a.org/r", ("x/y", "docs")),
        ("git+file:///srv/a%20b.git@main", GitRepository, "/srv/a b.git", ("main", "")),
        ("crawl+https://a.org/b/#depth=2&pages=50", Site, "https://a.org/b/", ()),
        ("dokuwiki+https://a.org#namespace=b", Service, "https://a.org", ["namespace=b"]),
    ],
)
def test_a_location_is_read_as_its_kind(
    location: str, kind: type, url: str, parts: object, internal: bool
) -> None:
    location = f"internal+{location}" if internal else location
    source = source_at(location)
    assert isinstance(source, kind)
    assert (source.url, source.parts, source.location) == (url, parts, location)
    assert (source.is_visited, source.is_internal) == (True, internal)


def test_paths_and_channels_are_not_visited() -> None:
    folder, channel = source_at("/srv/#docs"), source_at("channel:7")
    assert (type(folder), folder.path, folder.is_visited) == (Folder, "/srv/#docs", False)
    assert (type(channel), Channel.id_of(channel.location), channel.path) == (Channel, 7, "")
    assert Channel.id_of("/srv/docs") is None


@given(st.sampled_from(["https://a.org/", "/srv/"]), NAMES, NAMES, NAMES)
def test_any_branch_and_folder_are_read_again(
    root: str, name: str, branch: str, folder: str
) -> None:
    # Addresses come percent-encoded, and without a fragment.
    name = name.replace("#", "").replace("%", "") if is_web(root) else name
    source = source_at(GitRepository.locate_branch(root + name, branch, folder))
    assert isinstance(source, GitRepository)
    assert (source.url, source.branch, source.folder) == (root + name, branch, folder)


@pytest.mark.parametrize(
    ("limits", "read"),
    [
        ("depth=2&pages=50", (2, 50)),
        ("depth=99&pages=99999999", (MOST_DEPTH, MOST_PAGES)),
        ("depth=x", (DEPTH, PAGES)),
    ],
)
def test_limits_of_a_crawl_are_bounded(limits: str, read: tuple[int, int]) -> None:
    site = source_at(f"crawl+https://a.org/#{limits}")
    assert isinstance(site, Site)
    assert (site.depth, site.pages) == read
