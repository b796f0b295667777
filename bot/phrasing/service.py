"""Service of phrasing, in the worker's thread: claims requests, and records their results."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.answers.pipeline import Reply
from bot.config.sections import PhrasingSettings
from bot.core.core import Core
from bot.phrasing.task import ResultKey
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Kind, channel_of
from knowledge.values.phrasings import PhrasingCaps, RecordedPhrasing, UsedUp


def caps(settings: PhrasingSettings) -> PhrasingCaps:
    return PhrasingCaps(settings.member_hourly, settings.guild_daily, settings.daily_tokens)


def is_conversation(hit: Hit) -> bool:
    """Whether a hit quotes members' messages, from a channel or an exported chat."""
    passage = hit.passage
    return passage.kind in (Kind.CHAT, Kind.CHANNEL) or channel_of(passage.scope) is not None


def claim(
    core: Core, ask: Ask, question_id: int, mode: str, most: PhrasingCaps, now: datetime
) -> tuple[bool, UsedUp]:
    """Claim a request within the quotas. Return whether that worked, and the used-up quotas."""
    table = core.store.phrasings
    claimed = table.claim(question_id, mode, most, now)
    return claimed, table.used_up(most, now, ask.asker_id, ask.guild_id)


def outdated(core: Core, held: Sequence[ResultKey]) -> list[ResultKey]:
    """Return the keys of results made before the last change of content in their scopes."""
    now = {place: core.answer_pipeline.generation(*place) for place in {key.place for key in held}}
    return [key for key in held if key.generation != now[key.place]]


def finish(
    core: Core, ask: Ask, reply: Reply, found: RecordedPhrasing, most: PhrasingCaps, now: datetime
) -> tuple[bool, UsedUp]:
    """Record a phrasing. Return whether its passages may still be quoted, and the used-up quotas.

    Passages deleted during the request are not shown again.
    """
    quotes = reply.outcome.quotes if isinstance(reply.outcome, Answer) else ()
    quotable = all(
        any(
            stored.text == quote.text
            for stored in core.document(quote.citation.document_id, ask.scopes)
        )
        for quote in quotes
    )
    keeps_words = quotable and not any(is_conversation(hit) for hit in reply.hits)
    kept = found if quotable else replace(found, outcome="gone", chosen=(), lines=())
    if reply.question_id is not None:
        core.store.phrasings.finish(reply.question_id, kept, keeps_words=keeps_words)
    return quotable, core.store.phrasings.used_up(most, now, ask.asker_id, ask.guild_id)
