"""Answer to a question with two parts, from the answers to the whole question and to its parts.

Each part is quoted, or named as open. A difference prefers a passage that names both things.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final, TypeAlias

from bot.answers.ask import HITS, Ask
from bot.answers.follow_ups import chooses, stands_alone
from bot.answers.outcome import Answer, Citation, Outcome
from bot.answers.question_parts import Parts, parts_of
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.analyzer import topic, word_set
from knowledge.values.questions import Evidence

# Least share of a thing's words in a passage that names it: "devel version" is named by "devel".
NAMED_SHARE: Final = 0.5

# Least probability that a passage answers one of two parts. Below, the part is named as open: seven
# of eight such passages were wrong.
LEAST_OF_PART: Final = 0.5

# The parts of a citation that may name a thing.
TITLE: Final = "title"
HEADING: Final = "heading"

_ORDER: Final = (Evidence.NONE, Evidence.PARTIAL, Evidence.STRONG)
_Words: TypeAlias = tuple[tuple[str, ...], ...]


def parts_to_answer(ask: Ask) -> Parts | None:
    """The parts of a question, or the things before a follow-up that chooses one of them."""
    if not ask.earlier:
        return parts_of(ask.text)
    things = parts_of(ask.previous.text) if chooses(ask.text) else None
    return things if things and things.differ else None


def asks_of_parts(ask: Ask, parts: Parts) -> tuple[Ask, Ask]:
    """The parts as questions. A second part that depends on the first is asked after the first."""
    first = replace(ask, text=parts.first, earlier="")
    second = replace(first, text=parts.second)
    if parts.differ or (stands_alone(parts.second) and len(topic(parts.second)) > 1):
        return first, second
    return first, replace(second, earlier=parts.first, may_repeat=True)


def compare(hits: Sequence[Hit], parts: Parts) -> tuple[Hit, ...]:
    """The passages that tell a difference: one that names both things, or one for each thing.

    A heading with both things is best, then a heading for each, then a text with both. All words of
    a thing are looked for first, then half of them. Empty if there is no such passage. `hits` are
    the best first.
    """
    every = list(dict.fromkeys(part for hit in hits for part in (hit, *hit.also)))
    things = _distinct_words(parts)
    found = (_telling(every, things, share) for share in (1.0, NAMED_SHARE))
    return next(filter(None, found), ())


def _telling(hits: Sequence[Hit], things: tuple[_Words, _Words], share: float) -> tuple[Hit, ...]:
    named = {hit: tuple(_naming(thing, hit.passage, share) for thing in things) for hit in hits}
    for hit, by in named.items():
        last_heading = hit.passage.heading.rpartition(" › ")[2]
        are_in_heading = all(_is_named(thing, last_heading, share) for thing in things)
        if (by[0] and by[0] == by[1]) or are_in_heading:
            return (hit,)
    # A section on the other thing tells nothing of the thing that its page is named after.
    first = [hit for hit, by in named.items() if by[0] and by != (TITLE, HEADING)]
    second = [hit for hit, by in named.items() if by[1] and by != (HEADING, TITLE)]
    if first and second:
        # Sections of one page are comparable.
        pages = {hit.passage.document_id: hit for hit in reversed(second)}
        together = next((hit for hit in first if hit.passage.document_id in pages), first[0])
        return together, pages.get(together.passage.document_id, second[0])
    for hit in hits:
        if all(_is_named(thing, _all_words(hit.passage), share) for thing in things):
            return (hit,)
    return ()


def _distinct_words(parts: Parts) -> tuple[_Words, _Words]:
    """The words of each thing that the other lacks: "weak passwords" and "reused passwords"."""
    first, second = topic(parts.first), topic(parts.second)
    return (
        tuple(forms for forms in first if forms not in second) or first,
        tuple(forms for forms in second if forms not in first) or second,
    )


def _is_named(thing: _Words, text: str, share: float = NAMED_SHARE) -> bool:
    """Whether a text has this share of the words of the name of a thing."""
    words = word_set(text)
    return sum(not words.isdisjoint(forms) for forms in thing) >= share * len(thing)


def _naming(thing: _Words, place: StoredPassage | Citation, share: float = NAMED_SHARE) -> str:
    """Whether the title names a thing, or the heading has this share of the words beside the title.

    Empty if neither does.
    """
    title = word_set(place.title)
    beside = tuple(forms for forms in thing if title.isdisjoint(forms))
    if not beside:
        return TITLE
    return HEADING if _is_named(beside, place.heading, share) else ""


def merge(whole: Outcome, of_parts: Sequence[Outcome], parts: Parts, *, dependent: bool) -> Outcome:
    """The answer to a question with two parts.

    A part counts as open if it is refused, or if its closest passage lacks a word of it.

    Args:
        whole: the answer to the whole question, which stays if the parts have no better one.
        of_parts: the answers to the first and the second part.
        parts: the parts.
        dependent: whether the second part can't be understood without the first.
    """
    texts = (parts.first, parts.second)
    first, second = (
        part if isinstance(part, Answer) and (parts.differ or not part.missing) else None
        for part in of_parts
    )
    # A second part in few words of its own is near any passage on the first.
    own = topic(parts.detail or (parts.second if dependent else ""))
    if second is not None and not _is_named(own, _all_words(second.quotes[0].hit.passage)):
        second = None
    if first is not None and second is not None:
        if _section(first) == _section(second):
            return whole if isinstance(whole, Answer) else first
        evidence = min(first.evidence, second.evidence, key=_ORDER.index)
        return Answer(evidence, (first.quotes[0], second.quotes[0]), parts=len(texts))
    answer = first or second
    if answer is None or parts.differ:
        return whole
    open_text = parts.second if answer is first else parts.first
    if isinstance(whole, Answer):
        quote, wanted = whole.quotes[0], topic(open_text)
        if _section(whole) != _section(answer):
            # The whole question may find what its part doesn't.
            is_about = answer is second or _is_named(own, _all_words(quote.hit.passage))
            if is_about and _naming(wanted, quote.citation):
                quotes = (answer.quotes[0], quote)
                in_order = quotes if answer is first else quotes[::-1]
                return Answer(Evidence.PARTIAL, in_order, parts=len(texts))
        elif dependent and _is_named(wanted, quote.text):
            # The passage for the first part may answer the second, too.
            return whole
    return replace(answer, open_parts=(open_text,))


def names_both(parts: Parts, passage: StoredPassage) -> bool:
    """Whether the title and heading of a passage have a word of each part."""
    place = f"{passage.title} {passage.heading}"
    return all(_has_word(thing, place) for thing in _distinct_words(parts))


def _all_words(passage: StoredPassage) -> str:
    return f"{passage.title} {passage.heading} {passage.text}"


def _has_word(thing: _Words, text: str) -> bool:
    words = word_set(text)
    return any(not words.isdisjoint(forms) for forms in thing)


def _section(answer: Answer) -> tuple[str, str]:
    cited = answer.quotes[0].citation
    return cited.document_id, cited.heading


def hits_for_parts(answer: Answer, first: Sequence[Hit], second: Sequence[Hit]) -> tuple[Hit, ...]:
    """The quoted hits, then the hits for both parts in turns, each passage once."""
    quoted = (quote.hit for quote in answer.quotes)
    found: dict[int, Hit] = {}
    for hit in chain(quoted, chain.from_iterable(zip_longest(first, second))):
        if hit is not None:
            found.setdefault(hit.passage.id, hit)
    return tuple(found.values())[:HITS]
