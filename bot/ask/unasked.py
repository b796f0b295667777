"""Unasked help in the worker's thread: answers, or else similar posts, for messages to nobody.

Everything is recorded before the bot posts it, so a restart in between neither loses nor repeats a
message. A question that stays unanswered for a day becomes a gap.

The record of an unasked answer has passages, evidence, asker and place, but not the text of the
message. A gap has the text, because moderators have to read it; so has a question whose answer a
member chose among similar posts. Nothing of authors who opted out of quotation is recorded.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Citation, Reply, citation, recorded_hit
from bot.answers.similar_posts import similar_posts
from bot.ask.service import OpenedSection, pick
from bot.core.core import Core
from indexer.embedding.embedder import fit_to_model
from knowledge.chat import intents
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Kind
from knowledge.values.questions import DailyCaps, Evidence, HelpedQuestion, Verdict

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
    """Whether a reply may be posted unasked."""
    if not isinstance(reply.outcome, Answer) or reply.evidence is not Evidence.STRONG:
        return False
    signals = reply.signals
    return reply.outcome.confirmed or (
        signals.get("probability", 0.0) >= LEAST_PROBABILITY
        and signals.get("cosine", 0.0) >= LEAST_COSINE
    )


def claim(
    core: Core, question: HelpedQuestion, ask: Ask, reply: Reply, caps: DailyCaps
) -> Reply | None:
    """Record an unasked reply before it is posted; None if a cap is reached, or one is there."""
    answered = replace(core.answer_pipeline.record_of(ask, reply), text="")
    question_id = core.store.helped_questions.answer(question, answered, caps, datetime.now(UTC))
    return replace(reply, question_id=question_id) if question_id is not None else None


def has_good_answer(core: Core, question: HelpedQuestion) -> bool:
    """Return False if no answer was posted, or if the answer got *Not helpful* as only feedback."""
    if question.question_id is None or question.reply_id is None:
        return False
    said = {feedback.verdict for feedback in core.store.feedback_records.of(question.question_id)}
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


def look_up_similar(core: Core, question: HelpedQuestion, ask: Ask) -> list[Citation]:
    """The documents similar to a post, without a record."""
    return similar_posts(core.retriever, ask, question.message_id)


def claim_similar(
    core: Core, question: HelpedQuestion, asks: Sequence[Ask], caps: DailyCaps
) -> list[Citation]:
    """Record the documents similar to a post, or find the recorded ones; none above the caps."""
    if question.similar_ids:
        return similar_documents(core, question, asks[0])
    documents = look_up_similar(core, question, asks[-1])
    ids = [document.document_id for document in documents]
    now = datetime.now(UTC)
    return documents if ids and core.store.helped_questions.offer(question, ids, caps, now) else []


def record_similar_post(core: Core, question: HelpedQuestion, message_id: int) -> None:
    """Record the message with the documents, and leave the question to people."""
    with core.store.database.writing(question.guild_id):
        core.store.helped_questions.record_reply(question.message_id, message_id)
        core.store.helped_questions.watch(question)


def similar_documents(core: Core, question: HelpedQuestion, ask: Ask) -> list[Citation]:
    """The recorded documents that all readers of the post can still read."""
    found = (core.document(document_id, ask.scopes) for document_id in question.similar_ids)
    return [citation(passages[0]) for passages in found if passages]


def similar_notes(core: Core, question: HelpedQuestion, ask: Ask) -> list[OpenedSection]:
    """The recorded notes, each opened at its beginning."""
    found = (core.document(document_id, ask.scopes) for document_id in question.similar_ids)
    return [
        OpenedSection(passages[0], core.answer_pipeline.section(passages[0]))
        for passages in found
        if passages and passages[0].kind is Kind.NOTE
    ]


def choose_similar(
    core: Core, ask: Ask, document_id: str, member_id: int, *, by_moderator: bool
) -> Citation | None:
    """Record that a similar document answers a post, and finish the post's question.

    The question is recorded with its text only now, unless it is a gap already. A question without
    text confirms nothing: its author opted out of quotation. Only a moderator replaces a
    moderator's choice. None if the document can't be read any more, or the post isn't on record.
    """
    helped, records = core.store.helped_questions, core.store.question_records
    guild_id, post_id = ask.guild_id or 0, ask.channel_id or 0
    question, passages = helped.find(guild_id, post_id), core.document(document_id, ask.scopes)
    if question is None or not passages:
        return None
    text = fit_to_model(core.embedder, ask.text)
    [vector] = core.retriever.embed([text])
    among = np.array([passage.id for passage in passages], np.int64)
    [hit] = core.retriever.rank(text, vector, ask.scopes, 1, among=among)
    question_id = question.question_id
    if question_id is None:
        [reply] = core.answer_pipeline.ask([ask], record=False)
        recorded = replace(core.answer_pipeline.record_of(ask, reply), evidence=Evidence.PARTIAL)
        if core.store.quote_opt_outs.is_withheld(question.asker_id):
            recorded = replace(recorded, text="")
        question_id = helped.finish(post_id, recorded)
    chosen = recorded_hit(hit)
    with core.store.database.writing(guild_id):
        records.add_hit(question_id or 0, chosen)
    asked = records.question(question_id or 0)
    picked = asked and pick(
        core,
        asked,
        digest_of(chosen),
        member_id,
        by_moderator=by_moderator,
        channels=ask.channels,
        public_channels=ask.channels,
    )
    return citation(hit.passage) if picked else None
