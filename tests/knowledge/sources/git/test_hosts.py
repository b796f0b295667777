import pytest

from knowledge.sources.git.hosts import file_link, is_repository, repository_url

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


def test_a_password_in_an_address_is_refused_because_it_would_be_shown() -> None:
    with pytest.raises(ValueError, match="would be shown in citations: leave it out"):
        repository_url("https://me:secret@github.com/owner/name")
    with pytest.raises(ValueError, match="no http or https address"):
        repository_url("ssh://git@github.com/owner/name")
    with pytest.raises(ValueError, match=r"has a \? in it"):
        repository_url("https://a.org/x.git?y")


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


def test_where_it_is_not_known_where_files_are_shown_the_repository_is_cited() -> None:
    assert file_link("https://a.org/r", COMMIT, "a.md") == ("https://a.org/r", "")


def test_a_path_that_looks_like_a_place_of_the_pattern_stays_what_it_is() -> None:
    link, _ = file_link("https://github.com/o/r", COMMIT, "{commit}/a.md")
    assert link.endswith(f"/blob/{COMMIT}/%7Bcommit%7D/a.md?plain=1")
