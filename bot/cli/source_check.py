"""Check of new documents at the end of `source add`: are headings found, do titles say enough?

Each heading is asked as a question. A heading that doesn't find its own section is a sign of text
that was cut or read wrongly, or of documents that say the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.core import Core
from indexer.index.stored_passage import StoredPassage
from indexer.text.passages import HEADING_SEPARATOR
from knowledge.files.formats.text import is_generic

# Headings asked at most, evenly spread; the default model takes some 10 ms for each.
HEADINGS: Final = 200
# A longer title is a sentence.
TITLE_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """How many of the `asked` headings were `found`, and each odd title with its documents."""

    asked: int
    found: int
    odd_titles: dict[str, int]


def check(core: Core, document_ids: Iterable[str]) -> SourceCheck:
    """Ask the headings of documents in the index, and look at their titles."""
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
    """Whether a passage's heading finds a section of this heading first."""
    heading = _last(passage.heading)
    hits = core.search_in(heading, [passage.scope], 1)
    return any(_last(hit.passage.heading) == heading for hit in hits)


def _last(heading: str) -> str:
    return heading.rpartition(HEADING_SEPARATOR)[2]


def _spread(passages: Sequence[StoredPassage], most: int) -> list[StoredPassage]:
    step = max(1.0, len(passages) / most)
    return [passages[int(place * step)] for place in range(min(most, len(passages)))]


def _is_odd(title: str, count: int) -> bool:
    return count > 1 or is_generic(title) or len(title) > TITLE_CHARACTERS
