"""Golden questions: asked again after changes in the worker's thread, decided on, and described.

A question is asked as its members asked it, but without confirmed answers, which would hide that
another passage comes first now. Each slice of a check stores its results in one transaction. They
name the state of everything that shapes an answer. So a killed check goes on where it was, and a
second one finds nothing to do.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from bot.answers.ask import scopes_of
from bot.answers.outcome import Answer, recorded_hit, recorded_passage
from bot.answers.pipeline import AnswerPipeline
from bot.answers.replay import ask_from_record
from bot.core.core import Core
from bot.review.impact import ImpactPreview
from bot.review.messages import AND_MORE, SAID_SOMEWHERE
from bot.text.languages import Sentence, plural, speak
from bot.text.markdown import plain_within
from bot.text.place_names import place_name
from indexer.retrieval.hit import Hit
from knowledge.store.questions.question_records import digest_of, recorded_digest
from knowledge.values.documents import note_of_document
from knowledge.values.guilds import GuildFilter
from knowledge.values.questions import (
    Evidence,
    Feedback,
    GoldenQuestion,
    GoldenState,
    Question,
    RecordedHit,
    Verdict,
)

# Questions asked again in one slice. A member's own question waits for one slice at most.
SLICE: Final = 4
# After a slice, the thread is free for this many times as long as the slice took.
PAUSES: Final = 2
# A verdict older than this at its first check tells nothing new: the answer may have changed long
# before the checks were turned on.
_NEWS: Final = timedelta(days=7)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_NOTHING: Final = "0" * 8


class Progress(NamedTuple):
    """A slice of a check; `seconds` is what the check has taken so far, without pauses."""

    seconds: float
    pause_seconds: float
    is_complete: bool


class Result(NamedTuple):
    """A golden question asked again; `first` is None if nothing answers it now."""

    question: Question
    state: GoldenState
    first: RecordedHit | None
    evidence: Evidence

    @property
    def key(self) -> str:
        """A digest of the passage that comes first now."""
        return _key(self.first)


# Checks.


def guilds_to_check(core: Core, mine: GuildFilter, known: dict[int, str]) -> list[tuple[int, str]]:
    """The guilds with a change since the states in `known`, with their present states."""
    state = (
        f"{core.index.generation} {core.retriever.identity} {core.store.golden_questions.version()}"
    )
    now = [
        (guild_id, f"{state} {core.answer_pipeline.synonyms.of(guild_id)}")
        for guild_id in core.store.golden_questions.guilds()
        if mine(guild_id)
    ]
    return [(guild_id, state) for guild_id, state in now if known.get(guild_id) != state]


def check(core: Core, guild_id: int, most_seconds: float) -> Iterator[Progress]:
    """Ask a guild's golden questions again that may have changed, in slices, the oldest first."""
    began = time.perf_counter()
    state_of = _states(core, guild_id)
    due = [
        golden
        for golden in core.store.golden_questions.of_guild(guild_id)
        if golden.checked != state_of(golden.channels)
    ]
    due.sort(key=lambda golden: golden.checked_at or _NEVER)
    seconds = time.perf_counter() - began
    yield Progress(seconds, 0.0, not due)
    for start in range(0, len(due), SLICE):
        if seconds > most_seconds:
            return
        began = time.perf_counter()
        state_of = _states(core, guild_id)
        some = due[start : start + SLICE]
        now = datetime.now(UTC)
        with core.index.steady():
            results = ask_again(core, [golden.question_id for golden in some])
        checked = [
            _with_result(golden, results[golden.question_id], state_of(golden.channels), now)
            for golden in some
            if golden.question_id in results
        ]
        core.store.golden_questions.record_checks(guild_id, checked)
        took = time.perf_counter() - began
        seconds += took
        yield Progress(seconds, PAUSES * took, start + SLICE >= len(due))


def _states(core: Core, guild_id: int) -> Callable[[tuple[int, ...]], str]:
    """The digest of everything that shapes an answer now, by the channels it is searched in."""
    synonyms = core.answer_pipeline.synonyms.of(guild_id)
    shaped = f"{core.retriever.identity} {synonyms}"

    @cache
    def state_of(channels: tuple[int, ...]) -> str:
        scopes = core.articles.visible_scopes(scopes_of(guild_id, channels))
        generations = [*zip(scopes, core.index.generation_of(scopes), strict=True)]
        return hashlib.sha256(f"{shaped} {generations}".encode()).hexdigest()[:32]

    return state_of


def ask_again(core: Core, question_ids: Sequence[int]) -> dict[int, Result]:
    """Ask recorded questions without confirmed answers, by their ids; deleted ones are left out."""
    questions = core.store.question_records.questions(question_ids)
    asks = [ask_from_record(question) for question in questions]
    results, others = {}, []
    for question, lookup in zip(
        questions, core.part(ImpactPreview).look_up_without_pins(asks), strict=True
    ):
        hits = lookup.hits if lookup.evidence is not Evidence.NONE else ()
        result = _result(core, question, hits, lookup.evidence)
        if result.state is GoldenState.HELD:
            results[question.id] = result
        else:
            others.append(question)
    # A lookup takes half the time of a whole answer, which may have another passage first.
    pipeline = core.part(_pipeline_without_pins)
    pipeline.due = core.answer_pipeline.due
    replies = pipeline.ask([ask_from_record(question) for question in others], record=False)
    for question, reply in zip(others, replies, strict=True):
        hits = reply.hits if isinstance(reply.outcome, Answer) else ()
        results[question.id] = _result(core, question, hits, reply.evidence)
    return results


def _result(core: Core, question: Question, hits: Sequence[Hit], evidence: Evidence) -> Result:
    first, expected = recorded_hit(hits[0]) if hits else None, question.hits[0]
    passages = core.document(expected.document_id, ask_from_record(question).scopes)
    # The text of a passage from a channel isn't recorded: any passage of its document will do.
    is_there = expected.source_channel_id is not None or any(
        passage.text == expected.passage for passage in passages
    )
    state = GoldenState.MOVED if is_there else GoldenState.EDITED
    if not passages:
        state = GoldenState.GONE
    elif first is not None and first.document_id == expected.document_id:
        # An edit under the same heading isn't another answer.
        same = (first.passage, expected.passage) if is_there else (first.heading, expected.heading)
        if len(set(same)) == 1:
            state = GoldenState.HELD
    return Result(question, state, first, evidence)


def _pipeline_without_pins(core: Core) -> AnswerPipeline:
    return AnswerPipeline(
        core.store,
        core.index,
        core.retriever,
        core.answer_pipeline.quotes,
        articles=core.articles,
        outage=core.outage,
        recording=core.recording,
    )


def _with_result(
    golden: GoldenQuestion, result: Result, checked: str, now: datetime
) -> GoldenQuestion:
    changed_at = golden.changed_at
    if result.state is GoldenState.HELD:
        changed_at = None
    elif changed_at is None and _is_news(golden, result, now):
        changed_at = now
    return replace(
        golden,
        checked=checked,
        checked_at=now,
        state=result.state,
        first=result.key,
        changed_at=changed_at,
    )


def _is_news(golden: GoldenQuestion, result: Result, now: datetime) -> bool:
    """Whether the answer changed since the last check, or since a verdict that is still news.

    Other passages may have come first all along, where members picked a lower one. So a passage
    that comes first instead of another one counts only if it answers surely, and wasn't found when
    the question was asked.
    """
    if golden.state is None and golden.answered_at < now - _NEWS:
        return False
    if golden.state is GoldenState.HELD:
        return True
    if result.state is not GoldenState.MOVED:
        return result.state is not golden.state
    earlier = {golden.first, *map(_key, result.question.hits)}
    return result.evidence is Evidence.STRONG and result.key not in earlier


def _key(hit: RecordedHit | None) -> str:
    """A digest of a passage by its words or, without words, by its place in the document."""
    if hit is None:
        return _NOTHING
    return recorded_digest([hit.document_id, hit.passage, hit.position])


# Decisions.


class Changes(NamedTuple):
    """Changes to decide on, oldest first. Questions with the same words and answers are one."""

    moved: Sequence[Result]
    number: int
    gone: Sequence[Result]
    number_gone: int


def changes(core: Core, guild_id: int, most: int) -> Changes:
    """A guild's changes, with at most `most` results of each kind."""
    groups = core.store.golden_questions.changes(guild_id)
    moved = [ids[0] for state, ids in groups if state is not GoldenState.GONE]
    gone = [ids[0] for state, ids in groups if state is GoldenState.GONE]
    moved_now, gone_now = (
        # The next check finds that these hold again.
        [r for r in ask_again(core, ids[:most]).values() if r.state is not GoldenState.HELD]
        for ids in (moved, gone)
    )
    return Changes(moved_now, len(moved), gone_now, len(gone))


def number_changed(core: Core, guild_id: int) -> tuple[int, int]:
    """How many changes there are to decide on, and how many answers are gone."""
    open_changes = changes(core, guild_id, 0)
    return open_changes.number, open_changes.number_gone


def decide(
    core: Core, guild_id: int, question_id: int, seen: str, moderator_id: int, *, accept: bool
) -> bool:
    """Confirm the answer that comes first now (`accept`), or the old one.

    The decision holds for all questions with the same words and answer. If nothing answers now,
    accepting takes confirmations back. `seen` is the beginning of the `Result.key` that the
    moderator saw.

    Returns:
        False if the change was decided on, or is another one by now.
    """
    groups = core.store.golden_questions.changes(guild_id)
    same = next((ids for _, ids in groups if question_id in ids), [])
    wanted = {
        key: result.first if accept else _old(core, result)
        for key, result in ask_again(core, same).items()
        if result.key.startswith(seen)
    }
    if not wanted or (not accept and None in wanted.values()):
        return False
    records, feedback = core.store.question_records, core.store.feedback_records
    with core.store.database.writing(guild_id):
        for key, hit in wanted.items():
            if hit is None:
                feedback.take_back(key, by_moderator=True)
                continue
            records.add_hit(key, hit)
            pick = Feedback(key, moderator_id, Verdict.HELPFUL, document_id=hit.document_id)
            feedback.record_pick(pick, digest_of(hit), by_moderator=True)
        core.store.golden_questions.settle(guild_id, [*wanted])
    return True


def _old(core: Core, result: Result) -> RecordedHit | None:
    """The expected passage; after an edit, the best passage of its document; None if it is gone."""
    expected, ask = result.question.hits[0], ask_from_record(result.question)
    if result.state is not GoldenState.EDITED:
        return None if result.state is GoldenState.GONE else expected
    passages = core.document(expected.document_id, ask.scopes)
    ids = np.array([passage.id for passage in passages], np.int64)
    seen = core.articles.visible_scopes(ask.scopes)
    [vector] = core.retriever.embed([ask.text])
    hits = core.retriever.rank(ask.text, vector, seen, 1, among=ids)
    return recorded_hit(hits[0]) if hits else recorded_passage(passages[0])


LABELS: Final[Mapping[str, Sentence]] = {
    "keep": Sentence("Keep the old answer"),
    "accept": Sentence("Accept the new answer"),
}
SHOW: Final = Sentence("Changed answers")
SETTLE_GONE: Final = Sentence("Clear this list")
DECIDED: Final = Sentence(
    "Done. I'll follow your choice when somebody asks nearly the same question."
)
DECIDED_ALREADY: Final = Sentence(
    "Nothing changed: somebody else decided first, or the answer has changed again."
)


def introduction(open_changes: Changes, *, is_checked: bool) -> str:
    if not is_checked:
        return speak(
            "I don't check confirmed and helpful answers after changes. An administrator "
            "can turn that on in `/setup`, at *Reminders and digests*."
        )
    if not (open_changes.number or open_changes.number_gone):
        return speak(
            "When my sources change, I check the answers that members confirmed or found "
            "helpful. Nothing needs your decision now."
        )
    return speak(
        "I checked the answers that members confirmed or found helpful. These have "
        "changed. A confirmed answer stays first until you accept the new one."
    )


def count_changes(number: int, gone: int) -> str:
    """The line of a digest on changed answers."""
    parts = []
    if number:
        parts.append(
            plural(
                number,
                "**{number:,} confirmed answer** changed",
                "**{number:,} confirmed answers** changed",
            )
        )
    if gone:
        parts.append(
            plural(
                gone,
                "**{number:,} confirmed answer** lost its note or source",
                "**{number:,} confirmed answers** lost their notes or sources",
            )
        )
    return ", ".join(parts) + ": `/review`."


_GONE: Final = {
    True: Sentence("Before: {place}, a note that was withdrawn, retired or deleted"),
    False: Sentence("Before: {place}, whose page or source was removed"),
}


def before(result: Result, channels: Collection[int]) -> str:
    """A question with its answer before; `channels` are those that the viewer may read."""
    expected = result.question.hits[0]
    place = _place(expected, channels)
    if result.state is GoldenState.EDITED:
        answer = speak("Before: {place}, edited since", place=place)
    elif result.state is GoldenState.MOVED:
        answer = speak("Before: {place}", place=place)
    else:
        is_note = note_of_document(expected.document_id) is not None
        answer = _GONE[is_note](place=place)
    return f"**“{plain_within(result.question.text, 150)}”**\n{answer}"


def change(result: Result, channels: Collection[int]) -> str:
    """A question with its answer before and now."""
    lines = [before(result, channels)]
    if result.state is GoldenState.MOVED:
        lines += _words(result.question.hits[0])
    if result.first is None:
        lines.append(speak("Now: no answer"))
    else:
        lines.append(speak("Now: {place}", place=_place(result.first, channels)))
        lines += _words(result.first)
    return "\n".join(lines)


def more(open_changes: Changes) -> str:
    """The number of changes that aren't shown; empty if all are."""
    number = (
        open_changes.number
        + open_changes.number_gone
        - len(open_changes.moved)
        - len(open_changes.gone)
    )
    return AND_MORE(number=number) if number else ""


def is_readable(hit: RecordedHit | None, channels: Collection[int]) -> bool:
    return hit is None or hit.source_channel_id is None or hit.source_channel_id in channels


def _place(hit: RecordedHit, channels: Collection[int]) -> str:
    if hit.source_channel_id is None:
        return f"“{plain_within(place_name(hit.title, hit.heading, 200), 80)}”"
    if not is_readable(hit, channels):
        return SAID_SOMEWHERE()
    return speak("a message in {channel}", channel=f"<#{hit.source_channel_id}>")


def _words(hit: RecordedHit) -> list[str]:
    """The beginning of a passage as a quotation; a passage from a channel is recorded without."""
    words = " ".join(hit.passage.split())
    return [f"> {plain_within(words, 120)}"] if words else []
