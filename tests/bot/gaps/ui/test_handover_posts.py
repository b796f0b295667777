"""Posts of hand-overs: the channel, its readers, and deleted posts."""

from typing import Any

import discord
import pytest
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.gaps import handover_messages
from knowledge.values.questions import NotHandedOn
from tests.bot.faults import fail
from tests.bot.gaps.handing_over import Helping, post, posts
from tests.bot.message_parts import said
from tests.bot.spoken import english
from tests.bot.world import UNKNOWN, NewBot


async def test_text_channels_get_threads_forums_posts(helping: Helping) -> None:
    world = helping.world
    world.env.backend.edit_role(
        world.guild.id,
        world.bot_role.id,
        {
            "permissions": discord.Permissions(create_public_threads=True).value
            | world.env.backend.get_role(world.guild.id, world.bot_role.id).permissions
        },
    )
    desk = world.guild.create_text_channel("desk", overwrites=helping.closed())
    await helping.choose(handover_channel_id=desk.id)
    await helping.hand_over()

    [asked] = posts(desk)
    assert [one.name for one in desk.threads] == [UNKNOWN]
    forum = helping.forum()
    await helping.choose(handover_channel_id=forum.id)
    refused = await world.ask("Quokka habitat size", by=world.second_member)
    assert refused.response is not None
    await world.second_member.click(refused.response, label="Ask the moderators")

    [thread] = forum.threads
    assert thread.name == "Quokka habitat size"
    [opened] = posts(thread)
    await helping.helper.click(opened, label="Claim")
    assert "**Claimed**" in posts(thread)[0].content
    assert asked.id != opened.id


async def test_private_questions_are_posted_among_helpers(helping: Helping) -> None:
    world = helping.world
    await helping.choose(handover_channel_id=world.help.id, review_channel_id=world.help.id)
    refused = await helping.hand_over(private=True)
    assert said(refused) == english(handover_messages.refusal, NotHandedOn.PRIVATE)
    assert await world.core(lambda core: core.store.handovers.of_guild(world.guild.id)) == {}

    await helping.choose(review_channel_id=world.review.id)
    await helping.hand_over(private=True)

    assert posts(world.help) == []
    assert len(posts(world.review)) == 1


async def test_closed_channels_questions_gain_no_readers(helping: Helping) -> None:
    world = helping.world
    await helping.choose(handover_channel_id=world.help.id)
    staff = world.guild.create_text_channel("staff", overwrites=helping.closed())
    refused = await helping.helper.slash(staff, "ask", question=UNKNOWN)
    assert refused.response is not None

    await helping.helper.click(refused.response, label="Ask the moderators")

    assert posts(world.help) == []
    assert len(posts(world.review)) == 1
    await world.second_member.slash(world.general, "ask", question="Quokka habitat size")
    asked = world.general.last_message
    assert asked is not None
    await world.second_member.click(asked, label="Ask the moderators")
    assert len(posts(world.help)) == 1


@pytest.mark.parametrize("error", [(403, 50013), (400, 50035)])
async def test_a_refused_post_goes_to_review(helping: Helping, error: tuple[int, int]) -> None:
    world = helping.world
    forum = helping.forum()
    await helping.choose(handover_channel_id=forum.id)
    fail(world, "POST", f"/channels/{forum.id}/threads", error)

    await helping.hand_over()

    assert len(posts(world.review)) == 1


async def test_a_deleted_message_is_not_posted_again(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    message = post(helping)
    await world.admin_deletes(message)
    world.press(helping.helper, await _other(helping), "handover:1:claim")
    await world.env.settle()
    await world.bot.outbox.catch_up()

    assert posts(world.review) == []
    found = await helping.standing()
    assert (found.helper_id, found.message_id) == (helping.helper.id, None)


async def test_a_deleted_forum_post_is_not_posted_again(helping: Helping) -> None:
    world = helping.world
    forum = helping.forum()
    await helping.choose(handover_channel_id=forum.id)
    await helping.hand_over()
    [thread] = forum.threads
    world.env.backend.delete_channel(thread.id)
    world.press(helping.helper, await _other(helping), "handover:1:claim")
    await world.env.settle()
    await world.bot.outbox.catch_up()

    assert forum.threads == []
    assert posts(world.review) == []
    assert (await helping.standing()).message_id is None


async def test_without_threads_the_message_is_enough(helping: Helping) -> None:
    world = helping.world
    denied = discord.Permissions(create_public_threads=True).value
    allowed = discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(
        world.review.id,
        Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=allowed, deny=denied),
    )

    await helping.hand_over()

    assert world.review.threads == []
    assert (
        said(await helping.answer(post(helping)))
        == f"{english(handover_messages._THANKS)} {english(handover_messages._MAY_PROPOSE)}"
    )


async def _other(helping: Helping) -> discord.Message:
    return await helping.world.moderator.send(helping.world.review, "hello")


async def test_a_pruned_question_cannot_be_claimed(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await world.core(lambda core: core.store.personal_data.forget(world.member.id, withdraw=False))

    click = await helping.helper.click(post(helping), label="Claim")

    assert [sent.content for sent in click.followups] == [english(handover_messages.GONE)]


async def test_earlier_hand_overs_get_a_note(helping: Helping, new_bot: NewBot) -> None:
    world = helping.world
    await world.ask(UNKNOWN)

    def earlier(core: Any) -> None:
        with core.store.database.writing():
            core.store.database.run(
                "insert into handed_on (question_id, guild_id, member_id, at, changed_at, posted) "
                "values (1, ?, ?, '2025-01-01T00:00:00+00:00', '2025-01-01T00:00:00+00:00', 1)",
                [world.guild.id, world.member.id],
            )

    await world.core(earlier)
    await world.start_again(new_bot)
    await world.bot.outbox.catch_up()
    assert posts(world.review) == []
    assert (await helping.standing()).stale

    form = world.press(world.moderator, await _other(helping), "gap:1:write")
    await world.env.settle()
    assert form.modal is not None
