"""Small talk in Discord: one friendly line, nothing recorded, and thanks that count."""

from simcord import MemberActor

from bot.answers.question_checks import response_without_lookup
from bot.core.core import Core
from knowledge.values.guilds import Language
from knowledge.values.questions import Question, Verdict
from tests.bot.message_parts import text_of
from tests.bot.spoken import said_in
from tests.bot.world import QUESTION, World


async def asked(world: World) -> list[Question]:
    def look(core: Core) -> list[Question]:
        found = (core.store.question_records.question(number) for number in range(1, 10))
        return [one for one in found if one is not None]

    return await world.core(look)


def mention(world: World) -> str:
    assert world.bot.user is not None
    return world.bot.user.mention


async def test_small_talk_gets_one_unrecorded_line(world: World) -> None:
    for text in ("hello", "thanks!!", "wer bist du?"):
        await world.member.send(world.help, f"{mention(world)} {text}")
        answer = world.help.last_message
        assert answer is not None
        assert answer.components == []
        assert 0 < len(text_of(answer)) < 200

    assert (await world.ask("hello")).ephemeral
    assert await asked(world) == []
    await world.ask(f"thanks! {QUESTION}")
    assert len(await asked(world)) == 1


async def test_a_note_titled_like_small_talk_answers(world: World) -> None:
    await world.add_note("Commands", "Type !roll to throw a die, and !play to hear a song.")
    for text, answered in (("commands", True), ("Commands?", True), ("help", False)):
        await world.member.send(world.help, f"{mention(world)} {text}")
        answer = world.help.last_message
        assert answer is not None
        assert ("!roll" in text_of(answer)) is answered
    assert [question.text for question in await asked(world)] == ["commands", "Commands?"]


async def test_only_an_askers_thanks_count_as_helpful(world: World) -> None:
    await world.add_note()
    await world.member.send(world.help, f"{mention(world)} {QUESTION}")
    answer = world.help.last_message
    assert answer is not None
    [question] = await asked(world)

    async def verdicts_after(actor: MemberActor, text: str) -> list[tuple[int, Verdict]]:
        await actor.send(world.help, f"{mention(world)} {text}", reply_to=answer)
        kept = await world.core(lambda core: core.store.feedback_records.of(question.id))
        return [(one.member_id, one.verdict) for one in kept]

    assert await verdicts_after(world.second_member, "thanks") == []
    assert await verdicts_after(world.member, "thanks, that worked!") == [
        (world.member.id, Verdict.HELPFUL)
    ]


def test_every_kind_has_a_line_in_german() -> None:
    for text in ("hi", "thanks", "good bot", "bad bot", "ok", "help", "who are you", "commands"):
        english = response_without_lookup(text)
        assert english
        assert said_in(Language.GERMAN, response_without_lookup, text) != english
