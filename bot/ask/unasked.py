"""Answers unasked, looked up without a record; and what nobody has answered, recorded as a gap.

Functions of the core, in whose thread they run. No word of a message is kept for an answer: its
record has the passages that were found, the evidence, and who asked where. A gap is recorded as any
refused question is, with its words, because moderators have to read what they are to answer; not of
a member who does not want to be quoted.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot.answers.decision import Answer
from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.core.core import Core
from knowledge.chat import intents
from knowledge.store.questions.helped_questions import DailyCaps, HelpedQuestion
from knowledge.values.questions import Evidence, Verdict

# An answer that nobody asked for has to be surer than strong. On the working sets, near misses
# among them, 0.94 of such answers are right with the default model and 0.89 with the small one.
LEAST_PROBABILITY: Final = 0.8
LEAST_COSINE: Final = 0.7


def looked_up(core: Core, asks: Sequence[Ask]) -> Reply | None:
    """The answer to a question that nobody put to the bot, not recorded; None where it is unsure.

    `asks` is the question; of a forum's post first its title, then all of it: by itself the one may
    say too little, and the other too much to tell what is asked, so both must be answered.
    """
    replies = core.answer_pipeline.ask(asks, record=False)
    return replies[0] if all(map(is_sure, replies)) else None


def is_sure(reply: Reply) -> bool:
    """Whether a reply may be posted unasked: it is more than strong, or people chose it."""
    if not isinstance(reply.outcome, Answer) or reply.evidence is not Evidence.STRONG:
        return False
    signals = reply.signals
    return reply.outcome.confirmed or (
        signals.get("probability", 0.0) >= LEAST_PROBABILITY
        and signals.get("cosine", 0.0) >= LEAST_COSINE
    )


def claimed(
    core: Core, question: HelpedQuestion, ask: Ask, reply: Reply, caps: DailyCaps
) -> Reply | None:
    """The reply with the id of its record, once it is sure that it is the only one; else None."""
    answered = replace(core.answer_pipeline.record_of(ask, reply), text="")
    question_id = core.store.helped_questions.answer(question, answered, caps, datetime.now(UTC))
    return replace(reply, question_id=question_id) if question_id is not None else None


def answered_well(core: Core, question: HelpedQuestion) -> bool:
    """Whether an answer was posted that somebody found helpful, or nobody unhelpful."""
    if question.question_id is None or question.reply_id is None:
        return False
    said = {one.verdict for one in core.store.feedback_records.of(question.question_id)}
    return said != {Verdict.UNHELPFUL}


def forgotten(core: Core, message_ids: Collection[int]) -> None:
    """Forget what was asked in messages that were deleted, also as far as it is in memory."""
    if core.store.helped_questions.forget(message_ids):
        core.answer_pipeline.forget()
        core.question_vectors.clear()
        intents.forget()


def left_unanswered(core: Core, question: HelpedQuestion, asks: Sequence[Ask]) -> None:
    """Record a question that nobody has answered as a gap, unless it would be answered by now."""
    gap = None
    if not core.store.quote_opt_outs.is_withheld(question.asker_id) and (
        question.question_id is not None or looked_up(core, asks) is None
    ):
        [reply] = core.answer_pipeline.ask(asks[-1:], record=False)
        recorded = core.answer_pipeline.record_of(asks[-1], reply)
        gap = replace(recorded, evidence=Evidence.NONE)
    core.store.helped_questions.done(question.message_id, gap)
