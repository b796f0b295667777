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
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.answers.phrased import Line
from bot.phrasing.prompts import INSTRUCTIONS, WRITTEN_CHARACTERS, sendable
from bot.phrasing.replies import Written
from bot.phrasing.sentences import SHOWN_CHARACTERS, Numbered, lines, needed_before
from bot.phrasing.strict_check import mismatch
from bot.phrasing.task import Task
from bot.text.markdown import size
from indexer.retrieval.highlight import sentence_scores
from indexer.text.analyzer import query_words, words
from indexer.text.passages import without_link_targets
from indexer.text.sentences import LIST_MARKER, refers_back
from knowledge.languages.detection import language_of, language_of_question
from knowledge.review.prompt_injection import instructions

Embed = Callable[[Sequence[str]], Awaitable[NDArray[np.float32]]]
"""Texts to vectors, (n, d) float32 with rows of unit length."""

LEAST_COSINE: Final = 0.7
# The largest number of ids considered for a sentence.
MOST_NAMED: Final = 3
# Least score (`sentence_scores`) of a named sentence that is shown as a replacement. Of 254
# answering sentences 81% reach it, and of the 920 sentences beside them 21%.
LEAST_SCORE: Final = 0.9

PASSED: Final = "passed"
UNNAMED: Final = "names nothing"
FAR: Final = "meaning"
CUT: Final = "no room"
REPLACED: Final = "replaced"

# Citations, which the instructions forbid; only numbers that may be ids. Expects single blanks.
_CITATION: Final = re.compile(r" ?[\[(](?P<ids>\d(?:\.\d{1,3})?(?: ?[,;] ?\d(?:\.\d{1,3})?)*)[\])]")
_EMPHASIS: Final = re.compile(r"\*\*|__|`")


@dataclass(frozen=True, slots=True)
class CheckedLines:
    """Lines to show after the check.

    Attributes:
        ids: the ids of the sentences shown instead of written sentences.
        stands_on: the ids of the sentences from which the shown written sentences follow.
        verdicts: the number of sentences by verdict.
    """

    lines: tuple[Line, ...]
    ids: tuple[str, ...]
    stands_on: tuple[str, ...] = field(default=(), kw_only=True)
    verdicts: Mapping[str, int]


@dataclass(slots=True)
class _Checked:
    """A sentence by the model, the sentences it names, and the verdict on it.

    `standing_on` are the named sentences from which the written sentence follows.
    """

    text: str
    named: list[Numbered]
    verdict: str = PASSED
    standing_on: list[Numbered] = field(default_factory=list)

    @property
    def may_be_replaced(self) -> bool:
        return self.verdict not in {*DROPPED, UNNAMED, CUT, PASSED}


async def written(
    task: Task, numbered: Sequence[Numbered], sentences: Sequence[Written], embed: Embed
) -> CheckedLines:
    """Check the sentences that a model wrote, and return the lines to show."""
    offered = {one.id: one for one in numbered}
    checked = await _checked_by_words(task, offered, sentences)
    fitting = await _checked_by_meaning(task, checked, embed)
    passed = sum(one.verdict == PASSED for one in checked)
    if not checked or 2 * passed < len(checked):
        return _named_only(task, checked, fitting)
    shown: list[Line] = []
    ids: list[str] = []
    room = SHOWN_CHARACTERS
    for one in checked:
        if one.verdict == PASSED:
            shown.append(_line(one))
        elif one.may_be_replaced:
            fresh = [each for each in one.named if each.id in fitting and each.id not in ids]
            found, known = lines(task.quotes, fresh)
            needed = sum(size(line.text) for line in found)
            if needed <= room and not any(line in shown for line in found):
                shown += found
                ids += known
                room -= needed
    on = [each.id for one in checked if one.verdict == PASSED for each in one.standing_on]
    counted = _counted(checked, ids)
    return CheckedLines(tuple(shown), tuple(ids), counted, stands_on=tuple(dict.fromkeys(on)))


def _line(one: _Checked) -> Line:
    numbers = tuple(sorted({each.passage + 1 for each in one.standing_on}))
    same = len(one.standing_on) == 1 and one.text == one.standing_on[0].text
    return Line(one.text, numbers, verbatim=same)


def _named_only(task: Task, checked: Sequence[_Checked], fitting: frozenset[str]) -> CheckedLines:
    """Return only named sentences with `fitting` ids, because most written sentences failed."""
    kept = [one for one in checked if one.verdict == PASSED or one.may_be_replaced]
    named = [each for one in kept for each in one.named if each.id in fitting]
    found, ids = lines(task.quotes, list({one.id: one for one in named}.values()))
    return CheckedLines(tuple(found), tuple(ids), _counted(checked, ids))


def _counted(checked: Sequence[_Checked], ids: Sequence[str]) -> dict[str, int]:
    counts = Counter(str(one.verdict) for one in checked)
    if ids:
        counts[REPLACED] = len(ids)
    return dict(counts)


# By form and words.


async def _checked_by_words(
    task: Task, offered: Mapping[str, Numbered], sentences: Sequence[Written]
) -> list[_Checked]:
    checked: list[_Checked] = []
    room = WRITTEN_CHARACTERS
    for sentence in sentences:
        # The longest take 50 ms each; this lets others run in between.
        await asyncio.sleep(0)
        text = _tidy(sentence.text, offered)
        named = [offered[key] for key in dict.fromkeys(sentence.named) if key in offered]
        one = _Checked(text, named[:MOST_NAMED])
        passages = {each.passage for each in one.named}
        shown = [
            other.text
            for other in checked
            if other.verdict == PASSED and passages & {each.passage for each in other.named}
        ]
        one.verdict = _verdict(task, one, shown)
        if one.verdict == PASSED and len(text) > room:
            one.verdict = CUT
        room -= len(text) if one.verdict == PASSED else 0
        checked.append(one)
    return checked


def _tidy(text: str, offered: Mapping[str, Numbered]) -> str:
    """Join the lines of a text, and remove citations of offered sentences, such as "[2.3]"."""
    passages = {key.partition(".")[0] for key in offered}

    def uncited(match: re.Match[str]) -> str:
        cited = set(re.split(r" ?[,;] ?", match["ids"]))
        return "" if cited <= {*offered, *passages} else match[0]

    return _CITATION.sub(uncited, " ".join(text.split())).strip()


def _verdict(task: Task, one: _Checked, shown: Sequence[str]) -> str:
    if not one.named:
        return UNNAMED
    found = fault(one.text, [each.text for each in one.named], shown)
    if found is not None:
        return found
    sources = {each.id: _sources(task, each) for each in one.named}
    alone = {key: mismatch(one.text, texts) for key, texts in sources.items()}
    one.standing_on = [each for each in one.named if alone[each.id] is None]
    if one.standing_on:
        return PASSED
    together = mismatch(one.text, [text for texts in sources.values() for text in texts])
    one.standing_on = one.named
    return PASSED if together is None else together


def _sources(task: Task, one: Numbered) -> list[str]:
    """Return a named sentence alone, and after the text it refers back to, if any."""
    before = needed_before(task.quotes[one.passage].text, one.unit)
    texts = [one.text, *([f"{before} {one.text}"] if before else [])]
    return [_without_markup(text) for text in texts]


def _without_markup(text: str) -> str:
    """Return a sentence without list markers, emphasis and link targets."""
    marker = LIST_MARKER.match(text)
    return _EMPHASIS.sub("", without_link_targets(text[marker.end() if marker else 0 :]))


# By meaning.


async def _checked_by_meaning(
    task: Task, checked: Sequence[_Checked], embed: Embed
) -> frozenset[str]:
    """Compare sentences by their vectors, embedded in one call.

    A passed sentence gets the verdict `FAR` if the vectors of all its sources are far away.

    Returns:
        The ids of the named sentences relevant to the question.
    """
    named = list({each.id: each for one in checked for each in one.named}.values())
    passed = [one for one in checked if one.verdict == PASSED]
    if not named:
        return frozenset()
    texts = [
        task.question,
        *(_without_markup(each.text) for each in named),
        *(one.text for one in passed),
    ]
    vectors = await embed(texts)
    own = dict(zip([each.id for each in named], vectors[1:], strict=False))
    for one, vector in zip(passed, vectors[1 + len(named) :], strict=True):
        if max(float(vector @ own[each.id]) for each in one.standing_on) < LEAST_COSINE:
            one.verdict = FAR
    weights = [(word.forms, 1.0) for word in query_words(task.question)]
    fitting: set[str] = set()
    for each in named:
        heading = f"{task.quotes[each.passage].title} {task.quotes[each.passage].heading}"
        cosine = float(vectors[0] @ own[each.id])
        [score] = sentence_scores([_without_markup(each.text)], [cosine], weights, heading)
        if score >= LEAST_SCORE:
            fitting.add(each.id)
    return frozenset(fitting)


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
    """Return the fault in a sentence's form, if any.

    Args:
        text: the sentence, as the model wrote it.
        named: the sentences that the model names, as people wrote them.
        shown: sentences of the model about the same passages that are already shown.
    """
    named_text = "\n".join(named)
    if not any(map(str.isalnum, text)):
        return Fault.EMPTY
    # First, because the other checks read the whole text.
    if len(text) > SENTENCE_CHARACTERS:
        return Fault.LONG
    if text.rstrip("*_ )").endswith(":"):
        return Fault.ANNOUNCES
    if _is_recited(text, named_text):
        return Fault.RECITED
    if any(_same_words(text, other) for other in shown):
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


def _is_recited(text: str, named_text: str) -> bool:
    """Whether a sentence instructs a model, or repeats instructions of the prompt."""
    if next(instructions(text), None) is not None:
        return True
    return bool((_runs(words(text, "en")) & _instructed()) - _runs(words(named_text, "en")))


@cache
def _instructed() -> frozenset[tuple[str, ...]]:
    return frozenset().union(*(_runs(words(text, "en")) for text in INSTRUCTIONS.values()))


def _runs(read: Sequence[str]) -> frozenset[tuple[str, ...]]:
    ends = range(RECITED_WORDS, len(read) + 1)
    return frozenset(tuple(read[end - RECITED_WORDS : end]) for end in ends)


def _same_words(text: str, other: str) -> bool:
    """Whether every word of a sentence is in the other sentence."""
    return set(words(text)) <= set(words(other))
