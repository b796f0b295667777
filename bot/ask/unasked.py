"""Unasked answers: replies to questions in messages that don't address the bot.

All functions run in the worker's thread. An answer is recorded before the bot posts it, so that no
answer is posted twice. A question that stays unanswered for a day becomes a gap.

The record of an unasked answer has passages, evidence, asker and place, but not the text of the
message. A gap has the text, because moderators have to read it. No gap is recorded for authors who
opted out of quotation.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.answers.pipeline import Reply
from bot.core.core import Core
from knowledge.chat import intents
from knowledge.values.guilds import GuildFilter
from knowledge.values.helped_questions import DailyCaps, HelpedQuestion
from knowledge.values.questions import Evidence, Verdict

# Unasked answers need more than strong evidence. On the working sets, near misses included, 0.89 of
# them are right with the default model.
LEAST_PROBABILITY: Final = 0.8
LEAST_COSINE: Final = 0.7


def look_up(core: Core, asks: Sequence[Ask]) -> Reply | None:
    """Return the unrecorded answer to a message, or None if the answer isn't sure enough.

    `asks` has the message's question, or two questions of a forum post: the title and the whole
    text. The title may say too little and the text too much, so both must have a sure answer.
    """
    replies = core.answer_pipeline.ask(asks, record=False)
    return replies[0] if all(map(is_sure, replies)) else None


def is_sure(reply: Reply) -> bool:
    """Whether a reply may be posted unasked.

    The evidence must be strong. An unconfirmed answer also needs a high probability and cosine.
    """
    if not isinstance(reply.outcome, Answer) or reply.evidence is not Evidence.STRONG:
        return False
    signals = reply.signals
    return reply.outcome.confirmed or (
        signals.get("probability", 0.0) >= LEAST_PROBABILITY
        and signals.get("cosine", 0.0) >= LEAST_COSINE
    )


def start_waiting(core: Core, question: HelpedQuestion) -> bool:
    """Record a waiting question; return False if the question is on record already."""
    return core.store.helped_questions.add(question)


def waiting_questions(core: Core, mine: GuildFilter) -> tuple[list[HelpedQuestion], set[int]]:
    """Waiting questions, and the ids of all guilds with questions on record."""
    helped = core.store.helped_questions
    return helped.waiting(mine), helped.guilds(mine)


def due_for_check(core: Core, at: datetime, most: int, mine: GuildFilter) -> list[HelpedQuestion]:
    """At most `most` questions that were asked a day ago and are due for a second check."""
    return core.store.helped_questions.due(at, most, mine)


def claim(
    core: Core, question: HelpedQuestion, ask: Ask, reply: Reply, caps: DailyCaps
) -> Reply | None:
    """Record an unasked reply before it is posted, and return the reply with its record's id.

    Return None if the question has a reply already, or if one of the daily caps is reached.
    """
    answered = replace(core.answer_pipeline.record_of(ask, reply), text="")
    question_id = core.store.helped_questions.answer(question, answered, caps, datetime.now(UTC))
    return replace(reply, question_id=question_id) if question_id is not None else None


def record_post(core: Core, question: HelpedQuestion, reply_id: int) -> None:
    core.store.helped_questions.record_reply(question.message_id, reply_id)


def leave_to_people(core: Core, question: HelpedQuestion) -> None:
    """Leave a question to people, and check in a day whether they have answered it."""
    core.store.helped_questions.watch(question)


def close(core: Core, question: HelpedQuestion) -> None:
    core.store.helped_questions.finish(question.message_id)


def has_good_answer(core: Core, question: HelpedQuestion) -> bool:
    """Return False if no answer was posted, or if the answer got *Not helpful* as only feedback."""
    if question.question_id is None or question.reply_id is None:
        return False
    said = {one.verdict for one in core.store.feedback_records.of(question.question_id)}
    return said != {Verdict.UNHELPFUL}


def forget_deleted(core: Core, message_ids: Collection[int]) -> None:
    """Forget questions of deleted messages, in the store and in memory."""
    if core.store.helped_questions.forget(message_ids):
        core.answer_pipeline.forget()
        core.question_vectors.clear()
        intents.forget()


def record_gap(core: Core, question: HelpedQuestion, asks: Sequence[Ask]) -> None:
    """Finish a question that nobody has answered well, and record the question as a gap.

    No gap is recorded if the author opted out of quotation, or if the bot has posted no answer but
    would have a sure answer now.
    """
    gap = None
    if not core.store.quote_opt_outs.is_withheld(question.asker_id) and (
        question.question_id is not None or look_up(core, asks) is None
    ):
        [reply] = core.answer_pipeline.ask(asks[-1:], record=False)
        recorded = core.answer_pipeline.record_of(asks[-1], reply)
        gap = replace(recorded, evidence=Evidence.NONE)
    core.store.helped_questions.finish(question.message_id, gap)
