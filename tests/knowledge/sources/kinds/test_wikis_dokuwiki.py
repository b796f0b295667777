"""The connector with a real DokuWiki, a copy of Debian's package; skipped where there is none."""

import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

import pytest

from indexer.text.passages import heading_lines
from knowledge.files.site_addresses import anchors
from knowledge.sources.entries import EntryStore
from tests.knowledge.sources.php_server import PHP, PhpServer
from tests.knowledge.sources.visited import VisitedService

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

    def requests(self) -> int:
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
            f"{self.base}/lib/exe/jsonrpc.php", sent.encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - http
            assert json.load(answer)["result"] is True


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="DokuWiki is not installed"),
]

FERRY = """====== Ferry to Lisbon ======

It leaves from [[.:pier|the pier]], see [[harbour:pier_1#boats]].

===== Fares =====

^ Who   ^ Fare    ^
| Adult | 2 coins |

==== At night ====

<code bash>
ferry --night
</code>

===== Fares =====

Of last year.((Before the storm.))
"""
PAGES = {
    "start": "====== Harbour Wiki ======\nAll about it.",
    "sidebar": "  * [[ferry:start]]",
    "ferry:start": FERRY,
    "ferry:pier": "No heading here.",
    "ferry:night:fähre": "===== Fähre №1: nachts & früh =====\nUm vier.",
    "ferry:пирс": "====== Пирс ======\nThe pier of the ferry.",
    "staff:rota": "====== Rota ======\nNobody else's.",
    "hidden:draft": "====== Draft ======\nNot to be found.",
    **{
        f"harbour:pier_{at}": f"====== Pier {at} ======\nIt is.\n===== Boats =====\nTwo."
        for at in range(1, 7)
    },
}


# Pages that are listed and quoted: all but the side bar, the hidden and the closed one.
QUOTED = len(PAGES) - 3


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWiki]:
    with RealWiki(tmp_path_factory.mktemp("wiki")) as wiki:
        wiki.save(PAGES)
        wiki.close("staff")
        yield wiki


@pytest.fixture
def source(wiki: RealWiki, pages: EntryStore) -> VisitedService:
    return VisitedService("dokuwiki", wiki.base, pages)


def test_stopped_visits_ask_for_each_page_once(wiki: RealWiki, source: VisitedService) -> None:
    wiki.requests()
    for _ in range(10):
        steps = source.steps()
        next(steps)
        next(steps)
        steps.close()
    source.sync()
    assert wiki.requests() == 10 + 1 + QUOTED
    assert sorted(title for title in source.documents if not title.startswith("Pier ")) == [
        "Ferry to Lisbon",
        "Fähre №1: nachts & früh",
        "Harbour Wiki",
        "pier",
        "Пирс",
    ]
    assert len(source.documents) == QUOTED
    source.sync(1)
    assert wiki.requests() == 1


def test_a_page_is_read_without_chrome(wiki: RealWiki, source: VisitedService) -> None:
    source.sync()
    text = source.documents["Ferry to Lisbon"].text
    assert (
        text.replace(wiki.base, "")
        == """# Ferry to Lisbon {#ferry_to_lisbon}

It leaves from [the pier](/doku.php?id=ferry:pier), see [boats](/doku.php?id=harbour:pier_1#boats).

## Fares {#fares}

| Who | Fare |
| --- | --- |
| Adult | 2 coins |

### At night {#at_night}

```
ferry --night
```

## Fares {#fares1}

Of last year.

Before the storm."""
    )


def test_sections_are_cited_at_served_ids(wiki: RealWiki, source: VisitedService) -> None:
    source.sync()
    cited = 0
    for document in source.documents.values():
        served = wiki.page(document.link)
        ids = {unescape(one) for one in re.findall(r'<h\d[^<>]* id="([^"]*)"', served)}
        headings = [words for _, _, words in filter(None, heading_lines(document.text))]
        found = {unquote(one) for one in anchors(document.anchors or "", headings)}
        assert found <= ids
        cited += len(found)
    assert cited == 6 * 2 + 4 + 3


def test_changed_pages_are_followed_both_ways(wiki: RealWiki, source: VisitedService) -> None:
    source.sync()
    before = {title: one.text for title, one in source.documents.items()}
    wiki.save(
        {
            "start": "====== Harbour Wiki ======\nAll about boats.",
            "harbour:pier_1": "",
            "harbour:pier_2": "",
            "market:pier_2": PAGES["harbour:pier_2"],
        }
    )
    wiki.requests()
    source.sync(1)
    assert wiki.requests() == 1 + 2
    assert source.documents["Harbour Wiki"].text.endswith("All about boats.")
    assert "Pier 1" not in source.documents
    assert source.documents["Pier 2"].link == f"{wiki.base}/doku.php?id=market:pier_2"
    # DokuWiki's own cache tells times in seconds.
    time.sleep(1.1)
    changed = ("start", "harbour:pier_1", "harbour:pier_2")
    wiki.save({**{page: PAGES[page] for page in changed}, "market:pier_2": ""})
    source.sync(2)
    assert {title: one.text for title, one in source.documents.items()} == before


def test_a_namespace_is_read_alone(wiki: RealWiki, source: VisitedService) -> None:
    some = VisitedService("dokuwiki", wiki.base, source.pages, (("namespace", "Ferry"),))
    some.sync()
    assert len(some.documents) == 4
    none = VisitedService("dokuwiki", wiki.base, source.pages, (("namespace", "staff"),))
    none.sync()
    assert none.reasons == ["has no namespace staff."]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("$conf['remote'] = 0;", "answers no programs: turn on `remote` in its configuration."),
        (
            "$conf['remoteuser'] = 'admin';",
            "answers only some users' programs: empty `remoteuser` in its configuration.",
        ),
    ],
)
def test_closed_wiki_says_what_to_do(
    wiki: RealWiki, source: VisitedService, settings: str, reason: str
) -> None:
    wiki.configure(settings)
    try:
        source.sync()
    finally:
        wiki.configure()
    assert source.reasons == [reason]
