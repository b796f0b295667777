"""Why an answer did not help: asked after the click, from a list or in the member's own words."""

from collections.abc import Callable

from simcord import InteractionResult

from bot.ask import messages
from bot.process.client import Bot
from bot.text import error_messages
from knowledge.values.questions import FeedbackReason, Verdict
from tests.bot.steps import content, elsewhere, restarted
from tests.bot.world import World, text_of


async def unhelpful(world: World) -> InteractionResult:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    return await world.second_member.click(answered.response, label="Not helpful")


async def verdicts(world: World) -> list[tuple[Verdict, str]]:
    kept = await world.core(lambda core: core.store.feedback_records.of(1))
    return [(one.verdict, one.reason or one.chosen or "") for one in kept]


async def test_not_helpful_counts_at_once_and_takes_a_reason(world: World) -> None:
    asked = await unhelpful(world)
    counted, asks_why = messages.FEEDBACK_UNHELPFUL, messages.ASKS_WHY
    assert content(asked) == f"{counted.english} {asks_why.english}"
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]
    assert asked.response is not None

    form = await world.second_member.select(asked.response, [FeedbackReason.OTHER.value])
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]
    await world.second_member.submit_modal(form, {"reason": "  It is in Porto. "})

    assert await verdicts(world) == [(Verdict.UNHELPFUL, "It is in Porto.")]


async def test_a_reason_is_taken_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    asked = await unhelpful(world)
    assert asked.response is not None
    message = asked.response.message
    await restarted(world, new_bot)

    await world.second_member.select(message, [FeedbackReason.WRONG.value])

    assert await verdicts(world) == [(Verdict.UNHELPFUL, FeedbackReason.WRONG)]


async def test_an_answer_takes_no_feedback_from_another_server(world: World) -> None:
    other = await elsewhere(world)
    theirs = await other.ask("What is open source AI?")
    assert theirs.response is not None
    message = theirs.response.message

    for action in ("helpful", "unhelpful"):
        forged = other.press(other.member, message, f"answer:1:{action}")
        await world.env.settle()
        assert content(forged) == messages.FEEDBACK_GONE.english
    chosen = other.press(other.member, message, "reason:1", values=["wrong"])
    await world.env.settle()
    typed = other.submit(other.member, "form:reason:1:ab", {"reason": "Typed."})
    await world.env.settle()

    assert chosen.acknowledged
    assert typed.acknowledged
    assert await verdicts(world) == []


async def test_an_unlisted_reason_gets_one_sentence(world: World) -> None:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    asked = await world.member.click(answered.response, label="Not helpful")
    assert asked.response is not None

    result = world.press(world.member, asked.response.message, "reason:1", values=["none of them"])
    await world.env.settle()

    assert result.response is not None
    assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english
