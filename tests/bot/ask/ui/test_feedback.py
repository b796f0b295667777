"""Why an answer did not help: asked after the click, from a list or in the member's own words."""

from collections.abc import Callable

import pytest
from simcord import Env, InteractionResult

from bot.ask import button_messages
from bot.process.client import Bot
from bot.text import error_messages
from knowledge.values.questions import FeedbackReason, Verdict
from tests.bot.steps import content, elsewhere, restarted
from tests.bot.world import QUESTION, TEXT, World, build_world, buttons, text_of


async def helpful(world: World, question: str = QUESTION) -> None:
    answered = await world.ask(question)
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")


async def unhelpful(world: World) -> InteractionResult:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    return await world.second_member.click(answered.response, label="Not helpful")


async def verdicts(world: World) -> list[tuple[Verdict, str]]:
    kept = await world.core(lambda core: core.store.feedback_records.of(1))
    return [(one.verdict, one.reason or one.chosen or "") for one in kept]


async def test_not_helpful_counts_at_once_and_asks_why(world: World) -> None:
    asked = await unhelpful(world)

    assert (
        content(asked)
        == f"{button_messages.FEEDBACK_UNHELPFUL.english} {button_messages.ASKS_WHY.english}"
    )
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]


async def test_a_chosen_reason_is_kept(world: World) -> None:
    asked = await unhelpful(world)
    assert asked.response is not None

    await world.second_member.select(asked.response, [FeedbackReason.OUTDATED.value])

    assert await verdicts(world) == [(Verdict.UNHELPFUL, FeedbackReason.OUTDATED)]


async def test_a_reason_in_ones_own_words_is_kept(world: World) -> None:
    asked = await unhelpful(world)
    assert asked.response is not None

    form = await world.second_member.select(asked.response, [FeedbackReason.OTHER.value])
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]
    await world.second_member.submit_modal(form, {"reason": "  It is in Porto. "})

    assert await verdicts(world) == [(Verdict.UNHELPFUL, "It is in Porto.")]


async def test_a_reason_can_be_chosen_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    asked = await unhelpful(world)
    assert asked.response is not None
    message = asked.response.message
    await restarted(world, new_bot)

    await world.second_member.select(message, [FeedbackReason.WRONG.value])

    assert await verdicts(world) == [(Verdict.UNHELPFUL, FeedbackReason.WRONG)]


@pytest.mark.parametrize("label", ["Helpful", "Not helpful"])
async def test_an_answer_of_this_server_takes_no_verdict_from_another(
    simcord_env: Env, world: World, label: str
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.publish(text=TEXT)
    await world.ask()
    theirs = await other.ask("What is open source AI?")
    assert theirs.response is not None
    assert label in buttons(theirs.response)

    action = "helpful" if label == "Helpful" else "unhelpful"
    forged = other.press(other.member, theirs.response.message, f"answer:1:{action}")
    await simcord_env.settle()

    assert content(forged) == button_messages.FEEDBACK_GONE.english
    assert await verdicts(world) == []


async def test_nobody_gives_a_reason_for_an_answer_of_another_server(world: World) -> None:
    other = await elsewhere(world)
    message = other.general.last_message
    assert message is not None

    chosen = other.press(other.member, message, "reason:1", values=["wrong"])
    await world.env.settle()
    typed = other.submit(other.member, "form:reason:1:ab", {"reason": "Typed."})
    await world.env.settle()

    assert chosen.acknowledged
    assert typed.acknowledged
    assert await world.core(lambda core: core.store.feedback_records.of(1)) == []


async def test_a_reason_that_no_list_offers_is_answered_with_one_sentence(world: World) -> None:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    asked = await world.member.click(answered.response, label="Not helpful")
    assert asked.response is not None

    result = world.press(world.member, asked.response.message, "reason:1", values=["none of them"])
    await world.env.settle()

    assert result.response is not None
    assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english
