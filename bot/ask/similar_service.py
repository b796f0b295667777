"""Similar posts below a forum post without a sure answer, in the worker's thread.

The documents are recorded before they are posted, and the post's question waits until they are. So
a restart in between neither loses nor repeats the message. No words are recorded until a member
says which document answers the post.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from bot.answers.ask import Ask
from bot.answers.outcome import Citation, citation, recorded_hit
from bot.answers.similar_posts import similar_posts
from bot.ask.service import pick
from bot.core.core import Core
from indexer.embedding.embedder import fit_to_model
from indexer.index.stored_passage import StoredPassage
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Kind
from knowledge.values.helped_questions import DailyCaps, HelpedQuestion
from knowledge.values.questions import Evidence


def look_up(core: Core, question: HelpedQuestion, asks: Sequence[Ask]) -> list[Citation]:
    """The documents similar to a post, without a record."""
    return similar_posts(core.retriever, asks[-1], question.message_id)


def claim(
    core: Core, question: HelpedQuestion, asks: Sequence[Ask], caps: DailyCaps
) -> list[Citation]:
    """Record the documents similar to a post, and return them; none if a daily cap is reached.

    Documents recorded before a restart stay.
    """
    if question.similar_ids:
        return documents(core, question, asks[0])
    found = look_up(core, question, asks)
    ids = [document.document_id for document in found]
    now = datetime.now(UTC)
    return found if ids and core.store.helped_questions.offer(question, ids, caps, now) else []


def record_post(core: Core, question: HelpedQuestion, message_id: int) -> None:
    """Record the message with the documents, and leave the question to people."""
    with core.store.database.writing(question.guild_id):
        core.store.helped_questions.record_reply(question.message_id, message_id)
        core.store.helped_questions.watch(question)


def documents(core: Core, question: HelpedQuestion, ask: Ask) -> list[Citation]:
    """The recorded documents that all readers of the post can still read."""
    found = (core.document(document_id, ask.scopes) for document_id in question.similar_ids)
    return [citation(passages[0]) for passages in found if passages]


def notes(core: Core, question: HelpedQuestion, ask: Ask) -> list[StoredPassage]:
    """The passages of the recorded notes, in reading order."""
    return [
        passage
        for document_id in question.similar_ids
        for passage in core.document(document_id, ask.scopes)
        if passage.kind is Kind.NOTE
    ]


def choose(
    core: Core, ask: Ask, document_id: str, member_id: int, *, by_moderator: bool
) -> Citation | None:
    """Record that a similar document answers a post, and finish the post's question.

    The question is recorded with its text only now, unless it is a gap already. A question without
    text confirms nothing: its author opted out of quotation.

    Args:
        core: records the choice.
        ask: the whole post, as asked for all its readers.
        document_id: the chosen document.
        member_id: the choosing member.
        by_moderator: whether a moderator chose. Only a moderator replaces a moderator's choice.

    Returns:
        The chosen document. None if it can't be read any more, or the post isn't on record.
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
