"""The connector with a real MediaWiki of 60 pages, from Debian's package; skipped without it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import Final, Self

import pytest

from bot.storage.derived_data import open_entries
from tests.knowledge.sources.php_server import PHP, PhpServer
from tests.knowledge.sources.visited import VisitedService

PROGRAM: Final = Path("/usr/share/mediawiki")
SETTINGS: Final = """
wfLoadExtension( 'ParserFunctions' );
wfLoadExtension( 'Cite' );
$wgRightsUrl = "https://creativecommons.org/licenses/by-sa/4.0/";
$wgRightsText = "CC BY-SA 4.0";
$wgJobRunRate = 0;
// Content may ask search engines to stay away, which it may not by default.
$wgExemptFromUserRobotsControl = [];
"""


def is_installed() -> bool:
    return Path(PHP).exists() and (PROGRAM / "api.php").exists()


class RealWiki(PhpServer):
    """An empty wiki of its own, which lasts as long as the context."""

    def __init__(self, folder: Path, name: str = "Harbour Wiki", settings: str = "") -> None:
        super().__init__(folder / "requests.log")
        self._folder = folder
        self._seen = 0
        self._environment = {**os.environ, "MW_CONFIG_FILE": str(folder / "LocalSettings.php")}
        self._install(name, settings)

    def _install(self, name: str, settings: str) -> None:
        (self._folder / "data").mkdir()
        del self._environment["MW_CONFIG_FILE"]
        self.run(
            *("install", "--dbtype", "sqlite", "--dbname", "wiki"),
            *("--dbpath", self._folder / "data", "--confpath", self._folder),
            *("--server", self.base, "--scriptpath", "", "--pass", "lighthouse-keeper-7"),
            *(name, "Admin"),
        )
        self._environment["MW_CONFIG_FILE"] = str(self._folder / "LocalSettings.php")
        with (self._folder / "LocalSettings.php").open("a") as file:
            file.write(SETTINGS + settings)

    def run(self, script: str, *arguments: object, text: str = "") -> None:
        """Run one of MediaWiki's maintenance scripts."""
        done = subprocess.run(
            [PHP, PROGRAM / "maintenance" / "run.php", script, *map(str, arguments)],
            input=text,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self) -> Self:
        self.start(PROGRAM, self._environment)
        return self

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        lines = [line for line in self.log.read_text().splitlines() if ": GET " in line]
        new = [line.partition(": GET ")[2] for line in lines[self._seen :]]
        self._seen = len(lines)
        return new

    # Content.

    def fill(self, pages: Mapping[str, str]) -> None:
        """Import pages, by title."""
        revisions = "".join(
            f"<page><title>{escape(title)}</title><revision><timestamp>2025-11-02T08:00:00Z"
            f"</timestamp><text>{escape(text)}</text></revision></page>"
            for title, text in pages.items()
        )
        dump = self._folder / "pages.xml"
        dump.write_text(f'<mediawiki version="0.11" xml:lang="en">{revisions}</mediawiki>')
        self.run("importDump", "--quiet", dump)
        self.run_jobs()
        # The installation's own changes; imports on the server make none.
        self.run("sql", "--query", "delete from recentchanges")

    def edit(self, title: str, text: str) -> None:
        self.run("edit", title, text=text)

    def run_jobs(self) -> None:
        """Finish what edits have queued."""
        self.run("runJobs", "--quiet")

    def move(self, pages: Mapping[str, str], *, redirect: bool = True) -> None:
        """Move pages; `pages` has the new titles by the old ones."""
        titles = self._folder / "titles.txt"
        titles.write_text("".join(f"{title}|{to}\n" for title, to in pages.items()))
        self.run("moveBatch", *([] if redirect else ["--noredirects"]), titles)

    def delete(self, *pages: str) -> None:
        titles = self._folder / "titles.txt"
        titles.write_text("\n".join(pages))
        self.run("deleteBatch", titles)

    def undelete(self, title: str) -> None:
        self.run("undelete", title)

    def protect(self, title: str) -> None:
        self.run("protect", title)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="MediaWiki is not installed"),
]

# Documents that a process takes before it is killed.
KILLS = (0, 1, 5)
PIERS = 20
DYING = """
import os, signal, sys
from pathlib import Path
from bot.storage.derived_data import open_entries
from tests.knowledge.sources.visited import VisitedService
with open_entries(Path(sys.argv[2]), "") as pages:
    steps = VisitedService("mediawiki", sys.argv[1], pages).steps()
    for _ in range(int(sys.argv[3]) + 1):
        next(steps)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def pier(number: int, depth: int = 7) -> str:
    return (
        f"{{{{Pier|number={number}|depth={depth}}}}}Pier {number} is a pier."
        "<ref>The office.</ref>\n"
        f"== Boats ==\nBoat {number} is moored here.\n== Notes ==\n<references/>\n"
        "{{Piers}}[[Category:Piers]]"
    )


PAGES = {
    "Template:Pier": '{| class="infobox"\n! colspan=2 | Pier {{{number}}}\n|-\n! Depth\n'
    "| {{#if:{{{depth|}}}|{{{depth}}} m}}\n|}",
    "Template:Piers": '<div class="navbox">[[Pier 1]] · [[Pier 2]]</div>',
    "Template:Fare": "Two coins",
    **{f"Pier {number}": pier(number) for number in range(1, PIERS + 1)},
    **{f"Help:Topic {number}": f"Topic {number} of the help." for number in range(3)},
    **{f"Jetty {number}": f"#REDIRECT [[Pier {number}]]" for number in range(1, 11)},
    **{f"Ferry {number}": "A ride costs {{Fare}}. [[Category:Ferries]]" for number in range(5)},
    "Closed": "Not for search engines. __NOINDEX__",
    "Marked": "[[Category:Piers]]",
}


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWiki]:
    with RealWiki(tmp_path_factory.mktemp("wiki")) as made:
        made.fill(PAGES)
        yield made


@pytest.fixture(scope="module")
def store(wiki: RealWiki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a first visit, during which three processes were killed."""
    folder = tmp_path_factory.mktemp("store")
    wiki.requests()
    for taken in KILLS:
        command = [sys.executable, "-c", DYING, wiki.base, str(folder), str(taken)]
        assert subprocess.run(command, check=False).returncode < 0
    with open_entries(folder, "") as pages:
        VisitedService("mediawiki", wiki.base, pages).sync()
    return folder


@pytest.fixture
def source(wiki: RealWiki, store: Path) -> Iterator[VisitedService]:
    with open_entries(store, "") as pages:
        yield VisitedService("mediawiki", wiki.base, pages)


def _killed_visits_cost_no_page_and_no_second_request(
    wiki: RealWiki, source: VisitedService
) -> None:
    asked = [path for path in wiki.requests() if "action=parse" in path]
    assert len(asked) == len(set(asked))
    # The piers, the ferries, the main page and the page of nothing but its category.
    assert len(asked) == PIERS + 5 + 2
    assert {one for one in source.documents if one.startswith("Pier")} == {
        f"Pier {number}" for number in range(1, PIERS + 1)
    }
    assert sorted(set(source.documents) - {*PAGES}) == ["Main Page"]
    assert source.reasons == []


def _a_page_is_its_text_as_rendered_without_chrome(wiki: RealWiki, source: VisitedService) -> None:
    found = source.documents["Pier 3"]
    assert found.text == (
        "Pier 3 is a pier.\n\n- Depth: 7 m\n\n## Boats {#Boats}\n\nBoat 3 is moored here.\n\n"
        "## Notes {#Notes}"
    )
    assert found.link == f"{wiki.base}/index.php/Pier_3"
    assert (found.wordings, found.verified) == (("Jetty 3",), date(2025, 11, 2))
    assert found.contributor == "Harbour Wiki, CC BY-SA 4.0"


def _an_unchanged_wiki_costs_one_request(wiki: RealWiki, source: VisitedService) -> None:
    source.sync()
    wiki.requests()
    source.sync()
    assert len(wiki.requests()) == 1


def _changes_are_followed_there_and_back(wiki: RealWiki, source: VisitedService) -> None:
    before = source.documents
    wiki.delete("Pier 10")
    wiki.move({"Pier 11": "Quay 11"})
    wiki.move({"Pier 12": "Help:Pier 12"}, redirect=False)
    wiki.protect("Pier 13")
    wiki.edit("Pier 14", pier(14, depth=9))
    wiki.edit("Jetty 11", "#REDIRECT [[Pier 15]]")
    wiki.edit("Pier 21", pier(21))
    wiki.run_jobs()
    wiki.requests()
    source.sync()
    requests = wiki.requests()
    after = source.documents
    assert set(before) ^ set(after) == {"Pier 10", "Pier 11", "Pier 12", "Quay 11", "Pier 21"}
    assert after["Quay 11"].id == before["Pier 11"].id
    assert after["Quay 11"].link.endswith("/Quay_11")
    # The wiki doesn't follow the redirect to a redirect, either.
    assert after["Quay 11"].wordings == ("Pier 11",)
    assert "- Depth: 9 m" in after["Pier 14"].text
    assert after["Pier 15"].wordings == ("Jetty 11",)
    # The changes, the pages in them, and the five that were to be read.
    assert len(requests) == 1 + 1 + 5

    wiki.undelete("Pier 10")
    wiki.delete("Pier 11", "Jetty 11", "Pier 21")
    wiki.move({"Quay 11": "Pier 11", "Help:Pier 12": "Pier 12"}, redirect=False)
    wiki.edit("Pier 14", pier(14))
    wiki.edit("Pier 15", pier(15, depth=8))
    wiki.run_jobs()
    source.sync()
    back = source.documents
    assert set(back) == set(before)
    same = [title for title in before if title not in ("Pier 15",)]
    assert {title: (back[title].id, back[title].text) for title in same} == {
        title: (before[title].id, before[title].text) for title in same
    }
    assert back["Pier 15"].wordings == ()
    assert source.reasons == []


def _a_changed_template_is_followed_to_its_pages(wiki: RealWiki, source: VisitedService) -> None:
    source.sync()
    wiki.edit("Template:Fare", "Three coins")
    wiki.run_jobs()
    source.sync()
    assert source.documents["Ferry 2"].text == "A ride costs Three coins."


def test_a_wiki_is_read_and_followed(wiki: RealWiki, source: VisitedService) -> None:
    """One test, because each step begins with the wiki that the one before it leaves."""
    _killed_visits_cost_no_page_and_no_second_request(wiki, source)
    _a_page_is_its_text_as_rendered_without_chrome(wiki, source)
    _an_unchanged_wiki_costs_one_request(wiki, source)
    _changes_are_followed_there_and_back(wiki, source)
    _a_changed_template_is_followed_to_its_pages(wiki, source)


@pytest.mark.parametrize(
    ("only", "number"),
    [
        ((("namespace", "Help"),), 3),
        ((("category", "Category:Ferries|Piers"), ("prefix", "ferry 4")), 1),
        ((("prefix", "Pier 2"),), 2),
    ],
)
def test_filters_narrow_the_pages(
    wiki: RealWiki, tmp_path: Path, only: tuple[tuple[str, str], ...], number: int
) -> None:
    with open_entries(tmp_path, "") as pages:
        some = VisitedService("mediawiki", wiki.base, pages, only)
        some.sync()
        assert len(some.documents) == number
