"""Digests are posted once each, to nobody who may not read them, whatever goes wrong."""

from collections.abc import Callable
from datetime import UTC, datetime

import discord
from simcord import Env
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.core.core import Core
from bot.interactions.kit.layouts import components_of
from bot.process.client import Bot
from bot.statistics import weekly_messages as digest_messages
from bot.statistics import weekly_schedule as schedule
from knowledge.values.guilds import Language
from knowledge.values.weekly_digests import Edition
from tests.bot.digests import chosen, its_time_comes, posted
from tests.bot.steps import restarted
from tests.bot.town import VIEW, Town
from tests.bot.world import UNKNOWN, World, build_world, buttons, text_of

STAFF = "Xylophone budget of the staff"


async def lively(world: World) -> None:
    """A week in which something was asked and answered, or not, and what helped."""
    await world.publish()
    answered = await world.ask()
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN, by=world.second_member)
    await world.propose("Ferries", "Ferries leave at nine.")


async def test_moderators_are_told_what_was_asked_and_what_is_to_be_done(world: World) -> None:
    await chosen(world, world.review)
    await lively(world)

    await its_time_comes(world)

    [digest] = posted(world.review)
    assert digest_messages._ASKED(
        Language.ENGLISH, questions="**3 questions**", answered=1, refused=2, solved=1
    ) in text_of(digest)
    assert f"“{UNKNOWN}”\n-# asked 2 times by 2 members" in text_of(digest)
    assert digest_messages._PENDING(1, Language.ENGLISH) in text_of(digest)
    assert digest_messages._THANKS(
        Language.ENGLISH, names=f"**mia\\-{world.guild.id}**"
    ) in text_of(digest)
    assert digest.flags.suppress_notifications
    assert buttons(digest) == ["Write this note", "Point to …", "Dismiss"]


async def test_a_digest_comes_once_a_week_and_tells_only_what_is_new(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)
    await its_time_comes(world)
    assert len(posted(world.review)) == 1

    await its_time_comes(world, weeks=1)

    # The gap is open still, but nobody has asked again.
    assert len(posted(world.review)) == 1


async def test_everybody_is_told_which_notes_are_new_and_what_they_answer(world: World) -> None:
    await chosen(world, world.general, Edition.EVERYBODY)
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN} please", by=world.second_member, private=True)
    await world.publish(UNKNOWN, f"The {UNKNOWN}: it leaves at nine.")
    await world.env.settle()

    await its_time_comes(world)
    await its_time_comes(world, weeks=1)

    [digest] = posted(world.general)
    assert f"**{UNKNOWN}** by mia" in text_of(digest)
    assert f"answers “{UNKNOWN}”" in text_of(digest)
    assert "more question" not in text_of(digest)
    assert "please" not in text_of(digest)


async def test_what_was_asked_privately_or_among_staff_is_told_to_moderators_alone(
    world: World,
) -> None:
    await chosen(world, world.general)
    await chosen(world, world.help, Edition.EVERYBODY)
    await world.ask(STAFF, private=True)
    await world.moderator.slash(world.review, "ask", question=f"{STAFF}?")
    await world.publish(STAFF, f"The {STAFF} is small.")
    await world.env.settle()
    await world.ask("Yeti diet", private=True)

    await its_time_comes(world)

    [told] = posted(world.general)
    assert "**1 open gap**" in text_of(told)
    assert "Yeti" not in text_of(told)
    assert buttons(told) == []
    [public] = posted(world.help)
    assert f"**{STAFF}**" in text_of(public)
    assert "answers" not in text_of(public)

    await chosen(world, world.review)
    await its_time_comes(world)
    assert "Yeti diet" in text_of(posted(world.review)[0])


def described(digest: discord.Message) -> str:
    """The description of a digest's picture, which its layout has, too."""
    [file] = digest.attachments
    [item] = [
        item
        for part in components_of(digest)
        if isinstance(part, discord.MediaGalleryComponent)
        for item in part.items
    ]
    assert file.description == item.description
    return file.description or ""


async def test_the_overview_shows_what_all_readers_of_its_channel_may_read(
    world: World, town: Town
) -> None:
    await world.ask(UNKNOWN)
    await world.ask("Yeti diet", private=True)
    await world.moderator.slash(town.staff, "ask", question="Budget among colleagues")
    await world.ask("Quokka taming", by=world.second_member)
    await world.core(lambda core: core.store.quote_opt_outs.withhold(world.second_member.id))
    told = {}
    for channel in (world.general, world.review):
        await chosen(world, channel)
        await its_time_comes(world)
        told[channel] = described(posted(channel)[0])

    for said in told.values():
        assert f"{UNKNOWN} –" in said
        assert "4 questions" in said
        assert "Yeti" not in said
        assert "Quokka" not in said
    assert "Budget" not in told[world.general]
    assert "Budget" in told[world.review]


async def test_a_digest_has_text_in_place_of_a_picture_that_may_not_be_attached(
    world: World,
) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    refused = discord.Permissions(attach_files=True).value
    overwrite = Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=VIEW, deny=refused)
    world.env.backend.set_overwrite(world.review.id, overwrite)

    await its_time_comes(world)

    [digest] = posted(world.review)
    assert digest.attachments == []
    assert f"- {UNKNOWN} – 1 time by 1 member, 1 not answered" in text_of(digest)


async def test_everybodys_digest_has_no_overview(world: World) -> None:
    await chosen(world, world.general, Edition.EVERYBODY)
    await lively(world)

    await its_time_comes(world)

    [digest] = posted(world.general)
    assert digest.attachments == []
    assert UNKNOWN not in text_of(digest)


async def test_nothing_is_posted_where_there_is_nothing_to_tell(world: World) -> None:
    await chosen(world, world.review)
    await chosen(world, world.general, Edition.EVERYBODY)

    await its_time_comes(world)

    assert posted(world.review) == posted(world.general) == []


async def test_a_digest_is_not_posted_again_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)
    await restarted(world, new_bot)

    await its_time_comes(world)

    assert len(posted(world.review)) == 1


async def test_a_digest_whose_mark_was_lost_is_known_again_by_what_stands_in_its_channel(
    world: World,
) -> None:
    """As when the process died before Discord's answer came, or an older backup was restored."""
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)

    def forget(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("update digests set settled_at = null, claimed_at = null")

    await world.core(forget)
    await world.core(
        lambda core: core.store.guilds.change(
            world.guild.id, {"language": Language.GERMAN}, None, world.admin.id
        )
    )
    world.bot.guild_settings.forget(world.guild.id)
    await its_time_comes(world)

    assert len(posted(world.review)) == 1


async def test_where_the_past_can_not_be_read_a_cut_off_digest_is_not_risked_twice(
    world: World,
) -> None:
    hidden = world.guild.create_text_channel(
        "hidden",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: discord.PermissionOverwrite(
                view_channel=True, read_message_history=False
            ),
        },
    )
    digest = await chosen(world, hidden)
    await world.ask(UNKNOWN)
    at = schedule.next_time(digest, datetime.now(UTC))
    await world.core(lambda core: core.store.digests.claim(digest, at))

    await its_time_comes(world)

    assert posted(hidden) == []


async def test_where_the_past_can_not_be_read_what_was_just_refused_is_sent_again(
    world: World,
) -> None:
    unread = discord.PermissionOverwrite(view_channel=True, read_message_history=False)
    hidden = world.guild.create_text_channel("hidden", overwrites={world.bot_role: unread})
    await chosen(world, hidden)
    await world.ask(UNKNOWN)
    path = f"/channels/{hidden.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)

    await its_time_comes(world)
    await its_time_comes(world)

    assert len(posted(hidden)) == 1


async def test_what_discord_could_not_take_is_posted_by_the_next_round(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    path = f"/channels/{world.review.id}/messages"
    world.env.inject_error("POST", path, status=500, code=0)
    await its_time_comes(world)
    assert posted(world.review) == []

    await its_time_comes(world)

    assert len(posted(world.review)) == 1


async def test_where_its_channel_is_closed_the_digest_of_moderators_comes_where_they_review(
    world: World,
) -> None:
    lost = world.guild.create_text_channel("lost")
    await chosen(world, lost)
    await world.ask(UNKNOWN)
    world.env.backend.delete_channel(lost.id)
    await world.env.settle()

    await its_time_comes(world)
    await its_time_comes(world)

    [digest] = posted(world.review)
    assert digest_messages._MOVED(Language.ENGLISH, channel=f"<#{lost.id}>") in text_of(digest)


async def test_administrators_are_told_once_of_a_digest_without_a_channel(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={world.bot_role: discord.PermissionOverwrite(send_messages=False)},
    )
    await chosen(world, closed, Edition.EVERYBODY)
    await world.publish()

    for weeks in range(3):
        await its_time_comes(world, weeks)

    told = [one.content for one in world.review.history() if "can't be posted" in one.content]
    assert len(told) == 1
    assert f"<#{closed.id}>" in told[0]


async def test_what_could_not_be_posted_is_told_by_the_first_digest_that_can(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed", overwrites={world.bot_role: discord.PermissionOverwrite(send_messages=False)}
    )
    await chosen(world, closed, Edition.EVERYBODY)
    await world.publish()
    await its_time_comes(world)
    world.env.backend.delete_overwrite(closed.id, world.bot_role.id)

    await its_time_comes(world, weeks=1)

    assert len(posted(closed)) == 1


async def test_a_guild_that_discord_refuses_keeps_no_other_from_its_digest(
    simcord_env: Env, world: World
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    for one in (world, other):
        await chosen(one, one.review)
        await one.ask(UNKNOWN)
    world.env.inject_error("POST", f"/channels/{world.review.id}/messages", status=500, code=0)

    await its_time_comes(world)

    assert (len(posted(world.review)), len(posted(other.review))) == (0, 1)


async def test_a_digest_is_caught_up_with_when_the_bot_was_off(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)

    await its_time_comes(world, days=2)

    assert len(posted(world.review)) == 1


async def test_after_more_days_off_its_week_is_told_by_the_next_one(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)

    await its_time_comes(world, days=4)
    assert posted(world.review) == []
    await its_time_comes(world, weeks=1)

    [digest] = posted(world.review)
    assert "**1 question**" in text_of(digest)


async def test_the_buttons_of_a_digest_work_after_a_restart_and_for_moderators_alone(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)
    [digest] = posted(world.review)
    await restarted(world, new_bot)
    world.env.backend.remove_member_role(
        world.guild.id, world.second_moderator.id, world.moderator_role.id
    )

    refused = world.press(world.second_moderator, digest, "digest:1:dismiss")
    pointless = world.press(world.second_moderator, digest, "digest:1:point")
    await world.env.settle()
    pointed = await world.moderator.click(digest, label="Point to …")
    form = await world.moderator.click(digest, label="Write this note")
    gone = await world.moderator.click(digest, label="Dismiss")

    assert "Only moderators" in str(refused.response and refused.response.content)
    assert "Only moderators" in str(pointless.response and pointless.response.content)
    assert pointed.modal is not None
    assert form.modal is not None
    assert UNKNOWN in str(form.modal)
    assert "Dismissed" in str(gone.response and gone.response.content)
    assert UNKNOWN in text_of(posted(world.review)[0])
