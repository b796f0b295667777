"""Each digest is posted once, for permitted readers only, despite errors."""

from datetime import UTC, datetime

import discord
from simcord import Env
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.core.core import Core
from bot.interactions.kit.layouts import components_of
from bot.statistics import weekly
from knowledge.values.guilds import Language
from knowledge.values.settings import Edition
from tests.bot.digests import chosen, its_time_comes, posted
from tests.bot.message_parts import buttons, text_of
from tests.bot.spoken import english
from tests.bot.world import UNKNOWN, VIEW, NewBot, Town, World, build_world

STAFF = "Xylophone budget of the staff"


def described(digest: discord.Message) -> str:
    """The description of a digest's picture, equal in its layout."""
    [file] = digest.attachments
    [item] = [
        item
        for part in components_of(digest)
        if isinstance(part, discord.MediaGalleryComponent)
        for item in part.items
    ]
    assert file.description == item.description
    return file.description or ""


async def test_a_forbidden_picture_becomes_text(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    refused = discord.Permissions(attach_files=True).value
    overwrite = Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=VIEW, deny=refused)
    world.env.backend.set_overwrite(world.review.id, overwrite)

    await its_time_comes(world)

    [digest] = posted(world.review)
    assert digest.attachments == []
    assert f"- {UNKNOWN} – 1 time by 1 member, 1 not answered" in text_of(digest)


async def test_an_unrecorded_digest_is_recognised(world: World) -> None:
    """The process died before Discord answered, or an older backup was restored."""
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)

    def forget(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("update digests set settled_at = null, claimed_at = null")

    await world.core(forget)
    await world.core(
        lambda core: core.store.guilds.change(
            world.guild.id, {"language": Language.GERMAN}, world.admin.id
        )
    )
    world.bot.guild_settings.forget(world.guild.id)
    await its_time_comes(world)

    assert len(posted(world.review)) == 1


async def test_a_lost_channel_is_replaced_by_review(world: World) -> None:
    lost = world.guild.create_text_channel("lost")
    await chosen(world, lost)
    await world.ask(UNKNOWN)
    world.env.backend.delete_channel(lost.id)
    await world.env.settle()

    await its_time_comes(world)
    await its_time_comes(world)

    [digest] = posted(world.review)
    assert english(weekly.MOVED, channel=f"<#{lost.id}>") in text_of(digest)


async def test_moderators_digests_need_news(world: World) -> None:
    await chosen(world, world.review)
    await chosen(world, world.general, Edition.EVERYBODY)
    await its_time_comes(world)
    assert posted(world.review) == posted(world.general) == []
    await chosen(world, world.review)
    await world.publish()
    answered = await world.ask()
    assert answered.response is not None
    await world.second_member.click(answered.response, label="Helpful")
    await world.ask(UNKNOWN)
    await world.ask(UNKNOWN, by=world.second_member)
    await world.propose("Ferries", "Ferries leave at nine.")

    await its_time_comes(world)
    await its_time_comes(world)

    [digest] = posted(world.review)
    said = text_of(digest)
    assert "**3 questions**: 1 answered, 0 answered in part, 2 unanswered, 1 rated helpful." in said
    assert f"“{UNKNOWN}”\n-# asked 2 times by 2 members" in said
    assert "**1 note** awaits a decision" in said
    assert f"**Thank you**, **mia\\-{world.guild.id}**: your notes helped others." in said
    assert digest.flags.suppress_notifications
    assert buttons(digest) == ["Write this note", "Point to …", "Dismiss"]


async def test_an_old_gap_is_no_news(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)

    await its_time_comes(world, weeks=1)

    assert len(posted(world.review)) == 1


async def test_the_public_digest_names_notes_and_questions(world: World) -> None:
    await chosen(world, world.general, Edition.EVERYBODY)
    await world.ask(UNKNOWN)
    await world.ask(f"{UNKNOWN} please", by=world.second_member, private=True)
    await world.publish(UNKNOWN, f"The {UNKNOWN}: it leaves at nine.")
    await world.ask("Yeti diet")
    await world.env.settle()

    await its_time_comes(world)
    await its_time_comes(world, weeks=1)

    [digest] = posted(world.general)
    said = text_of(digest)
    assert f"**{UNKNOWN}** by mia" in said
    assert f"answers “{UNKNOWN}”" in said
    for hidden in ("more question", "please", "Yeti"):
        assert hidden not in said
    assert digest.attachments == []


async def test_a_digest_shows_no_words_that_a_reader_of_its_channel_may_not_read(
    world: World, town: Town
) -> None:
    await world.ask(STAFF, private=True)
    await world.moderator.slash(world.review, "ask", question=f"{STAFF}?")
    await world.publish(STAFF, f"The {STAFF} is small.")
    await world.env.settle()
    await world.ask(UNKNOWN)
    await world.ask("Yeti diet", private=True)
    await world.moderator.slash(town.staff, "ask", question="Budget among colleagues")
    await world.ask("Quokka taming", by=world.second_member)
    await world.core(lambda core: core.store.quote_opt_outs.withhold(world.second_member.id))
    await chosen(world, world.general)
    await chosen(world, world.help, Edition.EVERYBODY)

    await its_time_comes(world)
    await chosen(world, world.review)
    await its_time_comes(world)

    [open_to_all], [for_moderators] = posted(world.general), posted(world.review)
    assert "**4 open gaps**" in text_of(open_to_all)
    assert f"“{UNKNOWN}”" in text_of(open_to_all)
    assert "Yeti" not in text_of(open_to_all)
    assert "Yeti diet" in text_of(for_moderators)
    [for_everyone] = posted(world.help)
    assert f"**{STAFF}**" in text_of(for_everyone)
    assert "answers" not in text_of(for_everyone)
    for digest, staff in ((open_to_all, False), (for_moderators, True)):
        picture = described(digest)
        assert f"{UNKNOWN} –" in picture
        assert "6 questions" in picture
        assert ("Budget" in picture, STAFF in picture) == (staff, staff)
        assert "Yeti" not in picture
        assert "Quokka" not in picture


async def test_a_digest_is_resent_only_if_discord_drops_copies(world: World) -> None:
    """The bot can't read the channel's history, so it relies on Discord's check of nonces."""
    unread = discord.PermissionOverwrite(view_channel=True, read_message_history=False)
    hidden = world.guild.create_text_channel("hidden", overwrites={world.bot_role: unread})
    await chosen(world, hidden)
    await world.ask(UNKNOWN)
    await world.publish()
    # Claimed by another process, which may have sent it before it died.
    claimed = await chosen(world, hidden, Edition.EVERYBODY)
    at = weekly.next_time(claimed, datetime.now(UTC))
    await world.core(lambda core: core.store.digests.claim(claimed, at))
    world.env.inject_error("POST", f"/channels/{hidden.id}/messages", status=500, code=0)

    await its_time_comes(world)
    assert posted(hidden) == []
    await its_time_comes(world)

    [digest] = posted(hidden)
    assert weekly.is_digest(text_of(digest), Edition.MODERATORS, at)


async def test_a_closed_channel_is_reported_once(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed", overwrites={world.bot_role: discord.PermissionOverwrite(send_messages=False)}
    )
    await chosen(world, closed, Edition.EVERYBODY)
    await world.publish()
    for weeks in range(3):
        await its_time_comes(world, weeks)
    told = [one.content for one in world.review.history() if "can't be posted" in one.content]
    assert len(told) == 1
    assert f"<#{closed.id}>" in told[0]
    world.env.backend.delete_overwrite(closed.id, world.bot_role.id)

    await its_time_comes(world, weeks=3)

    assert len(posted(closed)) == 1


async def test_refused_digests_delay_no_guild(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    for one in (world, other):
        await chosen(one, one.review)
        await one.ask(UNKNOWN)
    world.env.inject_error("POST", f"/channels/{world.review.id}/messages", status=500, code=0)

    await its_time_comes(world)
    assert (len(posted(world.review)), len(posted(other.review))) == (0, 1)

    await its_time_comes(world)
    assert (len(posted(world.review)), len(posted(other.review))) == (1, 1)


async def test_a_digest_covers_the_missed_week(world: World) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)

    await its_time_comes(world, days=4)
    assert posted(world.review) == []
    await its_time_comes(world, weeks=1)

    [digest] = posted(world.review)
    assert "**1 question**" in text_of(digest)


async def test_a_digests_buttons_survive_restarts(world: World, new_bot: NewBot) -> None:
    await chosen(world, world.review)
    await world.ask(UNKNOWN)
    await its_time_comes(world)
    [digest] = posted(world.review)
    await world.start_again(new_bot)
    world.demote(world.second_moderator)

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
    # The digest is unchanged, and no copy is posted.
    await its_time_comes(world)
    [left] = posted(world.review)
    assert UNKNOWN in text_of(left)
