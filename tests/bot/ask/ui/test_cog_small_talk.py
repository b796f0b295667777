"""Small talk in Discord: one friendly line, nothing recorded, and thanks that count."""

import pytest

from bot.answers.pipeline import said_to_no_question
from bot.core.core import Core
from knowledge.values.guilds import Language
from knowledge.values.questions import Feedback, Question, Verdict
from tests.bot.world import QUESTION, World, text_of


async def asked(world: World) -> list[Question]:
    def look(core: Core) -> list[Question]:
        found = (core.store.question_records.question(number) for number in range(1, 10))
        return [one for one in found if one is not None]

    return await world.core(look)


def mention(world: World) -> str:
    assert world.bot.user is not None
    return world.bot.user.mention


async def verdicts(world: World) -> list[Feedback]:
    [question] = await asked(world)
    return await world.core(lambda core: core.store.feedback_records.of(question.id))


@pytest.mark.parametrize("text", ["hello", "thanks!!", "good bot", "lol", "help", "wer bist du?"])
async def test_small_talk_gets_one_line_and_is_recorded_nowhere(world: World, text: str) -> None:
    await world.publish()

    await world.member.send(world.help, f"{mention(world)} {text}")

    answer = world.help.last_message
    assert answer is not None
    assert answer.components == []
    assert 0 < len(text_of(answer)) < 200
    assert await asked(world) == []


async def test_small_talk_after_the_command_is_answered_to_its_member_alone(world: World) -> None:
    result = await world.ask("hello")

    assert result.ephemeral
    assert await asked(world) == []


async def test_thanks_with_a_question_are_looked_up(world: World) -> None:
    await world.publish()

    await world.ask(f"thanks! {QUESTION}")

    assert len(await asked(world)) == 1


async def test_an_askers_thanks_below_an_answer_count_as_helpful(world: World) -> None:
    await world.publish()
    await world.member.send(world.help, f"{mention(world)} {QUESTION}")
    answer = world.help.last_message
    assert answer is not None

    await world.member.send(world.help, f"{mention(world)} thanks, that worked!", reply_to=answer)

    [verdict] = await verdicts(world)
    assert (verdict.member_id, verdict.verdict) == (world.member.id, Verdict.HELPFUL)


async def test_somebody_elses_thanks_do_not_count(world: World) -> None:
    await world.publish()
    await world.member.send(world.help, f"{mention(world)} {QUESTION}")
    answer = world.help.last_message
    assert answer is not None

    await world.second_member.send(world.help, f"{mention(world)} thanks", reply_to=answer)

    assert await verdicts(world) == []


def test_every_kind_has_a_line_in_german() -> None:
    for text in ("hi", "thanks", "good bot", "bad bot", "ok", "help", "who are you", "commands"):
        english = said_to_no_question(text)
        assert english
        assert said_to_no_question(text, Language.GERMAN) != english
