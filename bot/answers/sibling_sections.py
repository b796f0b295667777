"""Sibling sections: the sections below one heading that answer a question alike.

"How can I set up a firewall" is answered by all sections of the page on firewalls. Their list is
shown if the question names the heading above, but none of the sections.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.answers.outcome import Section
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.analyzer import topic, word_set

SEPARATOR: Final = " › "
# Least score of a section, as a share of the best section's.
ALIKE: Final = 0.6
# Least share of the question's topic words in the heading above the sections and the title.
NAMED_SHARE: Final = 0.33
# A page with more sections is a reference, not a choice.
MOST_SECTIONS: Final = 10
LEAST_SECTIONS: Final = 2


def parents(hit: Hit) -> list[str]:
    """The headings whose sections may answer alike: the hit's own, and the one above.

    Each needs other sections below with a score about as high.
    """
    heading = hit.passage.heading
    found = []
    for parent in dict.fromkeys((heading, heading.rpartition(SEPARATOR)[0])) if heading else ():
        alike = {
            child
            for other in (hit, *hit.also)
            if other.score >= ALIKE * hit.score and (child := _child(other.passage, parent))
        }
        if len(alike) >= (1 if parent == heading else LEAST_SECTIONS):
            found.append(parent)
    return found


def sibling_sections(
    question: str, hit: Hit, passages: Sequence[StoredPassage]
) -> tuple[Section, ...]:
    """The sections that answer a question about as well as the best hit.

    Empty if the question names one of the sections, or doesn't name the heading above, and for
    sections whose headings are questions.

    Args:
        question: the text of the question.
        hit: the best hit.
        passages: the passages of the hit's document, in reading order.
    """
    wanted = [frozenset(forms) for forms in topic(question)]
    for parent in parents(hit):
        first: dict[str, StoredPassage] = {}
        for passage in passages:
            if child := _child(passage, parent):
                first.setdefault(child, passage)
        title = word_set(f"{hit.passage.title} {parent}")
        named = [forms for forms in wanted if forms & title]
        own = word_set(parent.rpartition(SEPARATOR)[2] or hit.passage.title)
        rest = [forms for forms in wanted if not forms & title]
        if (
            LEAST_SECTIONS <= len(first) <= MOST_SECTIONS
            and len(named) >= NAMED_SHARE * len(wanted)
            and any(forms & own for forms in named)
            and not any(forms & word_set(child) for child in first for forms in rest)
            and not any(child.endswith(("?", "？")) for child in first)
        ):
            known = {other.passage.id: other for other in (hit, *hit.also)}
            return tuple(
                Section(child, replace(known.get(passage.id, hit), passage=passage, also=()))
                for child, passage in first.items()
            )
    return ()


def _child(passage: StoredPassage, parent: str) -> str:
    """The heading of a passage's section directly below `parent`; empty if it is elsewhere."""
    below = passage.heading.removeprefix(f"{parent}{SEPARATOR}") if parent else passage.heading
    if below == passage.heading and parent:
        return ""
    return below.partition(SEPARATOR)[0]
