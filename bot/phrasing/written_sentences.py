"""Check of sentences that a model wrote, against sentences of the quoted passages.

For each written sentence, the model names sentences of the passages. A written sentence is shown if
its form (`fault`) and its words (`strict_check`) pass, and its vector is near the vector of a named
sentence. If a sentence fails, the sentences that it names are shown instead, if they are relevant
to the question. If most written sentences fail, only named sentences are shown.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.answers.phrased import Line
from bot.phrasing.prompts import INSTRUCTIONS, WRITTEN_CHARACTERS, Written, sendable
from bot.phrasing.sentences import SHOWN_CHARACTERS, Numbered, Task, lead_in, lines
from bot.phrasing.strict_check import mismatch
from bot.text.markdown import size
from indexer.retrieval.best_lines import coverage
from indexer.text.analyzer import query_words, word_set, words
from indexer.text.passages import without_link_targets
from indexer.text.sentences import LIST_MARKER, refers_back
from knowledge.languages.detection import language_of, language_of_question
from knowledge.review.prompt_injection import instructions
from knowledge.text import QUESTION_MARKS

Embed = Callable[[Sequence[str]], Awaitable[NDArray[np.float32]]]
"""Texts to vectors, (n, d) float32 with rows of unit length."""

LEAST_COSINE: Final = 0.7
# The largest number of ids considered for a sentence.
MOST_NAMED: Final = 3
# Least score of a named sentence that is shown as a replacement: its cosine and its coverage of the
# question, and a little more for a heading that has the question's words. Of 254 answering
# sentences 81% reach it, and of the 920 sentences beside them 21%.
LEAST_SCORE: Final = 0.85
NAMED: Final = 0.15

PASSED: Final = "passed"
UNNAMED: Final = "names nothing"
FAR: Final = "meaning"
CUT: Final = "no room"
REPLACED: Final = "replaced"

# Citations, which the instructions forbid; only numbers that may be ids. Expects single blanks.
_CITATION: Final = re.compile(r" ?[\[(](?P<ids>\d(?:\.\d{1,3})?(?: ?[,;] ?\d(?:\.\d{1,3})?)*)[\])]")
_EMPHASIS: Final = re.compile(r"\*\*|__|`")


class CheckedLines(NamedTuple):
    """Lines to show after the check.

    `ids` are the passages' sentences shown; the written ones follow from those in `stands_on`.
    """

    lines: tuple[Line, ...]
    ids: tuple[str, ...]
    verdicts: Mapping[str, int]
    stands_on: tuple[str, ...] = ()


@dataclass(slots=True)
class _Checked:
    """A model's sentence, those it names and stands on, and the verdict on it."""

    text: str
    named: list[Numbered]
    verdict: str = PASSED
    standing_on: list[Numbered] = field(default_factory=list)

    @property
    def may_be_replaced(self) -> bool:
        return self.verdict not in {*DROPPED, UNNAMED, CUT, PASSED}


async def check(
    task: Task, numbered: Sequence[Numbered], sentences: Sequence[Written], embed: Embed
) -> CheckedLines:
    """Check the sentences that a model wrote, and return the lines to show."""
    checked = await _check_words(task, {offer.id: offer for offer in numbered}, sentences)
    fitting = await _check_meaning(task, checked, embed)
    passed = sum(sentence.verdict == PASSED for sentence in checked)
    shown: list[Line] = []
    ids: list[str] = []
    on: list[str] = []
    if not checked or 2 * passed < len(checked):
        # Most written sentences failed, so only named sentences are shown.
        kept = [
            sentence.named
            for sentence in checked
            if sentence.verdict == PASSED or sentence.may_be_replaced
        ]
        named = {source.id: source for sources in kept for source in sources}
        shown, ids = lines(task.quotes, [named[key] for key in named if key in fitting])
    else:
        room = SHOWN_CHARACTERS
        for sentence in checked:
            if sentence.verdict == PASSED:
                sources = sentence.standing_on
                numbers = tuple(sorted({source.passage + 1 for source in sources}))
                same = len(sources) == 1 and sentence.text == sources[0].text
                shown.append(Line(sentence.text, numbers, verbatim=same))
                on += [source.id for source in sources]
            elif sentence.may_be_replaced:
                fresh = fitting.difference(ids)
                sources = [source for source in sentence.named if source.id in fresh]
                found, known = lines(task.quotes, sources)
                needed = sum(size(line.text) for line in found)
                if needed <= room and not any(line in shown for line in found):
                    shown += found
                    ids += known
                    room -= needed
    verdicts = Counter(str(sentence.verdict) for sentence in checked)
    if ids:
        verdicts[REPLACED] = len(ids)
    return CheckedLines(tuple(shown), tuple(ids), dict(verdicts), tuple(dict.fromkeys(on)))


# By form and words.


async def _check_words(
    task: Task, offered: Mapping[str, Numbered], sentences: Sequence[Written]
) -> list[_Checked]:
    checked: list[_Checked] = []
    room = WRITTEN_CHARACTERS
    for written in sentences:
        # The longest take 50 ms each; this lets others run in between.
        await asyncio.sleep(0)
        named = [offered[key] for key in dict.fromkeys(written.named) if key in offered]
        sentence = _Checked(_tidy(written.text, offered), named[:MOST_NAMED])
        passages = {source.passage for source in sentence.named}
        shown = [
            other.text
            for other in checked
            if other.verdict == PASSED and passages & {source.passage for source in other.named}
        ]
        sentence.verdict = _verdict(task, sentence, shown)
        if sentence.verdict == PASSED:
            if len(sentence.text) > room:
                sentence.verdict = CUT
            else:
                room -= len(sentence.text)
        checked.append(sentence)
    return checked


def _tidy(text: str, offered: Mapping[str, Numbered]) -> str:
    """Join the lines of a text, and remove citations of offered sentences, such as "[2.3]"."""
    known = {*offered, *(key.partition(".")[0] for key in offered)}

    def without_known(match: re.Match[str]) -> str:
        return "" if known.issuperset(re.split(r" ?[,;] ?", match["ids"])) else match[0]

    return _CITATION.sub(without_known, " ".join(text.split())).strip()


def _verdict(task: Task, sentence: _Checked, shown: Sequence[str]) -> str:
    """Check a sentence, and set the sources on which it stands."""
    if not sentence.named:
        return UNNAMED
    found = fault(sentence.text, [source.text for source in sentence.named], shown)
    if found is not None:
        return found
    sources: list[str] = []
    for source in sentence.named:
        # A source that refers back is tried alone, and after the text it refers back to.
        before = lead_in(task.quotes[source.passage].text, source.unit)
        texts = [source.text, *([f"{before} {source.text}"] if before else [])]
        plain = [_without_markup(text) for text in texts]
        if mismatch(sentence.text, plain) is None:
            sentence.standing_on.append(source)
        sources += plain
    if sentence.standing_on:
        return PASSED
    sentence.standing_on = sentence.named
    together = mismatch(sentence.text, sources)
    return PASSED if together is None else together


def _without_markup(text: str) -> str:
    """Return a sentence without list markers, emphasis and link targets."""
    marker = LIST_MARKER.match(text)
    return _EMPHASIS.sub("", without_link_targets(text[marker.end() if marker else 0 :]))


# By meaning.


async def _check_meaning(task: Task, checked: Sequence[_Checked], embed: Embed) -> frozenset[str]:
    """Compare sentences by their vectors, embedded in one call.

    A passed sentence gets the verdict `FAR` if the vectors of all its sources are far away.

    Returns:
        The ids of the named sentences relevant to the question.
    """
    named = list({source.id: source for sentence in checked for source in sentence.named}.values())
    passed = [sentence for sentence in checked if sentence.verdict == PASSED]
    if not named:
        return frozenset()
    plain = [_without_markup(source.text) for source in named]
    vectors = await embed([task.question, *plain, *(sentence.text for sentence in passed)])
    own = dict(zip([source.id for source in named], vectors[1:], strict=False))
    for sentence, vector in zip(passed, vectors[1 + len(named) :], strict=True):
        if max(float(vector @ own[source.id]) for source in sentence.standing_on) < LEAST_COSINE:
            sentence.verdict = FAR
    weights = [(word.forms, 1.0) for word in query_words(task.question)]
    fitting: set[str] = set()
    for source, text in zip(named, plain, strict=True):
        quote = task.quotes[source.passage]
        cosine = float(vectors[0] @ own[source.id])
        titled = word_set(f"{quote.title} {quote.heading}")
        [covered] = coverage([text], weights, titled)
        shared = sum(not titled.isdisjoint(forms) for forms, _ in weights) / max(len(weights), 1)
        is_near = cosine + covered + NAMED * shared >= LEAST_SCORE
        if is_near and not text.rstrip().endswith(QUESTION_MARKS):
            fitting.add(source.id)
    return frozenset(fitting)


# By form.


SENTENCE_CHARACTERS: Final = 400
# A run of the instructions' words this long is no accident.
RECITED_WORDS: Final = 5


class Fault(StrEnum):
    """Faults in the form of a sentence."""

    EMPTY = "empty"
    ANNOUNCES = "announces"
    LONG = "too long"
    FOREIGN = "foreign"
    LANGUAGE = "language"
    RECITED = "recited"
    REPEATED = "repeated"
    REFERS_BACK = "refers back"


# Faults that drop a sentence without a replacement.
DROPPED: Final = frozenset({Fault.EMPTY, Fault.ANNOUNCES, Fault.RECITED, Fault.REPEATED})

_CODE: Final = re.compile(r"`+[^`]*`*|```.*", re.DOTALL)
_LEADS_SOMEWHERE: Final = re.compile(
    r"@\S+|#\w+|(?<!\S)/\w+|:\w{2,32}:|\b(?:[\w-]{1,63}\.){1,8}[a-z]{2,10}\b(?:/\S*\w)?",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(
    r"\A\s*(?:#{1,3}\s|-#\s|>|\||[-*+•]\s)|\*\*|__|\|\||~~|\]\(|\((?:link|mention)\)|<|\\"
)


def fault(text: str, named: Sequence[str], shown: Sequence[str]) -> Fault | None:
    """The fault in a sentence's form, if any; `shown` are earlier ones about the same passages."""
    named_text = "\n".join(named)
    if not any(map(str.isalnum, text)):
        return Fault.EMPTY
    # First, because the other checks read the whole text.
    if len(text) > SENTENCE_CHARACTERS:
        return Fault.LONG
    if text.rstrip("*_ )").endswith(":"):
        return Fault.ANNOUNCES
    if next(instructions(text), None) is not None:
        return Fault.RECITED
    if (_runs(text) & _runs_of_instructions()) - _runs(named_text):
        return Fault.RECITED
    if any(set(words(text)) <= set(words(other)) for other in shown):
        return Fault.REPEATED
    if _is_foreign(text, named_text):
        return Fault.FOREIGN
    language = language_of_question(text)
    if language and language != language_of(named_text):
        return Fault.LANGUAGE
    return Fault.REFERS_BACK if refers_back(text) and not shown else None


def _is_foreign(text: str, named_text: str) -> bool:
    if sendable(text) != text or _MARKUP.search(text) is not None:
        return True
    found = [*_CODE.findall(text), *_LEADS_SOMEWHERE.findall(text)]
    signs = {sign for sign in text if not (sign.isalnum() or sign in _PLAIN)}
    return any(piece not in named_text for piece in (*found, *signs))


# Punctuation that a model may add.
_PLAIN: Final = frozenset(" .,;:!?-'\"()/%&+–—“”„‘’‚…")


@cache
def _runs_of_instructions() -> frozenset[tuple[str, ...]]:
    return frozenset().union(*map(_runs, INSTRUCTIONS.values()))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    read = words(text, "en")
    ends = range(RECITED_WORDS, len(read) + 1)
    return frozenset(tuple(read[end - RECITED_WORDS : end]) for end in ends)
