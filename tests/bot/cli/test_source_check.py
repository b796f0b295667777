"""The check of new documents: headings asked as questions, and titles."""

from pathlib import Path

import pytest

from bot.cli import source_check
from bot.cli.source_check import (
    BROKEN_LINKS,
    SourceCheck,
    check,
    check_text,
    cited_pages,
    links_text,
)
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end, update
from knowledge.sources.addition import add_paths
from knowledge.sources.link_check import LinkCheck
from tests.fakes import WordEmbedder

pytestmark = pytest.mark.usefixtures("one_article")

FERRIES = (
    "# Ferries\n\n## Lisbon boats\n\nLisbon boats leave at nine.\n\n## Porto trams\n\nTrams run.\n"
)


def _checked(tmp_path: Path, files: dict[str, str]) -> SourceCheck:
    folder = tmp_path / "guides"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    with Core(settings, WordEmbedder()) as core:
        add_paths(core.store, [folder])
        report = run_to_end(update(core))
        return check(core, [key for key in report.added if key.startswith("file:")])


def test_headings_that_find_their_section_are_counted(tmp_path: Path) -> None:
    assert _checked(tmp_path, {"a.md": FERRIES}) == SourceCheck(2, 2, {})


def test_a_heading_that_finds_another_section_is_missed(tmp_path: Path) -> None:
    """A heading without a word finds nothing of its own."""
    text = f"{FERRIES}\n## !!!\n\nNothing leaves at night.\n"
    checked = _checked(tmp_path, {"a.md": text})
    assert (checked.asked, checked.found) == (3, 2)


def test_uninformative_titles_are_named(tmp_path: Path) -> None:
    files = {"a.md": "# Same\n\nOne.", "b.md": "# Same\n\nTwo.", "c.md": "# Own\n\nThree."}
    checked = _checked(tmp_path, files)
    assert checked == SourceCheck(0, 0, {"Same": 2})
    assert check_text(checked).plain == "Titles that say little: “Same” (2 documents).\n"


def test_headings_are_only_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_check, "HEADINGS", 3)
    text = "# Long\n\n" + "".join(f"## Part {n}\n\nText {n}.\n\n" for n in range(5))
    assert _checked(tmp_path, {"a.md": text}).asked == 3


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (SourceCheck(1, 0, {}), "0 of 1 heading, asked as questions, found their section first.\n"),
        (SourceCheck(0, 0, {}), ""),
    ],
)
def test_the_check_is_a_line_for_each_finding(checked: SourceCheck, said: str) -> None:
    assert check_text(checked).plain == said


def _cited(tmp_path: Path, files: dict[str, str], base_url: str) -> dict[str, set[str]]:
    folder = tmp_path / "guides"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    with Core(settings, WordEmbedder()) as core:
        add_paths(core.store, [folder], base_url=base_url)
        run_to_end(update(core))
        return cited_pages(core, str(folder.resolve()))


def test_each_cited_page_is_checked_once(tmp_path: Path) -> None:
    files = {"a.md": FERRIES, "b.md": "Text."}
    assert _cited(tmp_path, files, "mkdocs:https://a.org") == {
        "https://a.org/a/": {"lisbon-boats", "porto-trams"},
        "https://a.org/b/": set(),
    }


def test_files_without_an_address_have_nothing_to_check(tmp_path: Path) -> None:
    assert _cited(tmp_path, {"a.md": FERRIES}, "") == {}


def test_cited_pages_are_only_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_check, "PAGES", 3)
    files = {f"{number}.md": f"Text {number}." for number in range(4)}
    assert len(_cited(tmp_path, files, "mkdocs:https://a.org")) == 3


def test_broken_links_are_named_by_kind() -> None:
    found = LinkCheck(2, 3, {"https://a.org/b": "is gone"}, ["https://a.org/c#d"])
    assert links_text(found).plain == (
        "Found 2 of 3 cited pages and 3 of 4 cited headings.\n"
        "page is missing: https://a.org/b is gone\n"
        "heading is missing: https://a.org/c#d\n"
    )
    many = LinkCheck(unanchored=[f"https://a.org/#{n}" for n in range(BROKEN_LINKS + 2)])
    assert "heading is missing: 2 more" in links_text(many).plain
