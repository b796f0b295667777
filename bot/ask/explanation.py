"""Explanation of an answer: how each passage was found and approved. Pure.

Scores are shown to moderators only.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from bot.ask.messages import NO_LONGER_QUOTED, NO_LONGER_THERE, question_line
from bot.text.languages import Sentence
from bot.text.markdown import plain, shorten, split
from bot.text.question_labels import EVIDENCE
from indexer.retrieval.hit import MEANING, RERANKER, WORDS
from indexer.text.analyzer import query_words, typed_words, word_set, words
from indexer.text.symbols import symbols
from indexer.text.synonyms import synonym_variants
from knowledge.values.questions import Question, RecordedHit
from knowledge.values.synonyms import synonyms_in

# At most this many words common to question and passage are named.
WORDS_NAMED: Final = 5

_ASKED: Final = Sentence("Evidence: {evidence}. Asked {when}.")
_ALSO_READ: Final = Sentence("On this server, {pairs}.")
_SAME: Final = Sentence("“{word}” also means “{meaning}”")
_GENERATION: Final = Sentence("Index generation {generation}.")
_MATCHED: Final = Sentence("matched by {legs}")
_THESE_WORDS: Final = Sentence("these words: {words}")
_ASKED_AS: Final = Sentence("asked as “{wording}”")
_REVISION: Final = Sentence("revision {number}")
_APPROVED: Final = Sentence("revision {number}, approved by {names}")
_SCORE: Final = Sentence("score {score}")
_NOTHING_NEAR: Final = Sentence("I found nothing close to it.")

_LEGS: Final[Mapping[str, Sentence]] = {
    WORDS: Sentence("words"),
    MEANING: Sentence("meaning"),
}
_AND: Final = Sentence(" and ")
_AND_BY: Final = Sentence(" and by ")
_RERANKED: Final = Sentence("{found}, placed by the reranker")


def found_by(legs: Sequence[str]) -> str:
    named = (_LEGS[leg]() if leg in _LEGS else leg for leg in legs if leg != RERANKER)
    found = _AND().join(named)
    return _RERANKED(found=found) if RERANKER in legs else found


def why(question: Question, *, moderator: bool = False) -> list[str]:
    """Explain a recorded answer, in as many messages as the text needs."""
    when = f"<t:{int(question.asked_at.timestamp())}:f>"
    about = [_ASKED(evidence=EVIDENCE[question.evidence](), when=when)]
    if moderator:
        about.append(_GENERATION(generation=question.generation))
    synonyms = synonyms_in(question.settings)
    if synonyms:
        pairs = (_SAME(word=pair.word, meaning=pair.meaning) for pair in synonyms)
        about.append(_ALSO_READ(pairs=", ".join(pairs)))
    lines = [question_line(question.text), " ".join(about)]
    for rank, hit in enumerate(question.hits[:5], start=1):
        where = " › ".join(plain(part) for part in (hit.title, hit.heading) if part)
        gone = NO_LONGER_QUOTED if hit.source_channel_id is None else NO_LONGER_THERE
        place = f"**{where}**" if where else gone()
        parts = [f"{rank}. {place}", _match_line(question, hit)]
        if wording := _nearest(question.text, hit.wordings):
            parts.append(_ASKED_AS(wording=plain(wording)))
        if hit.revision is not None:
            said = _APPROVED if hit.approved_by else _REVISION
            names = plain(shorten(hit.approved_by, 100))
            parts.append(said(number=hit.revision, names=names))
        if moderator:
            score = _SCORE(score=f"{hit.score:.2f}")
            parts.append(_RERANKED(found=score) if RERANKER in hit.legs else score)
        lines.append(" · ".join(parts))
    if not question.hits:
        lines.append(_NOTHING_NEAR())
    return split("\n".join(lines))


def _match_line(question: Question, hit: RecordedHit) -> str:
    """Name the retrievers that found a passage, and its words or synonyms from the question."""
    pairs = [(pair.word, pair.meaning) for pair in synonyms_in(question.settings)]
    text = f"{hit.title} {hit.heading} {hit.passage}"
    found = (_common_words(read, text) for read in synonym_variants(question.text, pairs))
    common = list(dict.fromkeys(chain.from_iterable(found)))[:WORDS_NAMED]
    named = ", ".join(f"“{plain(shorten(word, 30))}”" for word in common)
    legs = [
        _THESE_WORDS(words=named) if leg == WORDS and named else _LEGS[leg]()
        for leg in (MEANING, WORDS)
        if leg in hit.legs
    ]
    return _MATCHED(legs=_AND_BY().join(legs))


def _nearest(question: str, wordings: Sequence[str]) -> str:
    """The wording with the most words of the question; empty if no wording has any."""
    shared = {wording: len(_common_words(question, wording)) for wording in wordings}
    best = max(wordings, key=shared.__getitem__, default="")
    return best if shared.get(best) else ""


def _common_words(question: str, text: str) -> list[str]:
    """Words common to a question and a text, as typed, in order."""
    said = word_set(text)
    wanted = {
        form
        for word in query_words(question)
        if not word.optional
        for form in word.forms
        if form in said
    }
    typed = dict.fromkeys(typed_words(question))
    named = [word for word in typed if not wanted.isdisjoint(words(word))]
    return [*named, *(sign for sign in symbols(question) if sign in wanted)][:WORDS_NAMED]
