"""Evidence for the asker alone: an answer from channels that not everybody who sees it may read."""

from bot.answers.decision import Answer
from bot.answers.lookup import Ask
from bot.core.core import Core
from knowledge.values.documents import Kind, channel_of
from knowledge.values.questions import Evidence


def answers_alone(core: Core, public: Ask, alone: Ask) -> bool:
    """Whether a question is better answered to its asker alone than in public.

    That is so where the best passage is from a channel which others may not read, and what all may
    read has no answer, a weaker one, or a bundled article. Nothing is recorded.
    """
    everybodys, own = core.answer_pipeline.ask([public, alone], record=False)
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
