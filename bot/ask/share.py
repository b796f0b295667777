"""Sharing a private answer: it is answered anew, from what everybody who will see it may read."""

from dataclasses import dataclass

from bot.answers.decision import Answer, near_best
from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.core.core import Core
from knowledge.values.channel_settings import HoldingSettings
from knowledge.values.questions import Evidence, Question


@dataclass(frozen=True, slots=True)
class Shared:
    """What everybody is shown, None if there is nothing; `complete` unless something is left out.

    Left out is what the private answer quoted from channels that not everybody may read.
    """

    reply: Reply | None
    complete: bool
    ask: Ask


def share(
    core: Core,
    question: Question,
    channel_id: int | None,
    channels: tuple[int, ...],
    held: HoldingSettings,
) -> Shared:
    """Answer a private question once more, in a channel for all who see it.

    `channels` are those that all of them may read; `held` is what holds in the channel.

    Returns:
        The answer, recorded as one of its own by whose id its buttons work. A refusal is neither
        shown nor recorded: it was no gap to whoever asked.
    """
    ask = Ask(
        question.text,
        question.asker_id,
        question.guild_id,
        channel_id,
        question.earlier,
        told_for=question.id,
        channels=channels,
        answered_from=held.answered_from,
        quotations=held.quotations,
    )
    quoted = near_best(question.hits, question.quotations or core.answer_pipeline.quotes)
    complete = question.evidence is Evidence.NONE or all(
        hit.source_channel_id in (None, *channels) for hit in quoted
    )
    [reply] = core.answer_pipeline.ask([ask], record=False)
    if not isinstance(reply.outcome, Answer):
        return Shared(None, complete, ask)
    [reply] = core.answer_pipeline.ask([ask])
    return Shared(reply, complete, ask)
