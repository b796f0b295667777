"""`/stats` with the leaderboard, and the overview for moderators."""

import discord
import pytest
from simcord import Env, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import ChannelType, OverwriteType

from bot.core.core import Core
from bot.statistics import messages
from knowledge.values.questions import RecordedHit
from tests.bot.message_parts import content, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import QUESTION, UNKNOWN, NewBot, Town, World, build_world

# No letter of it is in the font of the picture.
UNDRAWABLE = "日本語で質問できますか"
NOBODY_YET = "No note has helped anyone yet."


async def board(world: World, period: str = "all") -> InteractionResult:
    shown = await world.second_member.slash(world.general, "stats")
    return await world.second_member.select(shown_message(shown), [period], custom_id="board_menu")


async def test_figures_count_this_server_alone(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.publish()
    assert NOBODY_YET in content(await board(world, period="month"))
    answered = await world.ask()
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")
    await world.ask(UNKNOWN)
    await world.propose("Another", "Still to be decided.")

    leaders = content(await board(world))
    figures = content(await world.second_member.slash(world.general, "stats"))

    assert "1. **mia" in leaders
    assert "1 time, with 1 note" in leaders
    assert "**2 questions so far**" in figures
    assert "1 not answered" in figures
    assert "helpful 1 time, not helpful 0 times" in figures
    assert "1 note live, 1 awaiting review." in figures
    assert "Still open for the moderators: 1 question (" in figures
    assert NOBODY_YET in content(await board(other))
    elsewhere = content(await other.member.slash(other.general, "stats"))
    assert "**0 questions so far**" in elsewhere


async def test_leaderboard_pages_survive_restarts(world: World, new_bot: NewBot) -> None:
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
    private = shown_message(await board(world))
    assert "page 1 of 2" in text_of(private)
    await world.second_member.click(private, label="Show everyone here")
    message = world.general.last_message
    assert message is not None
    await world.start_again(new_bot)

    await world.member.click(message, label="Next")

    edits = [request.json for request in world.env.http_requests if request.method == "PATCH"]
    assert "page 2 of 2" in str(edits[-1])
    assert "Writer11" in str(edits[-1])


async def test_the_figures_describe_the_bot(world: World) -> None:
    await world.publish()

    figures = said(await world.member.slash(world.general, "stats"))

    assert "17 documents" in figures
    changed_at = await world.core(lambda core: core.index.tables.changed_at())
    assert changed_at is not None
    age = english(messages._CHANGED, when=f"<t:{int(changed_at.timestamp())}:R>")
    assert age in figures
    direct = await world.member.user.slash("stats")
    assert direct.response is not None
    assert "16 documents" in text_of(direct.response)


# The overview, for moderators.


async def overview(world: World, by: MemberActor | None = None) -> InteractionResult:
    return await (by or world.moderator).slash(world.general, "stats")


def described(result: InteractionResult) -> str:
    """The description of the response's picture."""
    assert result.response is not None
    [file] = result.response.message.attachments
    assert file.filename == "overview.png"
    return file.description or ""


async def test_only_moderators_get_the_picture(world: World) -> None:
    await world.publish()
    await world.ask()
    await world.ask(UNKNOWN)

    shown = await overview(world)

    told = described(shown)
    for question in (QUESTION, UNKNOWN):
        assert f"{question} – 1 time by 1 member" in told
    assert "Notes – quoted 1 time, helpful 0 times, 1 of 1 document" in told
    # The picture has all words.
    assert UNKNOWN not in content(shown)
    for member in (world.member, world.second_member):
        shown = await overview(world, member)
        assert shown.response is not None
        assert shown.response.message.attachments == []
        assert UNKNOWN not in content(shown)

    await world.ask(UNDRAWABLE)
    shown = await overview(world)
    assert UNDRAWABLE in described(shown)
    assert UNDRAWABLE in content(shown)


async def test_without_a_picture_the_overview_is_text(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ask(UNKNOWN)

    async def assert_it_is_text() -> None:
        shown = await overview(world)
        assert shown.response is not None
        assert shown.response.message.attachments == []
        assert f"- {UNKNOWN} – 1 time by 1 member, 1 not answered" in content(shown)

    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _: None)
        await assert_it_is_text()
    refused = discord.Permissions(attach_files=True).value
    overwrite = Overwrite(world.bot_role.id, OverwriteType.ROLE, deny=refused)
    world.env.backend.set_overwrite(world.general.id, overwrite)
    await assert_it_is_text()


async def test_moderators_read_only_permitted_words(world: World, town: Town) -> None:
    await world.ask("Yeti diet", private=True)
    await world.admin.slash(town.staff, "ask", question="Budget among colleagues")
    await world.admin.slash(town.thread, "ask", question="Salaries next year")
    private = town.thread_in(world.general, ChannelType.PRIVATE_THREAD)
    await world.moderator.slash(private, "ask", question="Surprise party")
    await world.ask("Quokka taming", by=world.second_member)
    await world.core(lambda core: core.store.quote_opt_outs.withhold(world.second_member.id))
    await world.ask(UNKNOWN)
    assert "Budget" in described(await overview(world, world.moderator))
    town.hide(town.staff, world.moderator_role.id)

    told = described(await overview(world))

    assert f"{UNKNOWN} – 1 time by 1 member" in told
    for hidden in ("Yeti", "Budget", "Salaries", "Surprise", "Quokka"):
        assert hidden not in told
    assert "6 questions" in told
