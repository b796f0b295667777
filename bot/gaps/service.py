"""Gaps, in the worker's thread: groups of questions, later answers, and notices to askers.

Long work is a generator that runs in slices. A wrong notice is worse than a missing notice. So an
asker gets a notice only if a new note answers the question with *strong* evidence. *Partial*
evidence is enough for the group of questions that the note was written for.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from bot.answers.ask import scopes_of
from bot.answers.outcome import Answer, Reply, recorded_hit, recorded_passage
from bot.answers.replay import ask_from_record
from bot.core.core import Core
from bot.gaps import handover_service
from bot.gaps.handover_service import HelpersAnswer
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.clusters import cluster, medoid
from knowledge.store.questions.gaps import Publication, once_each, same_words
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Kind, Scope, document_of_note
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import Notice, NoticeEvent
from knowledge.values.questions import (
    Evidence,
    Feedback,
    Handover,
    HandoverState,
    OpenQuestion,
    RecordedHit,
    Verdict,
)
from knowledge.values.settings import EffectiveSettings

# Questions asked again in one slice, some 5 ms each.
SLICE: Final = 16

# Questions compared with a note in one slice.
_COMPARED: Final = 256

# Shortest time between two notices to a member about new notes.
COOLDOWN: Final = timedelta(hours=1)

# The largest number of questions asked again at a call of `/gaps`; the next call asks the others.
ASKED_AGAIN: Final = 400


@dataclass(frozen=True, slots=True)
class Group:
    """A group of unanswered questions with the same meaning, newest first.

    `awaited` says whether a note for it waits for review. `handover` is the last claimed one, or
    else the one that changed last.
    """

    questions: tuple[OpenQuestion, ...]
    example: OpenQuestion
    awaited: bool = False
    handover: Handover | None = None

    @property
    def ids(self) -> list[int]:
        return [question.id for question in self.questions]

    @property
    def askers(self) -> int:
        """The number of askers; all members with deleted data count as one asker."""
        return len({question.asker_id for question in self.questions})

    @property
    def is_answered(self) -> bool:
        """Whether a helper has answered a question of the group."""
        return self.handover is not None and self.handover.state is HandoverState.ANSWERED

    @property
    def last(self) -> datetime:
        return self.questions[0].asked_at


def groups(core: Core, guild_id: int) -> list[Group]:
    """A guild's groups, most askers first; groups answered by a helper come last."""
    questions = core.store.gaps.open(guild_id)
    awaited = core.store.gaps.under_review(guild_id)
    handovers = core.store.handovers.of_guild(guild_id)
    groups = []
    for asked, example in same_questions(core, questions):
        own = [handovers[question.id] for question in asked if question.id in handovers]
        claimed = [handover for handover in own if handover.state is HandoverState.CLAIMED]
        current = max(claimed or own, key=lambda handover: handover.changed_at, default=None)
        is_awaited = any(question.id in awaited for question in asked)
        groups.append(Group(tuple(asked), example, is_awaited, current))
    return sorted(groups, key=lambda group: (group.is_answered, -group.askers))


# Questions that ask the same, newest first, and the most typical one.
_Grouped = tuple[list[OpenQuestion], OpenQuestion]


def same_questions(core: Core, questions: Sequence[OpenQuestion]) -> list[_Grouped]:
    """Group questions by meaning and merges, largest first, each with its most typical one."""
    by_text: dict[str, list[OpenQuestion]] = {}
    for question in questions:
        by_text.setdefault(same_words(question.text), []).append(question)
    same = list(by_text.values())
    vectors = core.question_vectors.of([questions[0].text for questions in same])
    cosines = core.retriever.cosine_scale().of(vectors @ vectors.T)
    joined = [
        (
            _newest_first(question for place in places for question in same[place]),
            same[medoid(cosines, places)][0],
        )
        for places in cluster(cosines)
    ]
    return sorted(_merge_groups(core, joined), key=lambda group: (-len(group[0]), -group[0][0].id))


def _newest_first(questions: Iterable[OpenQuestion]) -> list[OpenQuestion]:
    return sorted(questions, key=lambda question: -question.id)


def _merge_groups(core: Core, groups: Sequence[_Grouped]) -> list[_Grouped]:
    """Join groups merged by moderators; the largest part gives the most typical question."""
    under = core.store.gaps.merged_groups(groups[0][1].guild_id) if groups else {}
    alone: list[_Grouped] = []
    together: list[tuple[set[int], list[_Grouped]]] = []
    for group in groups:
        keys = {under[question.id] for question in group[0] if question.id in under}
        if not keys:
            alone.append(group)
            continue
        same = [part for part in together if part[0] & keys]
        together = [part for part in together if not part[0] & keys]
        joined = [group, *(part for _, parts in same for part in parts)]
        together.append((keys.union(*(part[0] for part in same)), joined))
    for _, parts in together:
        _, example = max(parts, key=lambda part: len(part[0]))
        alone.append((_newest_first(question for part in parts for question in part[0]), example))
    return alone


def groups_with(core: Core, guild_id: int, question_ids: Collection[int]) -> list[Group]:
    """The open groups that contain any of these questions."""
    wanted = frozenset(question_ids)
    return [group for group in groups(core, guild_id) if not wanted.isdisjoint(group.ids)]


def dismiss(
    core: Core, guild_id: int, question_ids: Collection[int], moderator_id: int
) -> list[Group]:
    """Dismiss the groups with any of these questions, and return them."""
    dismissed = groups_with(core, guild_id, question_ids)
    for group in dismissed:
        core.store.gaps.dismiss(guild_id, group.ids, moderator_id)
    return dismissed


def merge(core: Core, guild_id: int, question_ids: Collection[int], moderator_id: int) -> int:
    """Merge the groups with any of these questions, permanently; return the number of groups."""
    parts = groups_with(core, guild_id, question_ids)
    if len(parts) > 1:
        ids = [question_id for group in parts for question_id in group.ids]
        core.store.gaps.merge(guild_id, ids, moderator_id)
    return len(parts)


def claim(
    core: Core, guild_id: int, question_ids: Collection[int], member_id: int, at: datetime
) -> list[Handover]:
    """Claim the groups with any of these questions; return those that others have claimed."""
    outcomes = [
        core.store.handovers.claim_group(guild_id, group.ids, member_id, at)
        for group in groups_with(core, guild_id, question_ids)
    ]
    return [outcome.handover for outcome in outcomes if outcome is not None and not outcome.done]


def give_back(
    core: Core, guild_id: int, question_ids: Collection[int], member_id: int, at: datetime
) -> None:
    """End a moderator's claims of the groups with any of these questions."""
    for group in groups_with(core, guild_id, question_ids):
        if group.handover is not None and group.handover.helper_id == member_id:
            core.store.handovers.give_back(
                guild_id, group.handover.question_id, member_id, at, moderator=True
            )


# Later answers.


def recheck_gaps(core: Core, guild_id: int) -> Iterator[int]:
    """Ask open questions of changed scopes again, settle the answered ones, embed the others."""
    gaps = core.store.gaps
    seen = cache(core.articles.visible_scopes)

    def generations(question: OpenQuestion) -> tuple[int, ...]:
        return core.index.generation_of(seen(ask_from_record(question).scopes))

    due = [
        question
        for question in gaps.open(guild_id)
        if core.recheck_generations.get(question.id) != generations(question)
    ][:ASKED_AGAIN]
    for start in range(0, len(due), SLICE):
        questions = due[start : start + SLICE]
        seen.cache_clear()
        at = {question.id: generations(question) for question in questions}
        asks = [ask_from_record(question) for question in questions]
        replies = core.answer_pipeline.ask(asks, record=False)
        answered = [
            question.id
            for question, reply in zip(questions, replies, strict=True)
            if reply.evidence is Evidence.STRONG
            and _differs_from_earlier_answer(core, question, reply)
        ]
        gaps.settle(guild_id, answered)
        core.recheck_generations.update(at)
        yield len(due) - start
    yield from core.question_vectors.prepare([question.text for question in gaps.open(guild_id)])


def _differs_from_earlier_answer(core: Core, question: OpenQuestion, reply: Reply) -> bool:
    """Whether a reply begins with another passage than the question's earlier answer."""
    if question.evidence is Evidence.NONE:
        return True

    def identity(hit: RecordedHit) -> object:
        """A recorded passage's words or, if the words were pruned, its place in the document."""
        return hit.passage or (hit.document_id, hit.position)

    recorded = core.store.question_records.question(question.id)
    before = recorded.hits[:1] if recorded else []
    return identity(recorded_hit(reply.hits[0])) not in [identity(hit) for hit in before]


# Publications.


def check_publications(core: Core, mine: GuildFilter = every_guild) -> Iterator[int]:
    """Ask open questions after each published note; store it as checked with the notices."""
    for publication in core.store.gaps.unchecked_publications(mine):
        passages = core.index.tables.document_passages(document_of_note(publication.note_id))
        # A note that isn't in the index yet is checked later.
        if passages and passages[0].revision == publication.number:
            yield from _check_publication(core, publication)


def _check_publication(core: Core, publication: Publication) -> Iterator[int]:
    gaps = core.store.gaps
    questions = gaps.open(publication.guild_id)
    yield from core.question_vectors.prepare([question.text for question in questions])
    wanted = _questions_of_note(core, publication, questions)
    near: list[OpenQuestion] = []
    for start in range(0, len(questions), _COMPARED):
        near += _near_note(core, publication, questions[start : start + _COMPARED], wanted)
        yield len(questions) - start
    answered: list[OpenQuestion] = []
    for start in range(0, len(near), SLICE):
        part = near[start : start + SLICE]
        replies = core.answer_pipeline.ask(
            [ask_from_record(question) for question in part], record=False
        )
        answered += [
            question
            for question, reply in zip(part, replies, strict=True)
            if quotes_note(publication.note_id, reply, wanted=question.id in wanted)
            and _differs_from_earlier_answer(core, question, reply)
        ]
        yield len(near) - start
    notified = [
        question
        for group, _ in same_questions(core, answered)
        for question in once_each([question for question in group if not question.satisfied])
    ]
    gaps.record_check(publication, [question.id for question in answered], notified)
    yield 0


def quotes_note(note_id: int, reply: Reply, *, wanted: bool) -> bool:
    """Whether a reply quotes this note first, surely enough; `wanted` notes were made for it."""
    if not isinstance(reply.outcome, Answer):
        return False
    cited = reply.outcome.quotes[0].citation
    enough = reply.evidence is Evidence.STRONG or wanted
    return enough and cited.kind is Kind.NOTE and cited.document_id == document_of_note(note_id)


def _questions_of_note(
    core: Core, publication: Publication, questions: Sequence[OpenQuestion]
) -> frozenset[int]:
    question_id = core.store.gaps.question_of_note(publication.note_id)
    if question_id is None:
        return frozenset()
    for group, _ in same_questions(core, questions):
        ids = frozenset(question.id for question in group)
        if question_id in ids:
            return ids
    return frozenset()


def _near_note(
    core: Core,
    publication: Publication,
    questions: Sequence[OpenQuestion],
    wanted: frozenset[int],
) -> list[OpenQuestion]:
    """The questions near enough to a note to be asked again."""
    ids = [
        passage.id
        for passage in core.index.tables.document_passages(document_of_note(publication.note_id))
    ]
    vectors = core.question_vectors.of([question.text for question in questions])
    least = core.retriever.calibration.least_cosine
    return [
        question
        for question, cosines in zip(
            questions, core.retriever.cosines(vectors, [ids] * len(questions)), strict=True
        )
        # The text of a follow-up alone has too little meaning to compare.
        if question.id in wanted
        or question.earlier
        or float(cosines.windows.max(initial=-1.0)) >= least
    ]


# Notices.


class NewAnswer(NamedTuple):
    """A new answer for an earlier asker."""

    question: OpenQuestion
    reply: Reply


def unsent_notices(core: Core, mine: GuildFilter) -> list[Notice]:
    """Undelivered notices to earlier askers."""
    events = (NoticeEvent.ANSWERED, NoticeEvent.HELPED)
    return [notice for notice in core.store.notices.queue(mine) if notice.event in events]


def is_due(core: Core, notice: Notice, now: datetime) -> bool:
    """Whether a notice may be sent now: about a helper's answer, or the first in an hour."""
    last = core.store.gaps.last_notice_at(notice.member_id)
    if notice.event is NoticeEvent.HELPED or last is None:
        return True
    # A time in the future comes from a wrong clock.
    return not timedelta() <= now - last < COOLDOWN


def answer_to_deliver(
    core: Core,
    notice: Notice,
    channels: tuple[int, ...] = (),
    settings: EffectiveSettings | None = None,
) -> NewAnswer | HelpersAnswer | None:
    """The answer to send with a notice; None if the question no longer has this answer.

    The bot's new answer is recorded like the answer to a new question, because the buttons below
    the answer need a question's id. A second call for the same question records nothing. The
    settings are None if the question's channel is gone.
    """
    if notice.event is NoticeEvent.HELPED:
        return handover_service.answer_to_deliver(core, notice)
    gaps = core.store.gaps
    recorded = core.store.question_records.question(notice.question_id or 0)
    question = gaps.find(notice.guild_id, notice.question_id or 0)
    if recorded is None or question is None:
        gaps.reopen(notice.id, notice.question_id or 0)
        return None
    ask = replace(
        ask_from_record(question), private=recorded.private, told_for=question.id, channels=channels
    )
    if settings is not None:
        ask = replace(ask, answered_from=settings.answered_from, quotations=settings.quotations)
    [reply] = core.answer_pipeline.ask([ask], record=False)
    if not _still_answers(core, notice, reply):
        gaps.reopen(notice.id, question.id)
        return None
    recorded_id = gaps.later_answer(question.id)
    if recorded_id is None:
        [reply] = core.answer_pipeline.ask([ask])
    else:
        reply = replace(reply, question_id=recorded_id)
    return NewAnswer(question, reply)


def _still_answers(core: Core, notice: Notice, reply: Reply) -> bool:
    """Whether a reply still quotes the note, or else the confirmed passage, behind a notice."""
    if notice.revision_id is None:
        return isinstance(reply.outcome, Answer) and reply.outcome.confirmed
    note = core.store.notes.find(notice.revision_id, notice.guild_id)
    if note is None:
        return False
    return quotes_note(note.id, reply, wanted=core.store.gaps.question_of_note(note.id) is not None)


# Existing passages as answers: offered to moderators, and confirmed by them. A passage is known by
# its id in the index and the digest of its contents, and readable by all readers of the answer.

# Discord's limit of options in a list.
_OFFERED = 25


def nearest_passages(
    core: Core, guild_id: int, question_id: int, words: str, channels: Sequence[int]
) -> list[tuple[StoredPassage, str]]:
    """Passages in `channels` nearest to a moderator's words, best first, with their digests."""
    question = core.store.gaps.find(guild_id, question_id)
    if question is None:
        return []
    hits = core.search_in(words, _scopes_of_readers(question, channels), _OFFERED)
    return [(hit.passage, digest_of(recorded_passage(hit.passage))) for hit in hits]


def _scopes_of_readers(question: OpenQuestion, channels: Sequence[int]) -> tuple[Scope, ...]:
    readable = [channel_id for channel_id in question.channels if channel_id in channels]
    return scopes_of(question.guild_id, readable)


def find_offered_passage(
    core: Core,
    guild_id: int,
    question_id: int,
    wanted: tuple[int, str],
    channels: Sequence[int],
) -> tuple[StoredPassage, RecordedHit] | None:
    """The offered passage with this id and digest; None if the passage is gone or not visible."""
    question = core.store.gaps.find(guild_id, question_id)
    passage_id, digest = wanted
    passage = core.index.tables.passages([passage_id]).get(passage_id)
    if question is None or passage is None:
        return None
    hit = recorded_passage(passage)
    seen = core.articles.visible_scopes(_scopes_of_readers(question, channels))
    return (passage, hit) if passage.scope in seen and digest_of(hit) == digest else None


def confirm_passage(
    core: Core,
    guild_id: int,
    question_id: int,
    wanted: tuple[int, str],
    moderator_id: int,
    channels: Sequence[int],
) -> bool:
    """Confirm a passage as the answer to all questions of a question's group; notify the askers.

    A question stays open if its asker may not read the passage. Return whether any question was
    answered.
    """
    offered = find_offered_passage(core, guild_id, question_id, wanted, channels)
    groups = groups_with(core, guild_id, [question_id])
    if offered is None or not groups:
        return False
    stored, hit = offered
    answered = [
        question
        for question in groups[0].questions
        if stored.scope in core.articles.visible_scopes(_scopes_of_readers(question, channels))
    ]
    records = core.store.question_records
    with core.store.database.writing(guild_id):
        for question in answered:
            records.add_hit(question.id, hit)
            document_id = stored.document_id
            pick = Feedback(question.id, moderator_id, Verdict.HELPFUL, document_id=document_id)
            core.store.feedback_records.record_pick(pick, wanted[1], by_moderator=True)
        if answered:
            core.store.gaps.point_to_document(guild_id, moderator_id, answered)
    return bool(answered)
