"""Sibling sections: the sections below one heading that answer a question alike.

"How can I set up a firewall" is answered by all sections of the page on firewalls. Their list is
shown if the question names the heading above, or a word in most of the sections' headings, but none
of the sections. A question that asks for a list may also name the page only.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.answers.outcome import Section
from bot.answers.question_parts import asks_for_list, class_asked
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.analyzer import topic, word_set

SEPARATOR: Final = " › "
# Least score of a section, as a share of the best hit's, and of a section below the best hit: the
# beginning of a page says more about all its sections than each of them.
ALIKE: Final = 0.6
ALIKE_BELOW: Final = 0.25
# So many sections alike are a list, if one is asked for.
LISTED: Final = 3
# Least share of the question's topic words in the heading above the sections and the title.
NAMED_SHARE: Final = 0.33
# A page with more sections is a reference, not a choice.
MOST_SECTIONS: Final = 12
LEAST_SECTIONS: Final = 2


def parents(hit: Hit) -> dict[str, int]:
    """The headings whose sections may answer alike: the hit's own, and the one above.

    Each has the number of sections below with a score about as high.
    """
    heading = hit.passage.heading
    found = {}
    for parent in (heading, heading.rpartition(SEPARATOR)[0]):
        least = hit.score * (ALIKE_BELOW if parent == heading else ALIKE)
        alike = {
            child
            for other in (hit, *hit.also)
            if other.score >= least and (child := _child(other.passage, parent))
        }
        if len(alike) >= (1 if parent == heading else LEAST_SECTIONS):
            found[parent] = len(alike)
    return found


def sibling_sections(
    question: str, hit: Hit, passages: Sequence[StoredPassage]
) -> tuple[Section, ...]:
    """The sections that answer a question about as well as the best hit.

    Empty if the question names one of the sections, or doesn't name the heading above. Sections
    whose headings are questions are left out.

    Args:
        question: the text of the question.
        hit: the best hit.
        passages: the passages of the hit's document, in reading order.
    """
    wanted = [frozenset(forms) for forms in topic(question)]
    # "Which images are there" doesn't name the section on device images.
    is_list, of_class = asks_for_list(question), word_set(class_asked(question))
    for parent, alike in parents(hit).items():
        first: dict[str, StoredPassage] = {}
        for passage in passages:
            child = _child(passage, parent)
            if child and not child.endswith(("?", "？")):
                first.setdefault(child, passage)
        if not LEAST_SECTIONS <= len(first) <= MOST_SECTIONS:
            continue
        counts = Counter(word for child in first for word in word_set(child))
        shared = {word for word, count in counts.items() if count > len(first) / 2}
        above = word_set(f"{hit.passage.title} {parent}") | shared
        own = word_set(parent.rpartition(SEPARATOR)[2] or hit.passage.title) | shared
        named = [forms for forms in wanted if forms & above]
        rest = [forms for forms in wanted if not forms & (above | of_class)]
        is_named = len(named) >= NAMED_SHARE * len(wanted) and (
            is_list or any(forms & own for forms in named)
        )
        names_one = any(forms & word_set(child) for child in first for forms in rest)
        if (is_named or (is_list and alike >= LISTED)) and not names_one:
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
