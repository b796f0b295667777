"""Answer to a question with two parts, from the answers to the whole question and to its parts.

Each part is quoted, or named as open. A difference prefers a passage that names both things.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final, TypeAlias

from bot.answers.ask import HITS, Ask
from bot.answers.follow_ups import stands_alone
from bot.answers.outcome import Answer, Citation, Outcome, Quote, all_words
from bot.answers.question_parts import Parts
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.analyzer import topic, word_set
from knowledge.values.questions import Evidence

# Least share of a thing's words in a passage that names it: "devel version" is named by "devel".
NAMED_SHARE: Final = 0.5

# Least probability that a passage answers one of two parts. Below, the part is named as open: seven
# of eight such passages were wrong.
LEAST_OF_PART: Final = 0.5

_ORDER: Final = (Evidence.NONE, Evidence.PARTIAL, Evidence.STRONG)
_Words: TypeAlias = tuple[tuple[str, ...], ...]


def asks_of_parts(ask: Ask, parts: Parts) -> tuple[Ask, Ask]:
    """The parts as questions. A second part that depends on the first is asked after the first."""
    first = replace(ask, text=parts.first)
    if parts.differ or (stands_alone(parts.second) and len(topic(parts.second)) > 1):
        return first, replace(ask, text=parts.second)
    earlier = f"{ask.earlier}\n{parts.first}" if ask.earlier else parts.first
    return first, replace(ask, text=parts.second, earlier=earlier, may_repeat=True)


def compared(hits: Sequence[Hit], parts: Parts) -> tuple[Hit, ...]:
    """The passages that tell a difference: one that names both things, or one for each thing.

    A heading with both things is best, then a heading for each, then a text with both. Empty if
    there is no such passage. `hits` are the best first.
    """
    every = list(dict.fromkeys(part for hit in hits for part in (hit, *hit.also)))
    things = _distinct_words(parts)
    named = [[_is_headed(thing, hit.passage) for thing in things] for hit in every]
    both = next((hit for hit, names in zip(every, named, strict=True) if all(names)), None)
    if both is not None:
        return (both,)
    first, second = (
        [hit for hit, names in zip(every, named, strict=True) if names[place]] for place in (0, 1)
    )
    if first and second:
        # Sections of one page are comparable.
        pages = {hit.passage.document_id: hit for hit in reversed(second)}
        together = next((hit for hit in first if hit.passage.document_id in pages), first[0])
        return together, pages.get(together.passage.document_id, second[0])
    for hit in every:
        if all(_is_named(thing, all_words(hit.passage)) for thing in things):
            return (hit,)
    return ()


def _distinct_words(parts: Parts) -> tuple[_Words, _Words]:
    """The words of each thing that the other lacks: "weak passwords" and "reused passwords"."""
    first, second = topic(parts.first), topic(parts.second)
    return (
        tuple(forms for forms in first if forms not in second) or first,
        tuple(forms for forms in second if forms not in first) or second,
    )


def _is_named(thing: _Words, text: str) -> bool:
    """Whether a text has enough words of the name of a thing."""
    words = word_set(text)
    return sum(not words.isdisjoint(forms) for forms in thing) >= NAMED_SHARE * len(thing)


def _is_headed(thing: _Words, place: StoredPassage | Citation) -> bool:
    """Whether the title names a thing, or the heading has enough of the words beside the title."""
    title = word_set(place.title)
    rest = tuple(forms for forms in thing if title.isdisjoint(forms))
    return not rest or _is_named(rest, place.heading)


def merged(
    whole: Outcome, of_parts: Sequence[Outcome], parts: Parts, *, dependent: bool
) -> Outcome:
    """The answer to a question with two parts.

    A part counts as open if it is refused, or if its closest passage lacks a word of it.

    Args:
        whole: the answer to the whole question, which stays if the parts have no better one.
        of_parts: the answers to the first and the second part.
        parts: the parts.
        dependent: whether the second part can't be understood without the first.
    """
    texts = dict(zip((parts.first, parts.second), of_parts, strict=True))
    answers = {
        text: part
        for text, part in texts.items()
        if isinstance(part, Answer) and (parts.differ or not part.missing)
    }
    if len(answers) == len(texts):
        (one, *_), (other, *_) = (answer.quotes for answer in answers.values())
        if _section(one) == _section(other):
            return whole if isinstance(whole, Answer) else answers[parts.first]
        evidence = min((answer.evidence for answer in answers.values()), key=_ORDER.index)
        return Answer(evidence, (one, other), parts=len(texts))
    if not answers or parts.differ:
        return whole
    [(text, answer)] = answers.items()
    if isinstance(whole, Answer):
        quote = whole.quotes[0]
        [other_text] = texts.keys() - {text}
        if _section(quote) != _section(answer.quotes[0]) and _is_headed(
            topic(other_text), quote.citation
        ):
            quotes = (quote, answer.quotes[0])
            in_order = quotes if text == parts.second else quotes[::-1]
            return Answer(Evidence.PARTIAL, in_order, parts=len(texts))
        # The passage for the first part may answer the second, too.
        if dependent and _section(quote) == _section(answer.quotes[0]):
            return whole
    return replace(answer, open_parts=tuple(part for part in texts if part != text))


def _section(quote: Quote) -> tuple[str, str]:
    return quote.citation.document_id, quote.citation.heading


def hits_for_parts(answer: Answer, first: Sequence[Hit], second: Sequence[Hit]) -> tuple[Hit, ...]:
    """The quoted hits, then the hits for both parts in turns, each passage once."""
    quoted = (quote.hit for quote in answer.quotes)
    found: dict[int, Hit] = {}
    for hit in chain(quoted, chain.from_iterable(zip_longest(first, second))):
        if hit is not None:
            found.setdefault(hit.passage.id, hit)
    return tuple(found.values())[:HITS]
