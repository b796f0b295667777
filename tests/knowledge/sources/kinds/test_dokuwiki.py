"""The connector with a real DokuWiki; skipped where there is none."""

import re
import time
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

import pytest

from indexer.text.passages import heading_lines
from knowledge.files.site_addresses import anchors
from knowledge.sources.entries import EntryStore
from tests.knowledge.sources.real_dokuwiki import RealWiki, is_installed
from tests.knowledge.sources.visited import VisitedService

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


def test_a_visit_stopped_ten_times_asks_for_each_page_once(
    wiki: RealWiki, source: VisitedService
) -> None:
    wiki.asked()
    for _ in range(10):
        steps = source.steps()
        next(steps)
        next(steps)
        steps.close()
    source.sync()
    assert wiki.asked() == 10 + 1 + QUOTED
    assert sorted(title for title in source.documents if not title.startswith("Pier ")) == [
        "Ferry to Lisbon",
        "Fähre №1: nachts & früh",
        "Harbour Wiki",
        "pier",
        "Пирс",
    ]
    assert len(source.documents) == QUOTED
    source.sync(1)
    assert wiki.asked() == 1


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


def test_sections_are_cited_at_ids_of_the_served_page(
    wiki: RealWiki, source: VisitedService
) -> None:
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


def test_changed_deleted_and_moved_pages_are_followed_both_ways(
    wiki: RealWiki, source: VisitedService
) -> None:
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
    wiki.asked()
    source.sync(1)
    assert wiki.asked() == 1 + 2
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
def test_a_wiki_that_answers_no_programs_says_what_to_do(
    wiki: RealWiki, source: VisitedService, settings: str, reason: str
) -> None:
    wiki.configure(settings)
    try:
        source.sync()
    finally:
        wiki.configure()
    assert source.reasons == [reason]
