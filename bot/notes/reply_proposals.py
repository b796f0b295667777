"""Proposals of notes from replies to unanswered questions, in the worker's thread.

A question to the bot is unanswered if the bot had no sure answer, or handed it over. A question
that doesn't address the bot is unanswered if the bot hasn't replied. Replies to hedged answers
become notes only by their authors' click. Replies to private questions become no notes, nor do the
words of members who opted out of quotation.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from bot.core.core import Core
from bot.interactions.policy import quota_check
from bot.interactions.policy.quota_check import Allowance
from bot.notes.answer_detection import Judgement, judge, title_of_question
from bot.notes.drafts import draft_of_answer
from knowledge.chat.transcript import title_of
from knowledge.discord_archive.archive import quotable
from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.values.drafts import Draft
from knowledge.values.notes import Member, Note, SourceMessage
from knowledge.values.questions import Evidence, Question
from knowledge.values.submissions import InvalidNoteError


class UnansweredQuestion(NamedTuple):
    """An unanswered question, and the message that members reply to with an answer.

    That is the question's message, a command's refusal or the bot's message to the helpers.
    `question` is None if the question doesn't address the bot. `is_hedged` says whether the bot
    showed a passage that may not answer, `takes_note` whether an answer may become a note.
    """

    message_id: int
    asker_id: int
    question: Question | None = None
    is_handed_over: bool = False
    is_hedged: bool = False
    takes_note: bool = True


class Reply(NamedTuple):
    """A member's reply to an unanswered question.

    `title` is that of the forum post, if the question is one. `link` is empty if members can't open
    the channel. Without an `allowance`, there is no quota of notes.
    """

    asked: UnansweredQuestion
    words: str
    title: str
    author: Member
    said: ArchivedMessage
    source: SourceMessage
    link: str
    allowance: Allowance | None


def unanswered_question_in(
    core: Core, guild_id: int, message_ids: Collection[int]
) -> UnansweredQuestion | None:
    """Return the first unanswered question in these messages, or None if there is none.

    A message counts if it hands a question over to the helpers. A member's question also counts, if
    it doesn't address the bot and has no reply from the bot.
    """
    for message_id in message_ids:
        handover = core.store.handovers.of_message(guild_id, message_id)
        if handover is not None:
            return recorded_question(core, guild_id, message_id, handover.question_id)
        helped = core.store.helped_questions.find(guild_id, message_id)
        if helped is not None and helped.reply_id is None:
            return UnansweredQuestion(message_id, helped.asker_id)
    return None


def recorded_question(
    core: Core, guild_id: int, message_id: int, question_id: int
) -> UnansweredQuestion | None:
    """A question that the bot had no sure answer to or handed over, by message."""
    question = core.store.question_records.question(question_id)
    if question is None or question.guild_id != guild_id:
        return None
    handover = core.store.handovers.find(guild_id, question_id)
    if question.evidence is Evidence.STRONG and handover is None:
        return None
    is_handed_over = handover is not None and handover.message_id == message_id
    is_hedged = question.evidence is Evidence.PARTIAL and handover is None
    noted = is_handed_over and handover is not None and handover.noted
    takes_note = not (question.private or noted) and bool(question.text)
    return UnansweredQuestion(
        message_id, question.asker_id, question, is_handed_over, is_hedged, takes_note
    )


def judge_draft(core: Core, reply: Reply) -> tuple[Judgement, Draft | None]:
    """Judge a reply, and return it with the note that it would become.

    There is no note if the author or the asker opted out of quotation, or if the question has no
    words. Nothing is sure after a hedged answer, nor if the question can't be understood alone,
    because it makes a poor title.
    """
    withheld = core.store.quote_opt_outs
    if withheld.is_withheld(reply.asked.asker_id) or withheld.is_withheld(reply.author.id):
        return Judgement.TALK, None
    known = reply.asked.question is not None
    title = title_of_question(reply.title, is_known=True)
    title = title or title_of_question(reply.words, is_known=known)
    poor_title = title_of(reply.title or reply.words)
    text = quotable(reply.said, withheld.withheld()).text
    if not poor_title or not text:
        return Judgement.TALK, None
    judgement = judge(f"{reply.title}\n{reply.words}", title or poor_title, text)
    if judgement is Judgement.ANSWER and (reply.asked.is_hedged or not title):
        judgement = Judgement.POSSIBLE
    draft = Draft(
        title or poor_title, text, link=reply.link, source=reply.source, contributor=reply.author
    )
    return judgement, draft


def has_note(core: Core, guild_id: int, reply: Reply) -> bool:
    """Whether the question has a pending or live note, or the reply is a note already."""
    question = reply.asked.question
    return core.store.contributions.has_note(
        guild_id, reply.source.message_id, reply.asked.message_id, question.id if question else None
    )


def propose(core: Core, guild_id: int, reply: Reply, draft: Draft) -> Note | None:
    """Propose a reply as a note, unless the question has one or the author has to wait."""
    allowance = reply.allowance
    if allowance is not None and quota_check.note_wait(core, allowance, None, datetime.now(UTC)):
        return None
    question_id = reply.asked.question.id if reply.asked.question is not None else None
    return _propose(core, guild_id, draft, reply.asked.message_id, question_id)


def may_propose_handed_over(core: Core, question: Question) -> bool:
    """Whether a helper's answer to a question may become a note without another decision."""
    return not (question.private or core.store.quote_opt_outs.is_withheld(question.asker_id))


def propose_handed_over(core: Core, guild_id: int, question_id: int, unnamed: str) -> Note | None:
    """Propose a helper's answer to a handed-over question as a note.

    Return the note, or None if no note was proposed. No note is proposed if the question was
    private, the asker opted out of quotation, or the question has a note already. A helper without
    a name is no contributor: the note has the name `unnamed`, and no member's id.
    """
    handover = core.store.handovers.find(guild_id, question_id)
    asked = core.store.gaps.find(guild_id, question_id)
    question = core.store.question_records.question(question_id)
    if handover is None or asked is None or question is None:
        return None
    if not handover.message_id or handover.noted or not may_propose_handed_over(core, question):
        return None
    source = SourceMessage(handover.channel_id or 0, handover.message_id)
    draft = draft_of_answer(asked, handover, 0)
    contributor = draft.contributor or Member(0, unnamed)
    draft = replace(draft, source=source, contributor=contributor)
    return _propose(core, guild_id, draft, handover.message_id, question_id)


def _propose(
    core: Core, guild_id: int, draft: Draft, asked_message_id: int, question_id: int | None
) -> Note | None:
    try:
        submission = draft.submission()
    except InvalidNoteError:
        return None
    if draft.contributor is None or draft.source is None:
        return None
    with core.store.database.writing(guild_id):
        note = core.store.contributions.propose_reply(
            guild_id, draft.contributor, submission, draft.source, asked_message_id, question_id
        )
        if note is not None and question_id is not None:
            core.store.gaps.link_note(guild_id, note.id, question_id)
    return note
