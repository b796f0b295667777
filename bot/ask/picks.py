"""Relevance feedback: passages that members pick as the answer, shown, counted and confirmed.

Functions of the core, in whose thread they run. A passage is known by the digest that it was
recorded with; it is shown, and counts, only while whoever picks it may see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.answers.decision import Answer, recorded_passage
from bot.answers.lookup import scopes_of
from bot.answers.pipeline import Reply
from bot.answers.replay import asked_again
from bot.core.core import Core
from indexer.index.stored_passage import StoredPassage
from knowledge.store.questions.question_records import digest_of
from knowledge.values.questions import Feedback, Question, RecordedHit, Verdict


@dataclass(frozen=True, slots=True)
class Picked:
    """What came of a pick: whether it is the answer now, and the question's answer with it."""

    confirmed: bool
    reply: Reply | None = None


def passage(
    core: Core, question: Question, digest: str, channels: Sequence[int]
) -> StoredPassage | None:
    """A passage that was offered for a question, as it is now; None if it may not be seen."""
    return _offered(core, question, digest, channels)[0]


def _offered(
    core: Core, question: Question, digest: str, channels: Sequence[int]
) -> tuple[StoredPassage | None, RecordedHit | None]:
    """A passage that was offered, and how to record it where it was only beside a hit so far."""
    scopes = scopes_of(question.guild_id, channels)
    hit = next((one for one in question.hits if digest_of(one) == digest), None)
    if hit is not None:
        for stored in core.document(hit.document_id, scopes):
            if stored.text == hit.passage or (
                hit.position is not None and stored.position == hit.position
            ):
                return stored, None
        return None, None
    for document_id in dict.fromkeys(one.document_id for one in question.hits):
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
    """Count a passage as what answers a question.

    Args:
        core: keeps it, and answers anew.
        question: as it was recorded.
        digest: of the passage.
        member_id: who says it.
        by_moderator: whether a moderator does; None: somebody by whose word it is not the answer.
        channels: those that they may read.
        public_channels: those that everybody who sees the answer may read.

    Returns:
        None if the passage may not be seen any more.
    """
    found, beside = _offered(core, question, digest, channels)
    if found is None:
        return None
    said = Feedback(question.id, member_id, Verdict.HELPFUL, document_id=found.document_id)
    # What is asked in direct messages is for no community, and has no moderators; and of what was
    # answered unasked, no word is kept that could be asked again.
    by_moderator = by_moderator if question.guild_id is not None and question.text else None
    with core.store.database.writing(question.guild_id):
        if beside is not None:
            core.store.question_records.add_hit(question.id, beside)
        said_so = core.store.feedback_records.record_pick(said, digest, by_moderator=by_moderator)
    if not said_so:
        return Picked(confirmed=False)
    ask = asked_again(question)
    ask = replace(ask, channels=tuple(one for one in ask.channels if one in public_channels))
    [reply] = core.answer_pipeline.ask([ask], record=False)
    if not isinstance(reply.outcome, Answer) or not reply.outcome.confirmed:
        return Picked(confirmed=True)
    return Picked(confirmed=True, reply=replace(reply, question_id=question.id))
