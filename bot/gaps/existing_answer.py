"""Existing passages as answers to gaps: offered to moderators, and confirmed by them.

These functions run in the worker's thread. Every reader of the question's answer must be able to
read the passage. A passage is identified by its id in the index and the digest of its contents.
"""

from collections.abc import Sequence

from bot.answers.ask import scopes_of
from bot.answers.outcome import recorded_passage
from bot.core.core import Core
from bot.gaps.service import groups_with
from indexer.index.stored_passage import StoredPassage
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Scope
from knowledge.values.questions import Feedback, OpenQuestion, RecordedHit, Verdict

# Discord's limit of options in a list.
_OFFERED = 25


def nearest_passages(
    core: Core, guild_id: int, question_id: int, words: str, channels: Sequence[int]
) -> list[tuple[StoredPassage, str]]:
    """The passages nearest to the moderator's words, best first, each with its digest.

    `channels` are the followed channels that the moderator can read.
    """
    question = core.store.gaps.find(guild_id, question_id)
    if question is None:
        return []
    hits = core.search_in(words, _scopes(question, channels), _OFFERED)
    return [(hit.passage, digest_of(recorded_passage(hit.passage))) for hit in hits]


def _scopes(question: OpenQuestion, channels: Sequence[int]) -> tuple[Scope, ...]:
    readable = [one for one in question.channels if one in channels]
    return scopes_of(question.guild_id, readable)


def offered_passage(
    core: Core,
    guild_id: int,
    question_id: int,
    wanted: tuple[int, str],
    channels: Sequence[int],
) -> tuple[StoredPassage, RecordedHit] | None:
    """The offered passage with this id and digest; None if the passage is gone or not visible."""
    question = core.store.gaps.find(guild_id, question_id)
    passage_id, digest = wanted
    found = core.index.tables.passages([passage_id]).get(passage_id)
    if question is None or found is None:
        return None
    hit = recorded_passage(found)
    seen = core.articles.visible_scopes(_scopes(question, channels))
    return (found, hit) if found.scope in seen and digest_of(hit) == digest else None


def confirm_passage(
    core: Core,
    guild_id: int,
    question_id: int,
    wanted: tuple[int, str],
    moderator_id: int,
    channels: Sequence[int],
) -> bool:
    """Confirm a passage as the answer to all questions of a question's group; notify the askers.

    A question stays open if its asker may not read the passage. Return whether any question was
    answered.
    """
    found = offered_passage(core, guild_id, question_id, wanted, channels)
    groups = groups_with(core, guild_id, [question_id])
    if found is None or not groups:
        return False
    stored, hit = found
    answered = [
        question
        for question in groups[0].questions
        if stored.scope in core.articles.visible_scopes(_scopes(question, channels))
    ]
    records = core.store.question_records
    with core.store.database.writing(guild_id):
        for question in answered:
            records.add_hit(question.id, hit)
            said = Feedback(
                question.id, moderator_id, Verdict.HELPFUL, document_id=stored.document_id
            )
            core.store.feedback_records.record_pick(said, wanted[1], by_moderator=True)
        if answered:
            core.store.gaps.point_to_document(guild_id, moderator_id, answered)
    return bool(answered)
