"""Check of new documents at the end of `source add`: headings, titles, and the links of citations.

Each heading is asked as a question. If a heading doesn't find its own section, the text may have
been cut or read wrongly, or several documents may say the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from rich.text import Text

from bot.core.core import Core
from indexer.index.stored_passage import StoredPassage
from indexer.text.passages import HEADING_SEPARATOR
from knowledge.files.formats.text import is_generic
from knowledge.files.site_addresses import has_rule
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.link_check import LinkCheck
from knowledge.text import count_of

_Spread = TypeVar("_Spread")

# The largest number of headings asked, evenly spread; the default model takes some 10 ms for each.
HEADINGS: Final = 200
# The largest number of pages fetched, evenly spread: five minutes at a second each.
PAGES: Final = 300
# A longer title is a sentence.
TITLE_CHARACTERS: Final = 80
# How many odd titles, and how many broken links of a kind, are named.
ODD_TITLES: Final = 5
BROKEN_LINKS: Final = 10


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """Result of the check.

    `found` counts the asked headings that found their own section first. A title is odd if it is
    generic, too long or shared; each has the number of its documents.
    """

    asked: int
    found: int
    odd_titles: dict[str, int]


def check(core: Core, document_ids: Iterable[str]) -> SourceCheck:
    """Ask the headings of indexed documents as questions, and collect odd titles."""
    titles: Counter[str] = Counter()
    sections: dict[tuple[str, str], StoredPassage] = {}
    for document_id in document_ids:
        passages = core.index.tables.document_passages(document_id)
        titles.update({passage.title for passage in passages})
        for passage in passages:
            if passage.heading:
                sections.setdefault((document_id, passage.heading), passage)
    asked = _spread([*sections.values()], HEADINGS)
    odd = {
        title: count
        for title, count in titles.items()
        if count > 1 or is_generic(title) or len(title) > TITLE_CHARACTERS
    }
    return SourceCheck(len(asked), sum(_is_found(core, passage) for passage in asked), odd)


def _is_found(core: Core, passage: StoredPassage) -> bool:
    """Whether the best hit for a passage's heading is in a section with this heading."""
    heading = _last(passage.heading)
    hits = core.search_in(heading, [passage.scope], 1)
    return any(_last(hit.passage.heading) == heading for hit in hits)


def _last(heading: str) -> str:
    return heading.rpartition(HEADING_SEPARATOR)[2]


def _spread(found: Sequence[_Spread], most: int) -> list[_Spread]:
    step = max(1.0, len(found) / most)
    return [found[int(place * step)] for place in range(min(most, len(found)))]


def check_text(checked: SourceCheck) -> Text:
    """Lines about headings that find their section, and about titles that say little."""
    text = Text()
    if checked.asked:
        text.append(
            f"{checked.found} of {count_of(checked.asked, 'heading')}, asked as questions, found "
            "their section first.\n"
        )
    if checked.odd_titles:
        named = [
            f"“{title}”" + (f" ({count_of(count, 'document')})" if count > 1 else "")
            for title, count in [*checked.odd_titles.items()][:ODD_TITLES]
        ]
        more = ", …" if len(checked.odd_titles) > ODD_TITLES else ""
        text.append(f"Titles that say little: {', '.join(named)}{more}.\n", style="yellow")
    return text


# Citations.


def cited_pages(core: Core, location: str) -> dict[str, set[str]]:
    """The pages that a source's passages cite, each with its anchors; lines of files aren't."""
    source = source_at(location)
    is_site = source.is_visited and source.unit == "page"
    is_anchored = is_site or has_rule(core.store.base_urls().get(location, ""))
    pages: dict[str, set[str]] = {}
    for document_id in _document_ids(core, location):
        for passage in core.index.tables.document_passages(document_id):
            page, _, anchor = passage.link.partition("#")
            anchors = pages.setdefault(page, set())
            if anchor and is_anchored:
                anchors.add(anchor)
    pages.pop("", None)
    return dict(_spread([*pages.items()], PAGES))


def _document_ids(core: Core, location: str) -> Iterator[str]:
    source = source_at(location)
    if source.is_visited:
        for scope in core.sources().get(location, ()):
            yield from source.document_ids(core.pages, scope)
        return
    for path, record in core.index.tables.files().items():
        if Path(path).is_relative_to(location):
            yield from record.documents


def links_text(found: LinkCheck) -> Text:
    """Lines about cited pages: how many exist, and the first broken links of each kind."""
    asked = found.pages + len(found.missing) + len(found.unchecked)
    headings = found.anchors + len(found.unanchored)
    told = f"Found {found.pages:,} of {asked:,} cited pages"
    if headings:
        told += f" and {found.anchors:,} of {headings:,} cited headings"
    no_link = "No citation has a link: name the pages' address with --base-url.\n"
    text = Text(f"{told}.\n" if asked else no_link)
    kinds = (
        ("page is missing", [*found.missing.items()]),
        ("heading is missing", [(link, "") for link in sorted(found.unanchored)]),
        ("could not be checked", [*found.unchecked.items()]),
    )
    for kind, links in kinds:
        for link, reason in links[:BROKEN_LINKS]:
            text.append(f"{kind}: {link} {reason}".rstrip() + "\n", style="yellow")
        if len(links) > BROKEN_LINKS:
            text.append(f"{kind}: {len(links) - BROKEN_LINKS} more; --json names all\n", "yellow")
    return text
