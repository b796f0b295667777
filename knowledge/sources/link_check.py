"""Check of citations on the web: that each page exists, and that it has the cited anchors.

Each page is fetched once. A page that the host refuses counts as unchecked.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Fetcher, Gone
from knowledge.sources.source import SyncStep
from knowledge.sources.sync import FAILURES_IN_A_ROW

# The most ids of one page; a dictionary of a site has some thousand headings.
IDS: Final = 20_000


@dataclass(slots=True)
class LinkCheck:
    """The results of a check: numbers of existing pages and anchors, and the others by address.

    `unanchored` are links whose page has no such anchor; `unchecked` pages could not be fetched.
    """

    pages: int = 0
    anchors: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    unanchored: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)


def check_links(
    pages: Mapping[str, Collection[str]], fetcher: Fetcher, found: LinkCheck
) -> Iterator[SyncStep]:
    """Fetch pages and check their anchors, in steps; stops asking a host that is down or busy.

    `pages` has the anchors of each address, as written in links; `found` is updated.
    """
    failures, reason = 0, ""
    for done, (url, anchors) in enumerate(pages.items(), start=1):
        if reason:
            found.unchecked[url] = reason
            continue
        outcome = fetcher.fetch(url)
        is_down = isinstance(outcome, Failed) and outcome.down
        failures = failures + 1 if is_down else 0
        if isinstance(outcome, Fetched):
            _check_page(url, anchors, outcome.content, found)
        elif isinstance(outcome, Gone):
            found.missing[url] = outcome.reason
        elif isinstance(outcome, Failed) and outcome.no_page:
            # The address leads to a file of a kind without anchors.
            found.pages += 1
        elif isinstance(outcome, Failed):
            found.unchecked[url] = outcome.reason
            if outcome.busy or failures >= FAILURES_IN_A_ROW:
                reason = f"was not asked for, because the host {outcome.reason}"
        yield SyncStep(done, len(pages), url)


def _check_page(url: str, anchors: Collection[str], content: bytes, found: LinkCheck) -> None:
    there: frozenset[str] = frozenset()
    try:
        if anchors:
            there = sandbox.begin(ids_in_sandbox, content, url, _checked_ids).result()
    except UnreadableError as error:
        found.unchecked[url] = str(error).rstrip(".")
        return
    found.pages += 1
    # Browsers try an id as written first, then decoded.
    absent = [anchor for anchor in anchors if not {anchor, unquote(anchor)} & there]
    found.anchors += len(anchors) - len(absent)
    found.unanchored += [f"{url}#{anchor}" for anchor in absent]


def ids_in_sandbox(content: bytes, url: str) -> Parsed:
    """The ids of a page's elements, and its `<a name>` anchors; runs in the sandbox."""
    from knowledge.files.formats.html import page_soup

    soup = page_soup(content)
    ids = [str(tag["id"]) for tag in soup.find_all(id=True)]
    names = [str(tag["name"]) for tag in soup.find_all("a", attrs={"name": True})]
    return {"ids": [*ids, *names][:IDS]}, ""


def _checked_ids(values: dict[str, Any], text: str) -> frozenset[str]:
    """Convert the sandbox's result; ValueError, TypeError or LookupError if malformed."""
    ids = frozenset(values["ids"])
    if not all(isinstance(each, str) for each in ids):
        raise ValueError("These are no ids of a page.")
    return ids
