"""Check of new documents at the end of `source add`: headings, titles, and cited pages.

Each heading is asked as a question. If a heading doesn't find its own section, the text may have
been cut or read wrongly, or several documents may say the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bot.core.core import Core
from indexer.index.stored_passage import StoredPassage
from indexer.text.passages import HEADING_SEPARATOR
from knowledge.files.formats.text import is_generic
from knowledge.files.site_addresses import has_rule
from knowledge.sources.kinds.registry import source_at

_Spread = TypeVar("_Spread")

# The largest number of headings asked, evenly spread; the default model takes some 10 ms for each.
HEADINGS: Final = 200
# The largest number of pages fetched, evenly spread: five minutes at a second each.
PAGES: Final = 300
# A longer title is a sentence.
TITLE_CHARACTERS: Final = 80


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
    odd = {title: count for title, count in titles.items() if _is_odd(title, count)}
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


def _is_odd(title: str, count: int) -> bool:
    return count > 1 or is_generic(title) or len(title) > TITLE_CHARACTERS


# Citations.


def cited_pages(core: Core, location: str) -> dict[str, set[str]]:
    """The pages cited by the passages of a source, each with the anchors in the links.

    Line numbers in the files of a repository don't count as anchors.
    """
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
