"""Hand-overs of gaps to helpers, in the worker's thread: posts, claims and answers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bot.answers.replay import with_passage_texts
from bot.core.core import Core
from knowledge.store.questions.gaps import once_each, same_words
from knowledge.values.guilds import GuildFilter
from knowledge.values.notes import Member, Notice
from knowledge.values.questions import (
    Handover,
    HandoverOutcome,
    NotHandedOn,
    OpenQuestion,
    Question,
)


class HelpersAnswer(NamedTuple):
    """A helper's answer to an asker's question."""

    question: OpenQuestion
    handover: Handover


def hand_over(
    core: Core, guild_id: int, question_id: int, member_id: int, at: datetime
) -> int | NotHandedOn:
    """Hand a question over to the helpers, together with all open questions in the same words.

    Public and private questions are handed over separately. Return the id of the question to post,
    or the reason for a refusal.
    """
    same = _gaps_in_same_words(core, guild_id, question_id)
    if not same or same[0].id != question_id:
        return NotHandedOn.NO_GAP
    # A private question and a public one get separate answers, even in the same words.
    ids = [question.id for question in same if question.private == same[0].private]
    return core.store.handovers.enqueue(guild_id, ids, member_id, at)


def _gaps_in_same_words(core: Core, guild_id: int, question_id: int) -> list[OpenQuestion]:
    """The open questions in the same words as this question, this one first."""
    questions = core.store.gaps.open(guild_id)
    asked = next((question for question in questions if question.id == question_id), None)
    first = asked or core.store.gaps.find(guild_id, question_id)
    if first is None or not first.text:
        return []
    text = same_words(first.text)
    others = [
        question
        for question in questions
        if question.id != question_id and same_words(question.text) == text
    ]
    return [*([asked] if asked else []), *others]


def question(core: Core, handover: Handover) -> Question | None:
    """The question of a hand-over; None if the question's text was pruned."""
    asked = core.store.question_records.question(handover.question_id)
    return asked if asked and asked.guild_id == handover.guild_id and asked.text else None


def apply_action(
    core: Core, action: str, guild_id: int, question_id: int, helper_id: int, *, moderator: bool
) -> HandoverOutcome | None:
    """Claim, decline, give back or reopen a hand-over; return None if there is no hand-over."""
    handovers, now = core.store.handovers, datetime.now(UTC)
    if action == "claim":
        return handovers.claim(guild_id, question_id, helper_id, now)
    take = handovers.decline if action == "decline" else handovers.give_back
    return take(guild_id, question_id, helper_id, now, moderator=moderator)


def answer(
    core: Core, handover: Handover, helper: Member, text: str, at: datetime, form_id: int
) -> tuple[HandoverOutcome, int] | None:
    """Store a helper's answer and the notices to all askers in one transaction.

    A form that is submitted twice is stored once. `helper` has an empty name if the helper doesn't
    want to be named. Return the outcome and the number of notices; None if the hand-over is gone.
    """
    store, guild_id = core.store, handover.guild_id
    asked = store.gaps.find(handover.guild_id, handover.question_id)
    same = _gaps_in_same_words(core, handover.guild_id, handover.question_id)
    # The answer to a private question is never posted in public.
    alone = asked is not None and asked.private
    others = [question for question in same if question.private or not alone]
    askers = once_each([*([asked] if asked else []), *others])
    notified = [question for question in askers if not store.gaps.has_opted_out(question.asker_id)]

    def act() -> tuple[HandoverOutcome | None, int | None]:
        outcome = store.handovers.answer(
            guild_id, handover.question_id, (helper.id, helper.name, text), notified, at
        )
        if outcome is None or not outcome.done:
            return outcome, None
        store.inbox.mark_acted_on(form_id)
        return outcome, handover.question_id

    def again(question_id: int) -> HandoverOutcome | None:
        handover = store.handovers.find(guild_id, question_id)
        return HandoverOutcome(True, handover) if handover is not None else None

    outcome = store.handled.once(guild_id, [form_id], act, again)
    return None if outcome is None else (outcome, len(notified))


def answer_to_deliver(core: Core, notice: Notice) -> HelpersAnswer | None:
    """The helper's answer that a notice is about; None if the answer or question was deleted."""
    asked = core.store.gaps.find(notice.guild_id, notice.question_id or 0)
    handover = core.store.handovers.find(notice.guild_id, notice.handed_on_id or 0)
    if asked is None or handover is None or not handover.answer:
        return None
    return HelpersAnswer(asked, handover)


def answer_to_propose(core: Core, guild_id: int, question_id: int) -> HelpersAnswer | None:
    """A helper's answer; None if it is missing or was proposed as a note already."""
    handover = core.store.handovers.find(guild_id, question_id)
    asked = core.store.gaps.find(guild_id, question_id)
    if handover is None or asked is None or not handover.answer or handover.noted:
        return None
    return HelpersAnswer(asked, handover)


# Posting.


def due(core: Core, now: datetime, mine: GuildFilter) -> list[Handover]:
    """The hand-overs to post, and the posted hand-overs with an outdated message."""
    core.store.handovers.mark_stale(now, mine)
    return core.store.handovers.due(mine)


def quotable(core: Core, question: Question, channels: Sequence[int]) -> Question:
    """A question with the hits that readers of these channels may see."""
    return with_passage_texts(question, core.index, channels)
