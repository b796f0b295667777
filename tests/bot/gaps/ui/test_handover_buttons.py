"""*Ask the moderators* below a refusal: once, knowingly, without who asked; the asker is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
import pytest
from simcord import ChannelHandle, Env, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.core.core import Core
from bot.gaps import handover_messages as messages
from bot.process.client import Bot
from knowledge.values.guilds import Language
from knowledge.values.handovers import HANDING_PAUSE, NotHandedOn
from tests.bot.steps import choose, said
from tests.bot.world import UNKNOWN, World, build_world, buttons

EN = Language.ENGLISH
ASK = messages.ASK_MODERATORS_LABELS["ask"](EN)
TIMETABLE = "The Zanzibar ferry timetable: it leaves at nine and at four."
DONE = messages.handed_on(mine=True, quiet=False, language=EN)
ALREADY = messages.not_handed_on(NotHandedOn.ALREADY, EN)


async def turn(world: World, *, on: bool = True, language: Language = EN) -> None:
    settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
    chosen = replace(settings, hand_on=on, language=language)
    await world.core(lambda core: core.store.guilds.save_settings(chosen, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)


@pytest.fixture
async def asking(world: World) -> World:
    """A world in which refused questions can be put to the moderators."""
    await turn(world)
    return world


def asked(world: World) -> list[discord.Message]:
    """What the moderators were asked, oldest first."""
    return [one for one in world.review.history() if "asks the moderators" in one.content]


def told(world: World, channel: ChannelHandle | None = None) -> list[str]:
    """What the member was told in the channel where they asked."""
    return [
        one.content
        for one in (channel or world.general).history()
        if f"<@{world.member.id}> You asked this" in one.content
    ]


async def pressed(by: MemberActor, refused: InteractionResult) -> str:
    assert refused.response is not None
    return said(await by.click(refused.response, label=ASK))


async def test_a_refused_question_is_put_to_the_moderators_without_who_asked(
    asking: World,
) -> None:
    refused = await asking.ask(UNKNOWN)

    assert await pressed(asking.member, refused) == DONE

    [post] = asked(asking)
    assert UNKNOWN in post.content
    assert str(asking.member.id) not in post.content
    assert "mia" not in post.content
    assert buttons(post) == ["Claim", "Answer", "Not for us"]


async def test_it_is_off_until_an_administrator_turns_it_on(world: World) -> None:
    refused = await world.ask(UNKNOWN)
    assert buttons(refused.response) == ["Write this note"]

    await choose(world, ask_moderators="yes")

    assert buttons((await world.ask(UNKNOWN)).response) == ["Write this note", ASK]


async def test_an_answer_and_a_direct_message_have_no_such_button(asking: World) -> None:
    await asking.publish()

    assert ASK not in buttons((await asking.ask()).response)
    await asking.member.send_dm(UNKNOWN)
    answer = asking.member.user.dm_channel.last_message
    assert answer is not None
    assert ASK not in buttons(answer)


async def test_it_is_asked_once_however_often_and_by_whomever_it_is_pressed(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    again = await asking.ask(f"{UNKNOWN.upper()}?", by=asking.second_member)
    await pressed(asking.member, refused)

    assert await pressed(asking.member, refused) == ALREADY
    assert await pressed(asking.second_member, refused) == ALREADY
    assert await pressed(asking.second_member, again) == ALREADY
    assert len(asked(asking)) == 1


async def test_two_who_press_at_once_ask_once(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    assert refused.response is not None
    message = refused.response.message

    clicks = [
        asking.press(actor, message, "moderators:1:ask")
        for actor in (asking.member, asking.second_member)
    ]
    await asking.env.settle()

    assert len(asked(asking)) == 1
    others = messages.handed_on(mine=False, quiet=False, language=EN)
    assert [said(click) for click in clicks] == [DONE, others]


async def test_a_second_member_can_have_it_asked(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)

    said_to_them = await pressed(asking.second_member, refused)

    assert said_to_them == messages.handed_on(mine=False, quiet=False, language=EN)
    assert len(asked(asking)) == 1


async def test_a_private_question_is_put_once_its_asker_has_confirmed(asking: World) -> None:
    refused = await asking.ask(UNKNOWN, private=True)
    assert refused.response is not None

    first = await asking.member.click(refused.response, label=ASK)
    assert said(first) == messages.ASKS_FIRST(EN)
    assert asked(asking) == []
    assert first.response is not None
    confirmed = await asking.member.click(first.response, label="Ask them")

    assert said(confirmed) == DONE
    [post] = asked(asking)
    assert "asked privately" in post.content


async def test_a_private_question_does_not_stand_in_for_a_public_one(asking: World) -> None:
    private = await asking.ask(UNKNOWN, private=True)
    public = await asking.ask(UNKNOWN, by=asking.second_member)
    assert private.response is not None
    first = await asking.member.click(private.response, label=ASK)
    assert first.response is not None
    await asking.member.click(first.response, label="Ask them")

    assert await pressed(asking.second_member, public) == DONE
    assert len(asked(asking)) == 2


async def test_nobody_else_puts_a_private_question(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    await asking.ask("Quokka habitat size", private=True)
    assert refused.response is not None

    forged = asking.press(asking.second_member, refused.response.message, "moderators:2:sure")
    await asking.env.settle()

    assert said(forged) == messages.QUESTION_GONE(EN)
    assert asked(asking) == []


async def test_another_servers_question_is_not_put(asking: World, simcord_env: Env) -> None:
    other = build_world(simcord_env, "Another")
    await other.set_up()
    await turn(other)
    await asking.ask(UNKNOWN)
    theirs = await other.ask("Quokka habitat size")
    assert theirs.response is not None

    forged = other.press(other.admin, theirs.response.message, "moderators:1:ask")
    await simcord_env.settle()

    assert said(forged) == messages.QUESTION_GONE(EN)
    assert [*asked(other), *asked(asking)] == []


async def test_a_member_asks_one_thing_at_a_time(asking: World) -> None:
    first, second = await asking.ask(UNKNOWN), await asking.ask("Quokka habitat size")
    await pressed(asking.member, first)

    assert await pressed(asking.member, second) == messages.not_handed_on(NotHandedOn.TOO_SOON, EN)

    def earlier(core: Core) -> None:
        at = datetime.now(UTC) - HANDING_PAUSE - timedelta(seconds=1)
        with core.store.database.writing():
            core.store.database.run("update handed_on set at = ?", [at.isoformat()])

    await asking.core(earlier)
    assert await pressed(asking.member, second) == DONE
    assert len(asked(asking)) == 2


async def test_the_buttons_work_after_a_restart(asking: World, new_bot: Callable[[], Bot]) -> None:
    refused = await asking.ask(UNKNOWN)
    await asking.bot.close()
    await asking.restart(new_bot())

    assert await pressed(asking.member, refused) == DONE

    await asking.bot.close()
    await asking.restart(new_bot())
    assert await pressed(asking.member, refused) == ALREADY
    form = await asking.moderator.click(asked(asking)[0], label="Answer")
    await asking.bot.close()
    await asking.restart(new_bot())
    await asking.moderator.submit_modal(form, {"answer": TIMETABLE, "name": ["named"]})
    await asking.env.settle()

    assert len(told(asking)) == 1


async def test_what_was_dismissed_is_not_put(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    listed = await asking.moderator.slash(asking.general, "gaps")
    assert listed.response is not None
    asking.press(asking.moderator, listed.response.message, "gaps:0:1:dismiss")
    await asking.env.settle()

    assert await pressed(asking.member, refused) == messages.not_handed_on(NotHandedOn.NO_GAP, EN)
    assert asked(asking) == []


async def test_where_it_is_turned_off_again_the_button_says_so(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    await turn(asking, on=False)

    assert await pressed(asking.member, refused) == messages.NOT_SET_UP(EN)
    assert asked(asking) == []


async def test_where_the_channel_takes_nothing_it_can_be_tried_again(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    backend = asking.env.backend
    closed = discord.Permissions(view_channel=True, send_messages=True).value
    backend.set_overwrite(
        asking.review.id, Overwrite(asking.bot_role.id, OverwriteType.ROLE, deny=closed)
    )
    first = await pressed(asking.member, refused)
    backend.set_overwrite(
        asking.review.id, Overwrite(asking.bot_role.id, OverwriteType.ROLE, allow=closed)
    )

    assert first in {messages.NOT_POSTED(EN), messages.NOT_SET_UP(EN)}
    assert await pressed(asking.member, refused) == DONE
    assert len(asked(asking)) == 1


async def test_who_does_not_want_to_be_told_is_reminded_of_that(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)

    def quiet(core: Core) -> None:
        core.store.gaps.keep_quiet(asking.member.id, quiet=True)

    await asking.core(quiet)

    expected = messages.handed_on(mine=True, quiet=True, language=EN)
    assert await pressed(asking.member, refused) == expected


async def test_hostile_words_reach_the_moderators_as_words(asking: World) -> None:
    refused = await asking.ask(f"@everyone <@1> [x](https://e.example) {UNKNOWN} " + "*" * 1_900)

    await pressed(asking.member, refused)

    [post] = asked(asking)
    assert "](https://e.example)" not in post.content
    assert "<@1>" not in post.content
    assert not post.mention_everyone
    assert len(post.content) <= 2_000


async def test_it_is_said_in_the_servers_language(asking: World) -> None:
    await turn(asking, language=Language.GERMAN)
    asking.speaks(asking.member, "fr")
    refused = await asking.ask(UNKNOWN)
    assert refused.response is not None

    result = await asking.member.click(
        refused.response, label=messages.ASK_MODERATORS_LABELS["ask"](Language.GERMAN)
    )

    assert said(result) == messages.handed_on(mine=True, quiet=False, language=Language.GERMAN)
    posted = [one.content for one in asking.review.history()]
    assert any("Ein Mitglied fragt die Moderation" in one for one in posted)


async def test_a_member_who_is_forgotten_stands_nowhere_and_it_is_not_asked_again(
    asking: World,
) -> None:
    refused = await asking.ask(UNKNOWN)
    await asking.ask(UNKNOWN, by=asking.second_member)
    await pressed(asking.member, refused)

    def forgotten(core: Core) -> list[int]:
        core.store.personal_data.forget(asking.member.id, withdraw=False)
        return [row["member_id"] for row in core.store.database.rows("select * from handed_on")]

    assert await asking.core(forgotten) == [0]
