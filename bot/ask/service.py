"""Answers, feedback and follow-ups in the worker's thread.

Buttons and menus name a passage by the digest of its record. A member can open or pick only a
passage that they may read now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from bot.answers.ask import Ask, scopes_of
from bot.answers.lookup import context_after
from bot.answers.outcome import (
    Answer,
    Citation,
    Quote,
    Reply,
    citation,
    near_best,
    recorded_passage,
)
from bot.answers.places import MOST_PLACES
from bot.answers.question_checks import fault
from bot.answers.replay import ask_from_record, with_passage_texts
from bot.answers.sections import Section
from bot.core.core import Core
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.store.database import DatabaseAwayError
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Kind, channel_of, document_of_note, note_of_document
from knowledge.values.notes import PICTURES, Picture
from knowledge.values.questions import (
    Evidence,
    Feedback,
    HelperAnswer,
    Question,
    RecordedHit,
    Verdict,
)
from knowledge.values.settings import EffectiveSettings

# Answers.


def answer_unrecorded(core: Core, ask: Ask) -> Reply:
    """The answer to a question, without a record."""
    [reply] = core.answer_pipeline.ask([ask], record=False)
    return reply


def is_better_private(core: Core, public: Ask, private: Ask) -> bool:
    """Whether a question is better answered privately. Nothing is recorded.

    True if the best passage for the asker is from a channel hidden from the readers of a `public`
    answer, and the public answer is a refusal, has weaker evidence or quotes a bundled article
    first.
    """
    everybodys, own = core.answer_pipeline.ask([public, private], record=False)
    if not isinstance(own.outcome, Answer):
        return False
    channel = channel_of(own.outcome.quotes[0].hit.passage.scope)
    if channel is None or channel in public.channels:
        return False
    if not isinstance(everybodys.outcome, Answer):
        return True
    is_article = everybodys.outcome.quotes[0].citation.kind is Kind.ARTICLE
    surer = own.evidence is Evidence.STRONG and everybodys.evidence is not Evidence.STRONG
    return is_article or surer


class Shared(NamedTuple):
    """A private answer shared: the public answer, or None for a refusal, and the question for it.

    Not `complete` if the private answer quoted channels hidden from the other readers.
    """

    reply: Reply | None
    complete: bool
    ask: Ask


def share(
    core: Core,
    question: Question,
    channel_id: int | None,
    channels: tuple[int, ...],
    settings: EffectiveSettings,
) -> Shared:
    """Answer a private question again, for all readers of a channel and its followed `channels`.

    The answer is recorded, because the buttons below need an id. A refusal is neither shown nor
    recorded, because the asker already has an answer.
    """
    ask = Ask(
        question.text,
        question.asker_id,
        question.guild_id,
        channel_id,
        question.earlier,
        told_for=question.id,
        channels=channels,
        answered_from=settings.answered_from,
        quotations=settings.quotations,
    )
    quoted = question.hits[:MOST_PLACES]
    if question.evidence is Evidence.STRONG:
        quoted = near_best(question.hits, question.quotations or core.answer_pipeline.quotes)
    complete = question.evidence is Evidence.NONE or all(
        hit.source_channel_id in (None, *channels) for hit in quoted
    )
    [reply] = core.answer_pipeline.ask([ask], record=False)
    if not isinstance(reply.outcome, Answer):
        return Shared(None, complete, ask)
    [reply] = core.answer_pipeline.ask([ask])
    return Shared(reply, complete, ask)


def pictures_of(core: Core, quoted: Iterable[Citation | StoredPassage]) -> tuple[Picture, ...]:
    """The pictures of quoted notes. Notes with a newer live revision are left out."""
    pictures: list[Picture] = []
    for cited in quoted:
        number = note_of_document(cited.document_id)
        note = core.store.notes.live(number) if number is not None else None
        if note is not None and note.revision.number == cited.revision:
            pictures += core.store.pictures.of(note.revision.id)
    return tuple(dict.fromkeys(pictures))[:PICTURES]


def pictures_if_there(core: Core, quoted: Iterable[Citation]) -> tuple[Picture, ...]:
    """Like `pictures_of`, but empty while the database is away."""
    try:
        return pictures_of(core, quoted)
    except DatabaseAwayError:
        return ()


# Feedback.


def record_reason(core: Core, feedback: Feedback, guild_id: int, interaction_id: int) -> bool:
    """Record feedback, once, with the reason given in a form; False as in `record_verdict`."""
    with core.store.database.writing(guild_id):
        core.store.inbox.mark_acted_on(interaction_id)
        return core.store.feedback_records.record(feedback)


def with_visible_hits(core: Core, question: Question, channels: Sequence[int]) -> Question:
    """A recorded question, without hits hidden from readers of these channels."""
    return with_passage_texts(question, core.index, channels)


class Picked(NamedTuple):
    """Whether a picked passage is confirmed now, and the new answer that quotes it, if any."""

    confirmed: bool
    reply: Reply | None = None


def by_digest(passages: Iterable[StoredPassage]) -> dict[str, StoredPassage]:
    """Passages by the digest of their record. Of equal digests, the first is kept."""
    by_record: dict[str, StoredPassage] = {}
    for passage in passages:
        by_record.setdefault(digest_of(recorded_passage(passage)), passage)
    return by_record


def offered_passage(
    core: Core, question: Question, digest: str, channels: Sequence[int]
) -> StoredPassage | None:
    """An offered passage as it is now, or None if no longer visible to a reader of `channels`."""
    return _offered_with_record(core, question, digest, channels)[0]


class OpenedSection(NamedTuple):
    """A section that a member opened, by the passage that was found in it."""

    passage: StoredPassage
    section: Section


def open_section(
    core: Core, question: Question, digest: str, channels: Sequence[int]
) -> OpenedSection | None:
    """The section of an offered passage as it is now, or None if it is no longer visible."""
    found = offered_passage(core, question, digest, channels)
    return None if found is None else OpenedSection(found, core.answer_pipeline.section(found))


def _offered_with_record(
    core: Core, question: Question, digest: str, channels: Sequence[int]
) -> tuple[StoredPassage | None, RecordedHit | None]:
    """An offered passage as it is now, and its record unless the passage is a recorded hit.

    A question records only its hits, but members are also offered other passages of the same
    documents. Both values are None if the passage isn't visible any more.
    """
    scopes = scopes_of(question.guild_id, channels)
    hit = next((hit for hit in question.hits if digest_of(hit) == digest), None)
    if hit is not None:
        for stored in core.document(hit.document_id, scopes):
            if stored.text == hit.passage or (
                hit.position is not None and stored.position == hit.position
            ):
                return stored, None
        return None, None
    for document_id in dict.fromkeys(hit.document_id for hit in question.hits):
        for stored in core.document(document_id, scopes):
            beside = recorded_passage(stored)
            if digest_of(beside) == digest:
                return stored, beside
    return None, None


def pick(
    core: Core,
    question: Question,
    digest: str,
    member_id: int,
    *,
    by_moderator: bool | None,
    channels: Sequence[int],
    public_channels: Sequence[int],
) -> Picked | None:
    """Record that a member picked a passage as the answer; None if it is no longer visible.

    `by_moderator` says whether a moderator confirms the answer, or the asker; None confirms
    nothing. The member can read `channels`, and all readers of the answer `public_channels`.
    """
    found, beside = _offered_with_record(core, question, digest, channels)
    if found is None:
        return None
    said = Feedback(question.id, member_id, Verdict.HELPFUL, document_id=found.document_id)
    # No confirmation in direct messages, which have no community, nor of unasked answers, whose
    # questions are recorded without text.
    by_moderator = by_moderator if question.guild_id is not None and question.text else None
    with core.store.database.writing(question.guild_id):
        if beside is not None:
            core.store.question_records.add_hit(question.id, beside)
        said_so = core.store.feedback_records.record_pick(said, digest, by_moderator=by_moderator)
    if not said_so:
        return Picked(confirmed=False)
    update_card(core, found.document_id)
    ask = ask_from_record(question)
    ask = replace(
        ask, channels=tuple(channel for channel in ask.channels if channel in public_channels)
    )
    [reply] = core.answer_pipeline.ask([ask], record=False)
    if not isinstance(reply.outcome, Answer) or not reply.outcome.confirmed:
        return Picked(confirmed=True)
    return Picked(confirmed=True, reply=replace(reply, question_id=question.id))


def update_card(core: Core, document_id: str) -> None:
    """Mark a note's review card as outdated, so that it shows that wordings are suggested."""
    note = core.store.notes.live(note_of_document(document_id) or 0)
    if note is not None and core.store.wordings.suggested(note):
        core.store.review_cards.mark_outdated(note.revision.id)


# Follow-ups.


def context_of(core: Core, question_id: int) -> str:
    """The context of a follow-up to a recorded question (`context_after`)."""
    question = core.recording.question(question_id)
    return context_after(question) if question is not None else ""


def context_in_thread(core: Core, thread_id: int, first_id: int) -> str:
    """The context of a follow-up to a thread's last question, or else to its `first_id`."""
    last_id = core.recording.last_public_id(thread_id, first_id)
    return context_of(core, first_id if last_id is None else last_id)


def context_of_asker(core: Core, asker_id: int, channel_id: int, *, private: bool) -> str:
    """The member's last question in a channel and its context; no private one before a public."""
    last = core.recording.last_of_member(asker_id, channel_id)
    return context_after(last) if last is not None and (private or not last.private) else ""


def is_asker(core: Core, question_id: int, member_id: int) -> bool:
    """Whether this member asked a recorded question."""
    question = core.store.question_records.question(question_id)
    return question is not None and question.asker_id == member_id


# The largest number of notes to choose from.
_OFFERED: Final = 5
_NOTES: Final = Selection(kinds=frozenset({Kind.NOTE}))


def nearest_notes(
    core: Core, text: str, guild_id: int, channels: Sequence[int]
) -> list[StoredPassage]:
    """The nearest passage of each live note near a message that readers of `channels` can read."""
    scopes = core.articles.visible_scopes(scopes_of(guild_id, channels))
    among = core.index.selected_passages(_NOTES, scopes)
    if fault(text) or not len(among):
        return []
    query = core.retriever.respell(text, scopes)
    [vector] = core.retriever.embed([query])
    hits = core.retriever.rank(query, vector, scopes, _OFFERED, among=among)
    return [hit.passage for hit in hits]


def choose_note(
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
    if fault(ask.text) or store.quote_opt_outs.is_withheld(ask.asker_id):
        ask = replace(ask, text="")
    reply = _note_reply(core, ask, note_id)
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


def reply_with_note(core: Core, answer: HelperAnswer) -> Reply | None:
    """The reply with a chosen note as it is now; None if the note or the question is gone."""
    question = core.store.question_records.question(answer.question_id)
    reply = _note_reply(core, ask_from_record(question), answer.note_id) if question else None
    return replace(reply, question_id=answer.question_id) if reply is not None else None


def _note_reply(core: Core, ask: Ask, note_id: int) -> Reply | None:
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
