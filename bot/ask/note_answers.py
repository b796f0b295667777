"""Notes that helpers choose as answers to messages, in the worker's thread.

A choice is stored before the note is posted, with the message as a question and the note as its
confirmed answer. So the next such question finds the note first, and no note is posted twice.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.answers.ask import Ask, scopes_of
from bot.answers.outcome import Answer, Quote, citation
from bot.answers.pipeline import Reply, problem_with
from bot.answers.replay import ask_from_record
from bot.ask.service import update_card
from bot.core.core import Core
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Kind, document_of_note
from knowledge.values.helped_questions import HelperAnswer
from knowledge.values.questions import Evidence, Feedback, Verdict

# The largest number of notes to choose from.
_OFFERED: Final = 5
_NOTES: Final = Selection(kinds=frozenset({Kind.NOTE}))


def nearest_notes(
    core: Core, text: str, guild_id: int, channels: Sequence[int]
) -> list[StoredPassage]:
    """The nearest passage of each of the live notes nearest to a message, best first.

    `channels` are followed channels that all readers of the message may read.
    """
    scopes = core.articles.visible_scopes(scopes_of(guild_id, channels))
    among = core.index.selected_passages(_NOTES, scopes)
    if problem_with(text) or not len(among):
        return []
    query = core.retriever.respell(text, scopes)
    [vector] = core.retriever.embed([query])
    hits = core.retriever.rank(query, vector, scopes, _OFFERED, among=among)
    return [hit.passage for hit in hits]


def choose(
    core: Core,
    ask: Ask,
    message_id: int,
    note_id: int,
    helper_id: int,
    at: datetime,
    *,
    by_moderator: bool,
) -> HelperAnswer | None:
    """Store a note as the answer to a message, or return the earlier choice of the note.

    `at` is the time by Discord's clock. None if the note isn't live, or not for all readers.
    """
    store = core.store
    known = store.helper_answers.find(message_id, note_id)
    if known is not None:
        return known
    if problem_with(ask.text) or store.quote_opt_outs.is_withheld(ask.asker_id):
        ask = replace(ask, text="")
    reply = _reply(core, ask, note_id)
    if reply is None:
        return None
    question = core.answer_pipeline.record_of(ask, reply)
    document_id = document_of_note(note_id)
    with store.database.writing(ask.guild_id):
        [question_id] = store.question_records.record([question])
        pick = Feedback(question_id, helper_id, Verdict.HELPFUL, document_id=document_id)
        # Without its text, a question can't be recognized again.
        confirms = by_moderator if ask.text else None
        store.feedback_records.record_pick(pick, digest_of(question.hits[0]), by_moderator=confirms)
        place = (ask.guild_id or 0, ask.channel_id or 0)
        answer = HelperAnswer(message_id, note_id, *place, helper_id, question_id, at)
        store.helper_answers.add(answer)
        store.helped_questions.finish(message_id)
    update_card(core, document_id)
    return answer


def reply_to_post(core: Core, answer: HelperAnswer) -> Reply | None:
    """The reply with a chosen note as it is now; None if the note or the question is gone."""
    question = core.store.question_records.question(answer.question_id)
    reply = _reply(core, ask_from_record(question), answer.note_id) if question else None
    return replace(reply, question_id=answer.question_id) if reply is not None else None


def _reply(core: Core, ask: Ask, note_id: int) -> Reply | None:
    """A reply that quotes a whole note; its hit is the note's passage nearest to the question."""
    note = core.store.notes.live(note_id)
    passages = core.document(document_of_note(note_id), ask.scopes)
    if note is None or note.guild_id != ask.guild_id or not passages:
        return None
    hits = [Hit(passages[0], 0.0, 0.0, 0.0, 0.0, ())]
    if ask.text:
        ids = core.index.selected_passages(
            Selection(documents=frozenset({document_of_note(note_id)})), ask.scopes
        )
        [vector] = core.retriever.embed([ask.text])
        hits = core.retriever.rank(ask.text, vector, ask.scopes, 1, among=ids) or hits
    text = note.revision.submission.safe.text
    cited = replace(citation(hits[0].passage, core.answer_pipeline.due), heading="")
    outcome = Answer(Evidence.STRONG, (Quote(text, cited, hits[0]),), confirmed=True)
    return core.answer_pipeline.with_page_links(ask, Reply(ask.text, outcome, tuple(hits)))
