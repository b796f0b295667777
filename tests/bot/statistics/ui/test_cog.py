"""Whose notes helped, what goes on, and why an answer did not help."""

from collections.abc import Callable

from simcord import Env, InteractionResult

from bot.core.core import Core
from bot.process.client import Bot
from bot.statistics import messages as community_messages
from knowledge.values.guilds import Language
from knowledge.values.questions import RecordedHit
from tests.bot.steps import content, restarted
from tests.bot.world import QUESTION, UNKNOWN, World, build_world


async def helpful(world: World, question: str = QUESTION) -> None:
    answered = await world.ask(question)
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")


async def board(world: World, **options: str) -> InteractionResult:
    return await world.second_member.slash(world.general, "leaderboard", **options)


# Credit.


async def test_the_leaderboard_names_whose_notes_helped(world: World) -> None:
    await world.publish()
    await helpful(world)

    shown = content(await board(world))

    assert "1. **mia" in shown
    assert "1 time, with 1 note" in shown


async def test_where_nothing_helped_yet_the_leaderboard_says_how_it_would(world: World) -> None:
    await world.publish()

    assert community_messages._NOBODY_YET.english in content(await board(world, period="month"))


async def test_another_servers_credit_is_not_shown(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.publish()
    await helpful(world)

    assert community_messages._NOBODY_YET.english in content(await board(other))


async def test_the_leaderboards_pages_work_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    def fill(core: Core) -> None:
        with core.store.database.writing():
            for number in range(1, 12):
                core.store.database.run(
                    "insert into notes (id, guild_id, contributor_id, contributor, channel_id, "
                    "created_at) values (?, ?, ?, ?, 1, '2026-01-01T00:00:00+00:00')",
                    [number, world.guild.id, number, f"Writer{number}"],
                )
                core.store.database.run(
                    "insert into questions (id, guild_id, asker_id, text, evidence, asked_at, "
                    "generation) values (?, ?, 99, 'q', 'strong', '2026-01-01T00:00:00+00:00', 1)",
                    [number, world.guild.id],
                )
                hit = RecordedHit(f"note:{number}", "t", "", "p", 1.0, ())
                core.store.question_records.add_hit(number, hit)
                core.store.database.run(
                    "insert into feedback (question_id, member_id, verdict, reason, created_at) "
                    "values (?, 99, 'helpful', '', '2026-01-01')",
                    [number],
                )

    await world.core(fill)
    shown = await board(world)
    assert "page 1 of 2" in content(shown)
    assert shown.response is not None
    message = shown.response.message
    await restarted(world, new_bot)

    await world.member.click(message, label="Next")

    edits = [request.json for request in world.env.http_requests if request.method == "PATCH"]
    assert "page 2 of 2" in str(edits[-1])
    assert "Writer11" in str(edits[-1])


async def test_stats_count_this_server_alone(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.publish()
    await helpful(world)
    await world.ask(UNKNOWN)
    await world.propose("Another", "Still to be decided.")

    shown = content(await world.second_member.slash(world.general, "stats"))
    elsewhere = content(await other.member.slash(other.general, "stats"))

    assert "**2 questions**" in shown
    assert "1 refused" in shown
    assert "helpful 1 time, not helpful 0 times" in shown
    assert community_messages._PUBLISHED(Language.ENGLISH, notes="1 note", pending=1) in shown
    assert community_messages._UNANSWERED(Language.ENGLISH, questions="1 question") in shown
    assert "**0 questions**" in elsewhere
