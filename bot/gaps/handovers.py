"""Hand-overs in the worker's thread: what is put to helpers, what they answer, and to whom."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.core import Core
from bot.notes.drafts import Draft
from knowledge.store.questions.gaps import OpenQuestion, once_each, same_words
from knowledge.store.questions.handovers import NotHandedOn
from knowledge.values.handovers import Handover, HandoverOutcome
from knowledge.values.notes import Member, Notice
from knowledge.values.questions import Question
from knowledge.values.submissions import TITLE_CHARACTERS


@dataclass(frozen=True, slots=True)
class HelpersAnswer:
    """What a helper answered, to be told to one who asked."""

    question: OpenQuestion
    handover: Handover


def hand_on(
    core: Core, guild_id: int, question_id: int, member_id: int, at: datetime
) -> int | NotHandedOn:
    """Keep that a gap is to be put to the helpers: each once, in whatever case it was typed."""
    same = _same(core, guild_id, question_id)
    if not same or same[0].id != question_id:
        return NotHandedOn.NO_GAP
    # What is answered to somebody alone does not answer who asked in public.
    ids = [one.id for one in same if one.private == same[0].private]
    return core.store.handovers.hand_on(guild_id, ids, member_id, at)


def _same(core: Core, guild_id: int, question_id: int) -> list[OpenQuestion]:
    """A question and the gaps that ask the same in the same words; that question first."""
    questions = core.store.gaps.open(guild_id)
    asked = next((one for one in questions if one.id == question_id), None)
    first = asked or core.store.gaps.find(guild_id, question_id)
    if first is None or not first.text:
        return []
    text = same_words(first.text)
    others = [one for one in questions if one.id != question_id and same_words(one.text) == text]
    return [*([asked] if asked else []), *others]


def question(core: Core, handover: Handover) -> Question | None:
    """The question that is handed over, unless its words are gone."""
    found = core.store.question_records.question(handover.question_id)
    if found is None or found.guild_id != handover.guild_id or not found.text:
        return None
    return found


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a helper's answer, and how many are told it."""

    outcome: HandoverOutcome
    told: int


def answer(
    core: Core, handover: Handover, helper: Member, text: str, at: datetime, form_id: int
) -> Answered | None:
    """Keep a helper's answer, and tell everybody who asked the same; see `Handovers.answer`.

    `helper` has no name where none is to be told. In the same transaction the form is taken, once.
    """
    store, guild_id = core.store, handover.guild_id
    asked = store.gaps.find(handover.guild_id, handover.question_id)
    same = _same(core, handover.guild_id, handover.question_id)
    # What was written for somebody alone is told nobody in public.
    alone = asked is not None and asked.private
    askers = once_each(
        [*([asked] if asked else []), *(one for one in same if one.private or not alone)]
    )
    told = [one for one in askers if not store.gaps.quiet(one.asker_id)]

    def act() -> tuple[HandoverOutcome | None, int | None]:
        outcome = store.handovers.answer(
            guild_id, handover.question_id, (helper.id, helper.name, text), told, at
        )
        if outcome is None or not outcome.done:
            return outcome, None
        store.inbox.taken(form_id)
        return outcome, handover.question_id

    def again(question_id: int) -> HandoverOutcome | None:
        found = store.handovers.find(guild_id, question_id)
        return HandoverOutcome(True, found) if found is not None else None

    outcome = store.handled.once(guild_id, [form_id], act, again)
    return Answered(outcome, len(told)) if outcome is not None else None


def to_tell(core: Core, notice: Notice) -> HelpersAnswer | None:
    """What a notice of a helper's answer is to say; None if there is nothing to say any more."""
    asked = core.store.gaps.find(notice.guild_id, notice.question_id or 0)
    found = core.store.handovers.find(notice.guild_id, notice.handed_on_id or 0)
    if asked is None or found is None or not found.answer:
        return None
    return HelpersAnswer(asked, found)


def draft(core: Core, guild_id: int, question_id: int, origin: int) -> Draft | None:
    """The note that a helper's answer makes; credited to who agreed that their name is said.

    `origin` is the message of which two clicks are one submission.
    """
    found = core.store.handovers.find(guild_id, question_id)
    asked = core.store.gaps.find(guild_id, question_id)
    if found is None or asked is None or not found.answer or found.noted:
        return None
    title = " ".join(asked.text.split())[:TITLE_CHARACTERS].rstrip()
    by = Member(found.helper_id, found.helper) if found.helper else None
    # Where a tag is answered from, a note without it would not answer.
    tags = asked.answered_from.tags if len(asked.answered_from.tags) == 1 else ()
    return Draft(
        title,
        found.answer,
        tags="".join(tags),
        question_id=question_id,
        origin=origin,
        contributor=by,
    )
