"""Pages and anchors, compared with those that the generators themselves built.

`built_sites.json` holds the pages that each generator made of one folder of Markdown files, and the
ids that it gave to the headings of one of them. `moved` has the pages of files whose front matter
names another one. The generators' versions stand there, too.
"""

import json
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.site_addresses import (
    GENERATORS,
    OWN,
    TEMPLATE,
    anchors,
    cited_address,
    has_rule,
    own_id,
    with_absolute_links,
    with_own_id,
    without_own_id,
    without_rule,
)

BUILT: Final = json.loads(Path(__file__).with_name("built_sites.json").read_text(encoding="utf-8"))
HEADINGS: Final[list[str]] = BUILT["headings"]
FILES: Final = ("guide/setup-guide.md", "guide/01-First_Steps.md", "My Folder/Some File.md")
INDEX: Final = {"hugo": "guide/_index.md", "sphinx": "index.md"}

built = pytest.mark.parametrize(
    ("name", "site"), BUILT["generators"].items(), ids=list(BUILT["generators"])
)


@built
def test_each_anchor_is_the_one_that_the_generator_made(name: str, site: dict[str, Any]) -> None:
    """Where none can be told, as of a heading without a letter, the citation is the page's."""
    ours = [unquote(anchor) for anchor in anchors(name, HEADINGS)]
    assert len(ours) == len(site["anchors"])
    wrong = [pair for pair in zip(ours, site["anchors"], strict=True) if pair[0] != pair[1]]
    assert all(not anchor for anchor, _ in wrong), wrong
    assert len(wrong) <= 6


@built
def test_each_page_is_one_that_the_generator_made(name: str, site: dict[str, Any]) -> None:
    for file in (*FILES, INDEX.get(name, "guide/README.md")):
        link, rule = without_rule(
            cited_address(f"{name}:https://docs.example.org", PurePosixPath(file))
        )
        assert rule == name
        page = unquote(link.removeprefix("https://docs.example.org/"))
        assert _is_page(page, site["pages"]), page


def _is_page(page: str, pages: list[str]) -> bool:
    return any(way in pages for way in (page, f"{page}index.html", f"{page}/index.html"))


@pytest.mark.parametrize("name", ["docusaurus", "hugo", "jekyll"])
def test_front_matter_moves_a_page_as_the_generator_moved_it(name: str) -> None:
    """A file of which the generator made no page has no address."""
    for file in BUILT["generators"][name]["moved"]:
        path = PurePosixPath(file["file"])
        link, _ = without_rule(
            cited_address(f"{name}:https://docs.example.org", path, file["fields"])
        )
        page = unquote(link.removeprefix("https://docs.example.org/"))
        assert _is_page(page, [file["page"]]) if file["page"] else not link, (file, page)


@pytest.mark.parametrize(
    ("base_url", "fields", "link"),
    [
        ("hugo:https://e.org/docs", {"url": "/docs/a/"}, "https://e.org/docs/a/"),
        ("hugo:https://e.org/project", {"url": "/a/"}, "https://e.org/project/a/"),
        ("jekyll:https://e.org/docs", {"permalink": "/docs/a/"}, "https://e.org/docs/a/"),
        ("docusaurus:https://e.org", {"slug": "../../../up"}, "https://e.org/up"),
        ("docusaurus:https://e.org", {"slug": "//f.org"}, "https://e.org/f.org"),
        ("mkdocs:https://e.org", {"slug": "a", "permalink": "/b"}, "https://e.org/guide/first/"),
    ],
)
def test_field_leads_to_its_sites_page(base_url: str, fields: dict[str, str], link: str) -> None:
    found, _ = without_rule(cited_address(base_url, PurePosixPath("guide/first.md"), fields))
    assert found == link


@pytest.mark.parametrize(
    ("base_url", "file", "link"),
    [
        ("https://e.org/docs", "a/b c.md", "https://e.org/docs/a/b%20c.md"),
        ("https://e.org/{stem}", "a/b.md", "https://e.org/a/b"),
        ("https://e.org/{stem}/", "a/_index.md", "https://e.org/a/"),
        ("https://e.org/{stem}", "index.md", "https://e.org/"),
        ("hugo:https://e.org/{stem}/", "Upper.md", "https://e.org/Upper/#{hugo}"),
        ("https://e.org/{stem}.html", "a/index.md", "https://e.org/a/index.html"),
        ("https://e.org/{stem}", "a/my-index.md", "https://e.org/a/my-index"),
        ("https://e.org/{path}?plain=1", "a.md", "https://e.org/a.md?plain=1"),
        ("https://e.org/{stem}.html#{anchor}", "a/b.md", "https://e.org/a/b.html#{template}"),
        ("mkdocs:https://e.org", "a/form.pdf", "https://e.org/a/form.pdf#{mkdocs}"),
        ("mkdocs:https://e.org", "index.md", "https://e.org/#{mkdocs}"),
        ("docusaurus:https://e.org/docs", "1-a/2-b.mdx", "https://e.org/docs/a/b#{docusaurus}"),
        ("docusaurus:https://e.org/docs", "a/a.md", "https://e.org/docs/a#{docusaurus}"),
        ("github-wiki:https://e.org/w", "sub/My Page.md", "https://e.org/w/My-Page#{github-wiki}"),
        ("github-wiki:https://e.org/w", "Home.md", "https://e.org/w/#{github-wiki}"),
        (
            "gitlab-wiki:https://e.org/w",
            "sub/My Page.md",
            "https://e.org/w/sub/My-Page#{gitlab-wiki}",
        ),
    ],
)
def test_a_file_is_cited_at_its_page(base_url: str, file: str, link: str) -> None:
    assert cited_address(base_url, PurePosixPath(file)) == link


def test_only_what_tells_a_files_page_has_a_rule() -> None:
    with_rule = [
        "hugo:https://example.org",
        "https://example.org/{stem}",
        "https://e.org/{path}#{anchor}",
    ]
    assert all(map(has_rule, with_rule))
    assert not any(
        map(has_rule, ["https://example.org", "https://example.org/{commit}/{path}", ""])
    )


@pytest.mark.parametrize("rule", ["github-wiki", "gitlab-wiki"])
def test_anchors_of_wikis_follow_the_documented_rules(rule: str) -> None:
    """Punctuation and pictures go, names of pictures, hyphens and doubled blanks stay."""
    headings = {
        "This has spaces": "this-has-spaces",
        ":rocket: Start, *now*!": "rocket-start-now",
        "\N{ROCKET} Start": "-start",
        "3.5 (and more)": "35-and-more",
        "Two  spaces --- hyphens": "two--spaces-----hyphens",
        "한글 `<name>` [here](a.md)": "한글-name-here",
        "2024": "2024",
        "This  has spaces": "this--has-spaces",
        "This has *spaces*": "this-has-spaces-1",
    }
    assert [unquote(anchor) for anchor in anchors(rule, headings)] == [*headings.values()]
    fraction = {"github-wiki": "x-or-ⅷ", "gitlab-wiki": "x²-or-ⅷ"}
    assert [unquote(anchor) for anchor in anchors(rule, ["x² or Ⅷ"])] == [fraction[rule]]


@pytest.mark.parametrize("rule", [*GENERATORS, OWN])
def test_an_id_of_its_own_is_a_headings_anchor(rule: str) -> None:
    marked = ["Restore {#put-back}", "Two {: #zwei .wide }"]
    assert [*anchors(rule, marked)] == ["put-back", "zwei"]
    assert list(map(without_own_id, marked)) == ["Restore", "Two"]


def test_without_a_rule_only_headings_with_an_id_have_anchors() -> None:
    assert [*anchors(OWN, ["One", "Two {#two}"])] == ["", "two"]
    assert [*anchors("", ["One"])] == [""]


def test_a_title_in_docusaurus_is_counted_and_has_no_anchor() -> None:
    headings = ["Debian", "Debian", "Channels[^1]"]
    assert [*anchors("docusaurus", headings, [1, 2, 2])] == ["", "debian-1", "channels"]
    assert next(anchors("mkdocs", headings, [1, 2, 2])) == "debian"


def test_repeated_headings_have_anchors_of_their_own() -> None:
    assert [*anchors(TEMPLATE, ["Same", "Same", "Same"])] == ["same", "same-1", "same-2"]


@pytest.mark.parametrize("impossible", ["", "two words", "a}b", "{"])
def test_an_id_that_cannot_be_written_is_left_out(impossible: str) -> None:
    assert with_own_id("Title", impossible) == "Title"


@given(st.lists(st.text(max_size=30)), st.sampled_from([*GENERATORS, OWN]))
def test_anchors_can_stand_in_addresses(headings: list[str], rule: str) -> None:
    found = list(anchors(rule, headings))
    assert len(found) == len(headings)
    assert all(anchor.isascii() and not set(anchor) & set(' "<>#\n') for anchor in found)


@given(st.text(max_size=60))
def test_a_heading_loses_nothing_but_its_id(heading: str) -> None:
    kept = without_own_id(heading)
    assert heading.startswith(kept)
    assert bool(own_id(heading)) == (kept != heading)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](../setup.md#two)", "[a](https://e.org/setup/#two)"),
        (
            "[a](b.md) [c](d.png 'x')",
            "[a](https://e.org/guide/b/) [c](https://e.org/guide/d.png 'x')",
        ),
        (
            "[a](#b) [c](//d.org/e.md) [e](https://f.org/g.md)",
            "[a](#b) [c](//d.org/e.md) [e](https://f.org/g.md)",
        ),
        ("[a](/b/#c) ![d](/e.png)", "[a](https://e.org/b/#c) ![d](https://e.org/e.png)"),
        (
            "~~~\n```\n[a](b.md)\n~~~\n[a](b.md)",
            "~~~\n```\n[a](b.md)\n~~~\n[a](https://e.org/guide/b/)",
        ),
        ("```\n[a](b.md)", "```\n[a](b.md)"),
        ("[a](../../outside.md)", "[a](../../outside.md)"),
        ("`[a](b.md)`\n```\n[a](b.md)\n```", "`[a](b.md)`\n```\n[a](b.md)\n```"),
        ("[a](My%20Page.md)", "[a](https://e.org/guide/My%20Page/)"),
    ],
)
def test_links_to_files_beside_a_text_lead_to_their_pages(written: str, shown: str) -> None:
    path = PurePosixPath("guide/first.md")
    assert with_absolute_links(written, "mkdocs:https://e.org", path) == shown


def test_links_from_the_root_stay_where_no_root_is_known() -> None:
    path = PurePosixPath("a.md")
    code = "https://code.org/o/r/blob/main"
    assert with_absolute_links("[a](/b.md)", code, path) == "[a](/b.md)"


def test_links_behind_ten_thousand_stay_as_they_are() -> None:
    text = "[a](b.md) `c` " * 10_002
    shown = with_absolute_links(text, "mkdocs:https://e.org", PurePosixPath("a.md"))
    assert shown == "[a](https://e.org/b/) `c` " * 10_000 + "[a](b.md) `c` " * 2
