"""Pruning of old questions by a running bot, in slices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.answers.ask import Ask
from bot.ask.messages import ANSWER_LABELS, FEEDBACK_GONE
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import service
from bot.privacy.ui.cog import prune_questions
from bot.process.client import Bot
from tests.bot.steps import looked_into, restarted
from tests.bot.world import QUESTION, World
from tests.fakes import WordEmbedder

AGED = "update questions set asked_at = '2020-01-01T00:00:00+00:00'"


def _age(core: Core) -> None:
    with core.store.database.writing():
        core.store.database.run(AGED)


async def test_a_running_bot_prunes_old_questions(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.publish()
    asked = await world.ask()
    await world.core(_age)
    await restarted(world, new_bot)

    await prune_questions(world.bot)

    assert await world.core(lambda core: core.replay(1)) is None
    assert await world.core(lambda core: core.store.counts(world.guild.id)["questions"]) == 1
    assert asked.response is not None
    told = await looked_into(world.member, asked.response, ANSWER_LABELS["why"].english)
    assert told == FEEDBACK_GONE.english


def test_many_questions_are_pruned_in_slices(settings: Settings) -> None:
    asked = service.SLICE + 1
    questions = [QUESTION] * asked

    with Core(settings, WordEmbedder()) as core:
        core.answer_pipeline.ask([Ask(text, 5, 10) for text in questions])
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert list(service.prune_questions(core, tomorrow)) == [service.SLICE, asked]
