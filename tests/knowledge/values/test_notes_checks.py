"""The rule of newer releases, on links and texts as people write them."""

import pytest

from knowledge.values.notes import newer_release, release_at


@pytest.mark.parametrize(
    ("link", "release"),
    [
        ("https://github.com/qbittorrent/qBittorrent/releases/tag/v5.1.2", "qbittorrent 5.1.2"),
        ("https://github.com/o/tool/releases/tag/2026.01", "tool 2026.1"),
        ("https://gitlab.com/group/sub/tool/-/releases/v1.0", "tool 1.0"),
        # Trial versions, other tags and other pages.
        ("https://github.com/o/tool/releases/tag/v5.1-rc1", None),
        ("https://github.com/o/tool/releases/tag/release-5.1", None),
        ("https://github.com/o/tool/releases/tag/v5", None),
        ("https://github.com/o/tool/releases", None),
        ("https://github.com/o/tool/issues/5", None),
        ("https://example.org/releases/1.0", None),
        ("", None),
    ],
)
def test_a_release_is_named_by_repository_and_tag(link: str, release: str | None) -> None:
    found = release_at(link)
    assert (None if found is None else str(found)) == release


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("Use Tool 5.0 here.", "tool 5.1"),
        ("**Tool v5.0**: press Start.", "tool 5.1"),
        ("With tool version 4.9.9, press Start.", "tool 5.1"),
        ("Tool 5.1.1 has a bug.", "tool 5.1"),
        # As exactly as the text says it.
        ("Tool 5.1 has a bug.", None),
        ("Tool 5.1.2 has a bug.", None),
        ("Tool 6.0 has a bug.", None),
        ("Until Tool 4.0 it was a file, since Tool 5.1 it's a menu.", None),
        # No version of this product.
        ("Tool needs Python 3.9.", None),
        ("Toolbox 1.0 is another product.", None),
        ("Tool 5 has a bug, 4.0 stars.", None),
        ("", None),
    ],
)
def test_a_text_names_an_older_version(text: str, release: str | None) -> None:
    releases = {"tool": (5, 1, 2), "x": (9, 0)}
    found = newer_release(text, releases)
    assert (None if found is None else str(found)) == release
