"""A real MediaWiki on this machine: Debian's package with SQLite, served by PHP itself."""

import os
import subprocess
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final, Self

from tests.knowledge.sources.php_server import PHP, PhpServer

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

    def asked(self) -> list[str]:
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
