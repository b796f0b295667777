"""Proposals of notes from replies to unanswered questions, in the worker's thread.

A question to the bot is unanswered if the bot refused it or handed it over. A question that doesn't
address the bot is unanswered if the bot hasn't replied. Private questions are left out, and so are
members who opted out of quotation.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.core import Core
from bot.interactions.policy import quota_check
from bot.interactions.policy.quota_check import Allowance
from bot.notes.answer_detection import is_answer, title_of_question
from bot.notes.drafts import draft_of_answer
from knowledge.discord_archive.documents import quotable
from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.values.drafts import Draft
from knowledge.values.notes import Member, Note, SourceMessage
from knowledge.values.questions import Evidence, Question
from knowledge.values.submissions import InvalidNoteError


@dataclass(frozen=True, slots=True)
class UnansweredQuestion:
    """An unanswered question, and the message that members reply to with an answer.

    Attributes:
        message_id: the message that members reply to. The message is the question itself, the bot's
            refusal, or the bot's message to the helpers.
        asker_id: the member who asked.
        question: the record of the question, or None if the question doesn't address the bot.
        is_handed_over: whether the message is the bot's message to the helpers.
    """

    message_id: int
    asker_id: int
    question: Question | None = None
    is_handed_over: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A member's reply to an unanswered question.

    Attributes:
        asked: the question.
        words: the text of the question.
        title: the title of the forum post, if the question is a post; otherwise empty.
        author: the member who replied.
        said: the reply as text.
        source: the message of the reply.
        link: the link to the reply, or empty if members can't open the channel.
        allowance: the author's quota of notes, or None without a limit.
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
            found = recorded_question(core, guild_id, message_id, handover.question_id)
            return found if found is not None and not handover.noted else None
        helped = core.store.helped_questions.find(guild_id, message_id)
        if helped is not None and helped.reply_id is None:
            return UnansweredQuestion(message_id, helped.asker_id)
    return None


def recorded_question(
    core: Core, guild_id: int, message_id: int, question_id: int
) -> UnansweredQuestion | None:
    """Return a public question if the bot refused it or handed it over; otherwise, return None.

    `message_id` is the message that members reply to.
    """
    question = core.store.question_records.question(question_id)
    if question is None or question.guild_id != guild_id or question.private or not question.text:
        return None
    handover = core.store.handovers.find(guild_id, question_id)
    if question.evidence is not Evidence.NONE and handover is None:
        return None
    is_handed_over = handover is not None and handover.message_id == message_id
    return UnansweredQuestion(message_id, question.asker_id, question, is_handed_over)


def draft_of(core: Core, reply: Reply) -> Draft | None:
    """Return the note to propose, or None if the reply should not become a note.

    The reply must be an answer. Its author and the asker must not have opted out of quotation.
    """
    withheld = core.store.quote_opt_outs
    if withheld.is_withheld(reply.asked.asker_id) or withheld.is_withheld(reply.author.id):
        return None
    known = reply.asked.question is not None
    title = title_of_question(reply.title, is_known=True)
    title = title or title_of_question(reply.words, is_known=known)
    text = quotable(reply.said, withheld.withheld()).text
    if not title or not is_answer(f"{reply.title}\n{reply.words}", title, text):
        return None
    return Draft(title, text, link=reply.link, source=reply.source, contributor=reply.author)


def propose(core: Core, guild_id: int, reply: Reply, draft: Draft) -> Note | None:
    """Propose a reply as a note. Return the note, or None if no note was proposed.

    No note is proposed if the question has one already, or if the author has to wait before their
    next note.
    """
    allowance = reply.allowance
    if allowance is not None and quota_check.note_wait(core, allowance, None, datetime.now(UTC)):
        return None
    question_id = reply.asked.question.id if reply.asked.question is not None else None
    return _proposed(core, guild_id, draft, reply.asked.message_id, question_id)


def propose_handed_over(core: Core, guild_id: int, question_id: int) -> Note | None:
    """Propose a helper's answer to a handed-over question as a note.

    Return the note, or None if no note was proposed. No note is proposed if the question was
    private, the asker opted out of quotation, the helper wants to stay unnamed, or the question has
    a note already.
    """
    handover = core.store.handovers.find(guild_id, question_id)
    asked = core.store.gaps.find(guild_id, question_id)
    if handover is None or asked is None or not handover.message_id or handover.noted:
        return None
    withheld = core.store.quote_opt_outs.is_withheld(asked.asker_id)
    if asked.private or withheld or not handover.helper:
        return None
    source = SourceMessage(handover.channel_id or 0, handover.message_id)
    draft = replace(draft_of_answer(asked, handover, 0), source=source)
    return _proposed(core, guild_id, draft, handover.message_id, question_id)


def _proposed(
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
