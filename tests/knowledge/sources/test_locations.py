import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.locations import (
    MOST_DEPTH,
    MOST_PAGES,
    CrawlLocation,
    RepositoryLocation,
    ServiceLocation,
    address_of,
    as_internal,
    crawl_at,
    is_internal,
    is_visited,
    is_web,
    repository_at,
    service_at,
)

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("source", "location"),
    [
        (RepositoryLocation("https://a.org/r.git"), "git+https://a.org/r.git"),
        (RepositoryLocation("https://a.org/r", "x/y", "docs"), "git+https://a.org/r@x/y#docs"),
        (RepositoryLocation("/srv/a b.git", "main"), "git+file:///srv/a%20b.git@main"),
        (CrawlLocation("https://a.org/b/", 2, 50), "crawl+https://a.org/b/#depth=2&pages=50"),
        (ServiceLocation("dokuwiki", "https://a.org", (("a", "b"),)), "dokuwiki+https://a.org#a=b"),
    ],
)
def test_a_source_is_written_as_people_write_it(
    source: RepositoryLocation | CrawlLocation | ServiceLocation, location: str
) -> None:
    assert str(source) == location
    assert source in (repository_at(location), crawl_at(location), service_at(location))
    assert address_of(location) == source.url
    assert is_visited(location)
    assert not is_web(location)
    internal = as_internal(location)
    assert (is_visited(internal), is_internal(internal), is_internal(location)) == (
        True,
        True,
        False,
    )
    assert source in (repository_at(internal), crawl_at(internal), service_at(internal))
    assert address_of(internal) == source.url


@given(st.sampled_from(["https://a.org/", "/srv/"]), NAMES, NAMES, NAMES)
def test_whatever_a_branch_and_a_folder_are_called_is_read_again(
    root: str, name: str, branch: str, folder: str
) -> None:
    # Addresses come percent-encoded, and without a fragment.
    name = name.replace("#", "").replace("%", "") if is_web(root) else name
    source = RepositoryLocation(root + name, branch, folder)
    assert repository_at(str(source)) == source


def test_limits_that_nobody_could_have_asked_for_are_brought_down() -> None:
    found = crawl_at("crawl+https://a.org/#depth=99&pages=99999999")
    assert found == CrawlLocation("https://a.org/", MOST_DEPTH, MOST_PAGES)
    assert crawl_at("crawl+https://a.org/#depth=x") == CrawlLocation("https://a.org/")


def test_pages_and_paths_are_what_they_were() -> None:
    assert is_web("HTTPS://a.org")
    assert not is_web("docs/http://a")
    assert (is_visited("https://a.org"), is_visited("/srv/docs")) == (True, False)
    assert address_of("/srv/docs") == "/srv/docs"
    assert crawl_at("https://a.org/") is None
    assert repository_at("https://a.org/") is None
