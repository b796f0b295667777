"""Pruning while a bot runs: old questions lose their words by themselves, in slices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.answers.lookup import Ask
from bot.ask.button_messages import ANSWER_LABELS, FEEDBACK_GONE
from bot.core.core import Core
from bot.privacy import service
from bot.privacy.ui.cog import prune_questions
from bot.process.client import Bot
from tests.bot.steps import restarted
from tests.bot.world import QUESTION, World, text_of

AGED = "update questions set asked_at = '2020-01-01T00:00:00+00:00'"


def _age(core: Core) -> None:
    with core.store.database.writing():
        core.store.database.run(AGED)


async def test_a_running_bot_drops_the_words_of_old_questions(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await world.publish()
    await world.ask()
    await world.core(_age)
    await restarted(world, new_bot)

    await prune_questions(world.bot)

    assert await world.core(lambda core: core.replay(1)) is None
    assert await world.core(lambda core: core.store.counts(world.guild.id)["questions"]) == 1


async def test_a_button_of_a_pruned_answer_says_that_it_is_no_longer_on_record(
    world: World,
) -> None:
    await world.publish()
    asked = await world.ask()
    await world.core(_age)
    await prune_questions(world.bot)
    assert asked.response is not None
    said = await world.member.click(asked.response.message, label=ANSWER_LABELS["why"].english)
    assert said.response is not None
    assert text_of(said.response) == FEEDBACK_GONE.english


async def test_more_questions_than_a_slice_takes_are_pruned_in_several(world: World) -> None:
    asked = service.SLICE + 1
    questions = [QUESTION] * asked

    def slices(core: Core) -> list[int]:
        core.answer_pipeline.ask([Ask(text, 5, world.guild.id) for text in questions])
        return list(service.prune_questions(core, datetime.now(UTC) + timedelta(days=1)))

    assert await world.core(slices) == [service.SLICE, asked]
