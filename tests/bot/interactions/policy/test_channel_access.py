"""Messages of a staff channel are quoted to staff alone, on every path."""

from typing import Final

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import ChannelType, OverwriteType

from bot.ask import messages as ask_messages
from bot.config.settings import Settings, SourceSettings
from bot.interactions.policy.channel_access import (
    all_readable_by,
    all_readable_by_viewers,
    viewers_may_read,
    visible_without_roles,
)
from bot.review import messages as review_messages
from bot.review.ui.golden_questions import GoldenChecks
from bot.review.ui.panel import ReviewPage
from tests.bot.components import part
from tests.bot.forum import QUESTION as FORUM_QUESTION
from tests.bot.forum import TITLE as FORUM_TITLE
from tests.bot.forum import make_forum, read
from tests.bot.message_parts import everything, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import (
    HEADLINE,
    OTHER_PASSAGES,
    QUESTION,
    SECRET,
    TEXT,
    UNKNOWN,
    VIEW,
    Town,
    World,
    in_menu,
    is_told,
    looked_into,
)

OPEN_QUESTION: Final = "What is open source AI?"


def told_in(channel: ChannelHandle) -> str:
    """The public messages of a channel."""
    return "\n".join(text_of(one) for one in channel.history() if not one.flags.ephemeral)


# Public questions.


async def test_a_staff_channel_is_quoted_among_staff_alone(town: Town) -> None:
    world = town.world
    assert world.bot.user is not None
    mention = f"{world.bot.user.mention} {QUESTION}"
    threads = [
        town.thread_in(world.general, kind)
        for kind in (ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD)
    ]

    for place in (town.staff, town.thread, world.review):
        among_staff = await world.moderator.slash(place, "ask", question=QUESTION)
        assert is_told(everything(among_staff))
    await world.moderator.send(town.staff, mention)
    assert is_told(told_in(town.staff))
    for place in threads:
        await world.moderator.slash(place, "ask", question=QUESTION)
        assert not is_told(told_in(place))
    await world.moderator.send(world.general, mention)
    assert told_in(world.general).endswith(ask_messages.ASK_ALONE.english)
    assert not is_told(told_in(world.general))
    assert await world.gaps(world.guild.id) == []
    town.show(world.review, world.member.id, OverwriteType.MEMBER)
    before_guest = told_in(world.review)
    await world.moderator.slash(world.review, "ask", question=QUESTION)
    assert told_in(world.review) == before_guest
    refused = await world.ask()
    assert english(ask_messages.refusal) in everything(refused)


async def test_an_asker_with_more_access_than_the_channel_is_answered_alone(town: Town) -> None:
    world = town.world
    await town.say(town.staff, f"{SECRET} What is open source AI? Staff call it a xylophone.")

    for number, question in enumerate((QUESTION, OPEN_QUESTION), start=1):
        result = await world.ask(question, by=world.moderator)

        assert told_in(world.general) == ""
        [alone] = result.followups
        assert alone.ephemeral
        assert text_of(alone).startswith(ask_messages.FOR_YOU_ALONE.english)
        assert is_told(text_of(alone))
        assert (await world.recorded(number)).private


async def test_changed_permissions_count_at_once(town: Town) -> None:
    world = town.world
    await town.say(world.help)
    assert is_told(everything(await world.ask()))
    # Direct messages quote no server's channel.
    await world.moderator.send_dm(QUESTION)
    assert not is_told(told_in(world.moderator.user.dm_channel))

    town.hide(world.help, world.guild.id)
    assert not is_told(everything(await world.ask()))
    assert not is_told(everything(await world.ask(private=True)))

    world.env.backend.delete_overwrite(town.staff.id, world.guild.id)
    assert is_told(everything(await world.ask()))


# Private questions.


async def test_a_private_answer_follows_its_askers_access(town: Town) -> None:
    world = town.world
    asked = await world.second_member.send(world.general, QUESTION)
    about = [
        await who.context_menu(world.general, "Ask about this", asked)
        for who in (world.member, world.moderator)
    ]
    answered = await world.ask(by=world.moderator, private=True)
    assert answered.ephemeral
    assert [is_told(everything(one)) for one in (*about, answered)] == [False, True, True]
    assert not is_told(everything(await world.ask(private=True)))

    world.demote(world.moderator)
    again = await world.ask(by=world.moderator, private=True)
    old = [
        await _clicked(world.moderator, answered, label)
        for label in (OTHER_PASSAGES, "Why this answer?")
    ]

    assert not is_told("".join([everything(again), *old]))


# The buttons of an answer.


async def _clicked(actor: MemberActor, answer: InteractionResult, label: str) -> str:
    assert answer.response is not None
    return await looked_into(actor, answer.response, label)


async def test_buttons_work_for_the_answers_viewers(town: Town) -> None:
    world = town.world
    among_staff = await world.moderator.slash(town.staff, "ask", question=QUESTION)
    for label in (OTHER_PASSAGES, "Why this answer?"):
        assert is_told(await _clicked(world.second_moderator, among_staff, label))
    await world.moderator.slash(town.staff, "ask", question=OPEN_QUESTION)
    await world.ask(OPEN_QUESTION, by=world.moderator, private=True)
    for kind in (ChannelType.PRIVATE_THREAD, ChannelType.PUBLIC_THREAD):
        thread = town.thread_in(world.general, kind)
        await world.moderator.slash(thread, "ask", question=OPEN_QUESTION)
    other = await world.ask("Anything else")
    assert other.response is not None
    message = other.response.message
    before = world.general.last_message

    async def forged(custom_id: str) -> str:
        pressed = world.press(world.member, message, custom_id)
        await world.env.settle()
        return everything(pressed)

    # Asked among staff, privately, and in a private thread.
    for number in (1, 2, 3, 4):
        for action in ("why", "share", "helpful"):
            told = await forged(f"answer:{number}:{action}")
            assert told == ask_messages.FEEDBACK_GONE.english
    assert world.general.last_message == before
    in_public_thread = await forged("answer:5:why")
    assert in_public_thread != ask_messages.FEEDBACK_GONE.english


async def _shared(town: Town, question: str) -> tuple[str, str]:
    """The response to a shared private answer, and the channel as a member then sees it."""
    answer = await town.world.ask(question, by=town.world.moderator, private=True)
    assert answer.response is not None
    shared = await in_menu(town.world.moderator, answer.response, "Share with everyone here")
    assert shared.response is not None
    seen = town.world.general.history(viewer=town.world.member)
    return text_of(shared.response), "\n".join(text_of(message) for message in seen)


async def test_sharing_leaves_out_what_viewers_may_not_read(town: Town) -> None:
    world = town.world
    assert await _shared(town, QUESTION) == (ask_messages.NOT_FOR_EVERYBODY.english, "")
    assert await world.gaps(world.guild.id) == []

    said, seen = await _shared(town, OPEN_QUESTION)
    assert said == ask_messages.SHARED.english
    assert OPEN_QUESTION in seen

    await world.publish("Meetup in Lisbon", TEXT)
    said, seen = await _shared(town, QUESTION)
    assert said == ask_messages.SHARED_IN_PART.english
    assert "Rua Augusta" in seen
    assert not is_told(seen)


async def test_a_shared_answer_counts_once_for_all(town: Town) -> None:
    answer = await town.world.ask(OPEN_QUESTION, private=True)
    assert answer.response is not None
    shared = await in_menu(town.world.member, answer.response, "Share with everyone here")
    [public] = shared.followups

    more = await looked_into(town.world.second_member, public, OTHER_PASSAGES)

    assert more
    assert ask_messages.FEEDBACK_GONE.english not in more
    counts = await town.world.core(lambda core: core.counts(town.world.guild.id))
    assert counts["questions"] == 1


# Messages that the bot sends unasked.


async def test_a_notice_keeps_channels_confidential(town: Town) -> None:
    ferry = "The Zanzibar ferry timetable"
    await town.say(town.staff, f"{ferry}: xylophones leave at nine and at four.", UNKNOWN)
    await town.world.ask(UNKNOWN)

    await town.world.publish(UNKNOWN, f"{ferry}: it leaves at nine and at four.")
    await town.world.env.settle()

    told = text_of(town.world.general.history(viewer=town.world.member)[-1])
    assert "Now there's an answer" in told
    assert not is_told(told)


# Contributing and reviewing.


async def _near(town: Town, actor: MemberActor) -> str:
    form = await actor.slash(town.world.general, "note add")
    values = {"title": "Meetup", "text": SECRET.replace("Bring", "Do bring")}
    return everything(await actor.submit_modal(form, values))


async def test_a_contributor_reads_only_permitted_like_texts(town: Town) -> None:
    assert HEADLINE in await _near(town, town.world.moderator)
    assert HEADLINE not in await _near(town, town.world.member)


async def test_a_card_keeps_to_its_channels_access(town: Town) -> None:
    await town.world.propose("Meetup", TEXT)
    assert HEADLINE in text_of(town.world.card)

    town.show(town.world.review, town.world.member.id, OverwriteType.MEMBER)
    await town.world.propose("Another meetup", TEXT)
    assert HEADLINE not in text_of(town.world.card)


async def test_impact_names_no_channel_messages(town: Town) -> None:
    await town.world.moderator.slash(town.staff, "ask", question=QUESTION)
    town.hide(town.staff, town.world.moderator_role.id)
    await town.world.propose("Meetup", f"{QUESTION}? {TEXT}")

    shown = everything(
        await town.world.moderator.click(town.world.card, label="What would change?")
    )

    assert review_messages.SAID_SOMEWHERE.english in shown
    assert not is_told(shown)


async def test_changed_answers_show_channels_to_readers_only(town: Town) -> None:
    world = town.world
    await world.choose(golden_questions="yes")
    answer = await world.moderator.slash(town.staff, "ask", question=QUESTION)
    await world.moderator.click(shown_message(answer), label="Helpful")
    await part(world.bot, GoldenChecks).round()
    await world.add_note(QUESTION, f"{QUESTION}: at nine.")
    await part(world.bot, GoldenChecks).round()
    assert f"a message in <#{town.staff.id}>" in text_of(
        await world.open_review(ReviewPage.CHANGES)
    )

    town.hide(town.staff, world.moderator_role.id)
    shown = text_of(await world.open_review(ReviewPage.CHANGES))
    assert review_messages.SAID_SOMEWHERE.english in shown
    assert str(town.staff.id) not in shown
    assert not is_told(shown)


# Figures and stored data.


async def test_figures_show_what_their_reader_may_read(town: Town) -> None:
    async def documents(actor: MemberActor) -> str:
        return everything(await actor.slash(town.world.general, "stats")).split("documents")[0]

    await town.world.moderator.slash(town.staff, "ask", question=QUESTION)
    stats = await town.world.moderator.slash(town.world.general, "stats")
    assert not is_told(everything(stats))

    mine, theirs = [await documents(who) for who in (town.world.member, town.world.moderator)]
    assert mine != theirs
    await town.forget(f"chat:{town.staff.id}")
    assert await documents(town.world.moderator) == mine


async def test_a_deleted_message_is_nowhere(town: Town) -> None:
    private = await town.world.ask(by=town.world.moderator, private=True)
    public = await town.world.moderator.slash(town.staff, "ask", question=QUESTION)

    await town.forget(f"chat:{town.staff.id}")

    again = await town.world.ask(by=town.world.moderator, private=True)
    assert not is_told(everything(again))
    for answer in (private, public):
        for label, gone in (
            (OTHER_PASSAGES, ask_messages.NO_LONGER_QUOTED),
            ("Why this answer?", ask_messages.NO_LONGER_THERE),
        ):
            shown = await _clicked(town.world.moderator, answer, label)
            assert not is_told(shown)
            assert gone.english in shown
    folder = town.world.bot.settings.data.folder
    community = [path.read_bytes() for path in folder.glob("community.db*")]
    assert community
    assert not any(b"xylophone" in data.lower() for data in community)


# From `/source add` to an answer.


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data=settings.data,
        questions=settings.questions,
        sources=SourceSettings(channels=True, web_hours=0),
    )


async def test_a_public_forum_is_quoted(world: World) -> None:
    forum = make_forum(world)
    await forum.solved()
    await world.admin.slash(world.general, "source add", channel=forum.channel)
    await read(world)

    in_public = everything(await world.ask(FORUM_QUESTION))
    world.env.backend.set_overwrite(
        forum.id, Overwrite(world.guild.id, OverwriteType.ROLE, deny=VIEW)
    )
    world.env.backend.set_overwrite(
        forum.id, Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=VIEW)
    )
    hidden = everything(await world.ask(FORUM_QUESTION))

    assert FORUM_TITLE in in_public
    assert FORUM_TITLE not in hidden


# Viewers of a channel.


async def test_one_more_viewer_opens_a_closed_channel(world: World) -> None:
    def channel(of: ChannelHandle) -> discord.TextChannel:
        found = world.bot.get_channel(of.id)
        assert isinstance(found, discord.TextChannel)
        return found

    moderators = [world.moderator_role.id]
    # Roles that manage the server, and bots, don't count.
    assert not visible_without_roles(channel(world.review), moderators)
    assert visible_without_roles(channel(world.review), [])
    # Every member has the server's own role.
    assert visible_without_roles(channel(world.general), [*moderators, world.guild.id])

    guests = world.guild.create_role("Guests")
    for who, kind in (
        (guests.id, OverwriteType.ROLE),
        (world.member.id, OverwriteType.MEMBER),
    ):
        world.env.backend.set_overwrite(world.review.id, Overwrite(who, kind, allow=VIEW))
        await world.env.settle()
        assert visible_without_roles(channel(world.review), moderators)
        assert not viewers_may_read(world.bot, channel(world.general), channel(world.review))
        assert viewers_may_read(world.bot, channel(world.review), channel(world.general))
        world.env.backend.delete_overwrite(world.review.id, who)


async def test_all_viewers_of_a_place_read_its_public_threads(town: Town) -> None:
    world = town.world
    public = town.thread_in(world.general, ChannelType.PUBLIC_THREAD)
    private = town.thread_in(world.general, ChannelType.PRIVATE_THREAD)
    await world.env.settle()
    general, staff = (world.bot.get_channel(one.id) for one in (world.general, town.staff))
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    member, moderator = [await guild.fetch_member(one.id) for one in world.people[1:3]]

    for_all = all_readable_by_viewers(world.bot, general)
    for_staff = all_readable_by_viewers(world.bot, staff)

    assert {world.general.id, public.id} <= for_all
    assert for_all == all_readable_by(world.bot, member, general)
    assert {town.staff.id, town.thread.id} | for_all <= for_staff
    assert for_staff == all_readable_by(world.bot, moderator, general)
    assert not {town.staff.id, town.thread.id, world.review.id} & for_all
    assert private.id not in for_all | for_staff
