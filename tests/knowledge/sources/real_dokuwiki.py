"""A real DokuWiki on this machine: a copy of Debian's package, served by PHP itself."""

import json
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from tests.knowledge.sources.php_server import PHP, PhpServer

PROGRAM: Final = Path("/usr/share/dokuwiki")
CONFIGURATION: Final = Path("/etc/dokuwiki")
# Programs need no login; a namespace is hidden.
SETTINGS: Final = """<?php
$conf['savedir'] = './data';
$conf['useacl'] = 1;
$conf['remote'] = 1;
$conf['remoteuser'] = '';
$conf['hidepages'] = ':hidden';
"""
RIGHTS: Final = "*\t@ALL\t8\n"
FOLDERS: Final = (
    *("attic", "cache", "index", "locks", "log", "media"),
    *("media_attic", "media_meta", "meta", "pages", "tmp"),
)


def is_installed() -> bool:
    return Path(PHP).exists() and (PROGRAM / "doku.php").exists()


class RealWiki(PhpServer):
    """A wiki of its own, which lasts as long as the context."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "requests.log")
        self._folder = folder / "wiki"
        self._seen = 0
        shutil.copytree(PROGRAM, self._folder)
        # Debian's names the folders of the machine's own wiki.
        (self._folder / "inc/preload.php").unlink(missing_ok=True)
        closed = shutil.ignore_patterns("*.auth.php")
        shutil.copytree(CONFIGURATION, self._folder / "conf", ignore=closed)
        for name in FOLDERS:
            (self._folder / "data" / name).mkdir(parents=True)
        self.configure()
        (self._folder / "conf/acl.auth.php").write_text(RIGHTS)
        (self._folder / "conf/users.auth.php").touch()

    def configure(self, settings: str = "") -> None:
        """Set lines of the configuration behind the usual ones."""
        (self._folder / "conf/local.php").write_text(SETTINGS + settings)

    def close(self, namespace: str) -> None:
        """Let nobody read a namespace."""
        closed = f"{RIGHTS}{namespace}:*\t@ALL\t0\n"
        (self._folder / "conf/acl.auth.php").write_text(closed)

    def __enter__(self) -> Self:
        self.start(self._folder)
        return self

    def asked(self) -> int:
        """The number of requests since the last call."""
        count = self.log.read_text().count(": POST ")
        self._seen, before = count, self._seen
        return count - before

    def page(self, address: str) -> str:
        """A page as readers get it."""
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - http
            return bytes(answer.read()).decode()

    # Content.

    def save(self, pages: Mapping[str, str]) -> None:
        """Write pages, by id; one without text is deleted."""
        for page, text in pages.items():
            self._call("core.savePage", page=page, text=text, summary="Test")

    def _call(self, method: str, **parameters: Any) -> None:
        sent = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        request = urllib.request.Request(  # noqa: S310 - http
            f"{self.base}/lib/exe/jsonrpc.php",
            sent.encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - http
            assert json.load(answer)["result"] is True
