"""*Ask the moderators* below a refusal: once, knowingly, and without the asker's name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import Env, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.gaps import handover_messages
from bot.process.client import Bot
from knowledge.values.guilds import Language
from knowledge.values.questions import NotHandedOn
from tests.bot.gaps.handing_over import EN, posts
from tests.bot.steps import choose, restarted, said, shown_message
from tests.bot.world import UNKNOWN, World, build_world, buttons

ASK = handover_messages.ASK_MODERATORS_LABELS["ask"](EN)
DONE = handover_messages.confirmation(by_asker=True, quiet=False, language=EN)
ALREADY = handover_messages.refusal(NotHandedOn.ALREADY, EN)


async def turn(world: World, *, on: bool = True, language: Language = EN) -> None:
    settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    chosen = replace(settings, hand_on=on, language=language)
    await world.core(lambda core: core.store.guilds.save_settings(chosen, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)


@pytest.fixture
async def asking(world: World) -> World:
    """A world in which members can ask the moderators."""
    await turn(world)
    return world


async def pressed(by: MemberActor, refused: InteractionResult, label: str = ASK) -> Any:
    return await by.click(shown_message(refused), label=label)


async def test_the_button_is_off_by_default(world: World) -> None:
    assert buttons((await world.ask(UNKNOWN)).response) == ["Write this note"]

    await choose(world, ask_moderators="yes")

    assert buttons((await world.ask(UNKNOWN)).response) == ["Write this note", ASK]
    await world.publish()
    assert ASK not in buttons((await world.ask()).response)
    await world.member.send_dm(UNKNOWN)
    assert ASK not in buttons(world.member.user.dm_channel.last_message)


async def test_a_repeated_hand_over_posts_once(asking: World, new_bot: Callable[[], Bot]) -> None:
    refused = await asking.ask(UNKNOWN)
    again = await asking.ask(f"{UNKNOWN.upper()}?", by=asking.second_member)
    await restarted(asking, new_bot)
    clicks = [
        asking.press(actor, shown_message(refused).message, "moderators:1:ask")
        for actor in (asking.member, asking.second_member)
    ]
    await asking.env.settle()

    others = handover_messages.confirmation(by_asker=False, quiet=False, language=EN)
    assert [said(click) for click in clicks] == [DONE, others]
    for actor, result in ((asking.member, refused), (asking.second_member, again)):
        assert said(await pressed(actor, result)) == ALREADY
    [post] = posts(asking.review)
    assert UNKNOWN in post.content
    assert str(asking.member.id) not in post.content
    assert "mia" not in post.content
    assert buttons(post) == ["Claim", "Answer", "Not for us"]


async def test_a_private_question_needs_confirmation(asking: World) -> None:
    private = await asking.ask(UNKNOWN, private=True)
    public = await asking.ask(UNKNOWN, by=asking.second_member)
    message = shown_message(public).message
    forged = asking.press(asking.second_member, message, "moderators:1:sure")
    await asking.env.settle()
    assert said(forged) == handover_messages.QUESTION_GONE(EN)

    first = await pressed(asking.member, private)
    assert said(first) == handover_messages.ASKS_FIRST(EN)
    assert posts(asking.review) == []
    assert said(await pressed(asking.member, first, "Ask them")) == DONE
    [post] = posts(asking.review)
    assert "asked privately" in post.content

    assert said(await pressed(asking.second_member, public)) == DONE
    assert len(posts(asking.review)) == 2


async def test_other_servers_questions_are_not_handed_over(asking: World, simcord_env: Env) -> None:
    other = build_world(simcord_env, "Another")
    await other.set_up()
    await turn(other)
    await asking.ask(UNKNOWN)
    theirs = await other.ask("Quokka habitat size")

    forged = other.press(other.admin, shown_message(theirs).message, "moderators:1:ask")
    await simcord_env.settle()

    assert said(forged) == handover_messages.QUESTION_GONE(EN)
    assert [*posts(other.review), *posts(asking.review)] == []


async def test_without_a_channel_a_hand_over_is_repeatable(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    await turn(asking, on=False)
    assert said(await pressed(asking.member, refused)) == handover_messages.NOT_SET_UP(EN)
    await turn(asking)
    backend = asking.env.backend
    closed = discord.Permissions(view_channel=True, send_messages=True).value
    backend.set_overwrite(
        asking.review.id, Overwrite(asking.bot_role.id, OverwriteType.ROLE, deny=closed)
    )
    first = said(await pressed(asking.member, refused))
    backend.set_overwrite(
        asking.review.id, Overwrite(asking.bot_role.id, OverwriteType.ROLE, allow=closed)
    )

    assert first in {handover_messages.NOT_POSTED(EN), handover_messages.NOT_SET_UP(EN)}
    assert said(await pressed(asking.member, refused)) == DONE
    assert len(posts(asking.review)) == 1


async def test_a_hand_over_speaks_the_servers_language(asking: World) -> None:
    german = Language.GERMAN
    await turn(asking, language=german)
    asking.speaks(asking.member, "ja")
    await asking.core(lambda core: core.store.gaps.set_opt_out(asking.member.id, quiet=True))
    refused = await asking.ask(UNKNOWN)

    result = await pressed(
        asking.member, refused, handover_messages.ASK_MODERATORS_LABELS["ask"](german)
    )

    assert said(result) == handover_messages.confirmation(
        by_asker=True, quiet=True, language=german
    )
    posted = [one.content for one in asking.review.history()]
    assert any("Ein Mitglied fragt die Moderation" in one for one in posted)


async def test_erasure_leaves_no_trace_in_hand_overs(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    await asking.ask(UNKNOWN, by=asking.second_member)
    await pressed(asking.member, refused)

    def forgotten(core: Any) -> list[int]:
        core.store.personal_data.forget(asking.member.id, withdraw=False)
        return [row["member_id"] for row in core.store.database.rows("select * from handed_on")]

    assert await asking.core(forgotten) == [0]
