"""What was said in a staff channel is shown to staff alone, by whatever path somebody comes."""

from typing import Final

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import ChannelType, OverwriteType

from bot.ask import button_messages, passage_messages
from bot.ask import messages as ask_messages
from bot.config.sections import SourceSettings
from bot.config.settings import Settings
from bot.interactions.policy.channel_access import (
    all_readable_by,
    all_readable_by_all,
    readable_by_all_in,
    seen_by_others,
)
from bot.review import messages as review_messages
from tests.bot.forum import QUESTION as FORUM_QUESTION
from tests.bot.forum import TITLE as FORUM_TITLE
from tests.bot.forum import make_forum, read
from tests.bot.steps import OTHER_PASSAGES, everything, looked_into
from tests.bot.town import HEADLINE, SECRET, VIEW, Town, is_told
from tests.bot.world import QUESTION, TEXT, UNKNOWN, World, text_of

OPEN_QUESTION: Final = "What is open source AI?"


def told_in(channel: ChannelHandle) -> str:
    """What everybody sees there."""
    return "\n".join(text_of(one) for one in channel.history() if not one.flags.ephemeral)


# Asking in public.


async def test_a_public_answer_does_not_use_what_not_everybody_may_read(town: Town) -> None:
    result = await town.world.ask()

    assert result.response is not None
    assert ask_messages.refusal() in text_of(result.response)


@pytest.mark.parametrize("question", [QUESTION, OPEN_QUESTION])
async def test_who_alone_may_read_the_evidence_is_answered_alone_and_no_other_sees_of_it(
    town: Town, question: str
) -> None:
    await town.say(town.staff, f"{SECRET} What is open source AI? Staff call it a xylophone.")

    result = await town.world.ask(question, by=town.world.moderator)

    assert told_in(town.world.general) == ""
    [alone] = result.followups
    assert alone.ephemeral
    assert text_of(alone).startswith(button_messages.FOR_YOU_ALONE.english)
    assert is_told(text_of(alone))
    assert (await town.world.recorded(1)).private


async def test_a_mention_is_told_that_there_is_something_for_its_author_alone(town: Town) -> None:
    assert town.world.bot.user is not None
    question = f"{town.world.bot.user.mention} {QUESTION}"

    await town.world.moderator.send(town.world.general, question)

    assert told_in(town.world.general).endswith(button_messages.ASK_ALONE.english)
    assert await town.world.gaps(town.world.guild.id) == []


async def test_a_public_answer_uses_what_everybody_may_read(town: Town) -> None:
    await town.say(town.world.help)

    assert is_told(everything(await town.world.ask()))


async def test_staff_are_answered_among_themselves(town: Town) -> None:
    for place in (town.staff, town.thread, town.world.review):
        result = await town.world.moderator.slash(place, "ask", question=QUESTION)
        assert is_told(everything(result))


async def test_a_thread_in_a_channel_for_everybody_is_for_everybody(town: Town) -> None:
    for kind in (ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD):
        thread = town.thread_in(town.world.general, kind)
        await town.world.moderator.slash(thread, "ask", question=QUESTION)
        assert not is_told(told_in(thread))


async def test_a_mention_is_answered_from_what_everybody_there_may_read(town: Town) -> None:
    assert town.world.bot.user is not None
    question = f"{town.world.bot.user.mention} {QUESTION}"

    await town.world.moderator.send(town.world.general, question)
    await town.world.moderator.send(town.staff, question)

    assert not is_told(told_in(town.world.general))
    assert is_told(told_in(town.staff))


async def test_a_direct_message_is_answered_from_no_servers_channel(town: Town) -> None:
    await town.say(town.world.help)

    await town.world.moderator.send_dm(QUESTION)

    assert not is_told(told_in(town.world.moderator.user.dm_channel))


async def test_a_permission_that_is_taken_away_counts_at_once(town: Town) -> None:
    await town.say(town.world.help)
    town.hide(town.world.help, town.world.guild.id)

    assert not is_told(everything(await town.world.ask()))
    assert not is_told(everything(await town.world.ask(private=True)))


async def test_a_channel_that_is_opened_counts_at_once(town: Town) -> None:
    town.world.env.backend.delete_overwrite(town.staff.id, town.world.guild.id)

    assert is_told(everything(await town.world.ask()))


async def test_a_guest_in_a_staff_channel_is_told_nothing_of_another(town: Town) -> None:
    town.show(town.world.review, town.world.member.id, OverwriteType.MEMBER)

    result = await town.world.moderator.slash(town.world.review, "ask", question=QUESTION)

    assert result.response is None
    assert not is_told(told_in(town.world.review))


# Asking alone.


async def test_a_private_answer_uses_what_its_asker_may_read(town: Town) -> None:
    told = await town.world.ask(by=town.world.moderator, private=True)
    assert told.ephemeral
    assert is_told(everything(told))


async def test_the_same_private_question_is_not_answered_to_others(town: Town) -> None:
    await town.world.ask(by=town.world.moderator, private=True)

    assert not is_told(everything(await town.world.ask(private=True)))


async def test_who_lost_the_role_is_told_no_more(town: Town) -> None:
    answered = await town.world.ask(by=town.world.moderator, private=True)
    assert answered.response is not None
    town.world.env.backend.remove_member_role(
        town.world.guild.id, town.world.moderator.id, town.world.moderator_role.id
    )

    again = await town.world.ask(by=town.world.moderator, private=True)
    old = [
        await _clicked(town.world.moderator, answered, label)
        for label in (OTHER_PASSAGES, "Why this answer?")
    ]

    assert not is_told("".join([everything(again), *old]))


async def test_a_message_is_asked_about_with_ones_own_rights(town: Town) -> None:
    asked = await town.world.second_member.send(town.world.general, QUESTION)

    mine, theirs = [
        await who.context_menu(town.world.general, "Ask about this", asked)
        for who in (town.world.member, town.world.moderator)
    ]

    assert not is_told(everything(mine))
    assert is_told(everything(theirs))


# The buttons of an answer.


async def _clicked(actor: MemberActor, answer: InteractionResult, label: str) -> str:
    assert answer.response is not None
    return await looked_into(actor, answer.response, label)


@pytest.mark.parametrize("label", [OTHER_PASSAGES, "Why this answer?"])
async def test_staff_can_look_into_an_answer_of_theirs(town: Town, label: str) -> None:
    answer = await town.world.moderator.slash(town.staff, "ask", question=QUESTION)

    assert is_told(await _clicked(town.world.second_moderator, answer, label))


@pytest.mark.parametrize("action", ["why"])
async def test_a_forged_button_shows_nothing_of_what_may_not_be_read(
    town: Town, action: str
) -> None:
    await town.world.moderator.slash(town.staff, "ask", question=QUESTION)
    other = await town.world.ask(OPEN_QUESTION)
    assert other.response is not None

    pressed = town.world.press(town.world.member, other.response.message, f"answer:1:{action}")
    await town.world.env.settle()

    assert not is_told(everything(pressed))


@pytest.mark.parametrize("action", ["why", "share", "helpful"])
async def test_what_somebody_asked_alone_is_nobody_elses(town: Town, action: str) -> None:
    await town.world.ask(OPEN_QUESTION, by=town.world.moderator, private=True)
    other = await town.world.ask(OPEN_QUESTION)
    assert other.response is not None

    pressed = town.world.press(town.world.member, other.response.message, f"answer:1:{action}")
    await town.world.env.settle()

    assert everything(pressed) == button_messages.FEEDBACK_GONE.english


@pytest.mark.parametrize("custom_id", ["answer:1:why", "answer:1:share", "answer:1:helpful"])
async def test_what_was_asked_where_somebody_sees_nothing_is_not_told_them(
    town: Town, custom_id: str
) -> None:
    await town.world.moderator.slash(town.staff, "ask", question=OPEN_QUESTION)
    other = await town.world.ask("Anything else")
    assert other.response is not None
    before = town.world.general.last_message

    pressed = town.world.press(town.world.member, other.response.message, custom_id)
    await town.world.env.settle()

    assert everything(pressed) == button_messages.FEEDBACK_GONE.english
    assert town.world.general.last_message == before


@pytest.mark.parametrize("kind", [ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD])
async def test_an_answer_in_a_thread_is_seen_by_who_sees_the_thread(
    town: Town, kind: ChannelType
) -> None:
    thread = town.thread_in(town.world.general, kind)
    await town.world.moderator.slash(thread, "ask", question=OPEN_QUESTION)
    other = await town.world.ask("Anything else")
    assert other.response is not None

    pressed = town.world.press(town.world.member, other.response.message, "answer:1:why")
    await town.world.env.settle()

    gone = everything(pressed) == button_messages.FEEDBACK_GONE.english
    assert gone == (kind is ChannelType.PRIVATE_THREAD)


async def _shared(town: Town, question: str) -> tuple[str, str]:
    """What somebody is told who shares a private answer, and what is then seen in the channel."""
    answer = await town.world.ask(question, by=town.world.moderator, private=True)
    assert answer.response is not None
    shared = await town.world.moderator.click(answer.response, label="Share")
    assert shared.response is not None
    seen = town.world.general.history(viewer=town.world.member)
    return text_of(shared.response), "\n".join(text_of(message) for message in seen)


async def test_an_answer_of_which_nobody_else_may_see_anything_is_not_shared(town: Town) -> None:
    said, seen = await _shared(town, QUESTION)

    assert said == button_messages.NOT_FOR_EVERYBODY.english
    assert seen == ""
    assert await town.world.gaps(town.world.guild.id) == []


async def test_an_answer_is_shared_without_what_not_everybody_may_read(town: Town) -> None:
    await town.world.publish("Meetup in Lisbon", TEXT)

    said, seen = await _shared(town, QUESTION)

    assert said == button_messages.SHARED_IN_PART.english
    assert "Rua Augusta" in seen
    assert not is_told(seen)


async def test_an_answer_that_everybody_may_read_is_shared_whole(town: Town) -> None:
    said, seen = await _shared(town, OPEN_QUESTION)

    assert said == button_messages.SHARED.english
    assert OPEN_QUESTION in seen


async def test_a_shared_answer_counts_once_and_its_buttons_work_for_everybody(town: Town) -> None:
    answer = await town.world.ask(OPEN_QUESTION, private=True)
    assert answer.response is not None
    shared = await town.world.member.click(answer.response, label="Share")
    [public] = shared.followups

    more = await looked_into(town.world.second_member, public, OTHER_PASSAGES)

    assert more
    assert button_messages.FEEDBACK_GONE.english not in more
    counts = await town.world.core(lambda core: core.counts(town.world.guild.id))
    assert counts["questions"] == 1


# What is told of one's own accord.


async def test_who_asked_is_told_without_what_not_everybody_may_read(town: Town) -> None:
    ferry = "The Zanzibar ferry timetable"
    await town.say(town.staff, f"{ferry}: xylophones leave at nine and at four.", UNKNOWN)
    await town.world.ask(UNKNOWN)

    await town.world.publish(UNKNOWN, f"{ferry}: it leaves at nine and at four.")
    await town.world.env.settle()

    told = text_of(town.world.general.history(viewer=town.world.member)[-1])
    assert "Now there is an answer" in told
    assert not is_told(told)


# Contributing and reviewing.


async def _near(town: Town, actor: MemberActor) -> str:
    form = await actor.slash(town.world.general, "note add")
    values = {"title": "Meetup", "text": SECRET.replace("Bring", "Do bring"), "tags": ""}
    return everything(await actor.submit_modal(form, {**values, "link": ""}))


async def test_a_contributor_is_told_of_a_like_text_that_they_may_read(town: Town) -> None:
    assert HEADLINE in await _near(town, town.world.moderator)


async def test_a_contributor_is_not_told_of_a_like_text_that_they_may_not_read(town: Town) -> None:
    assert HEADLINE not in await _near(town, town.world.member)


async def test_a_card_shows_what_everybody_in_the_review_channel_may_read(town: Town) -> None:
    await town.world.propose("Meetup", TEXT)
    assert HEADLINE in text_of(town.world.card)


async def test_a_card_does_not_show_what_a_guest_there_may_not_read(town: Town) -> None:
    town.show(town.world.review, town.world.member.id, OverwriteType.MEMBER)

    await town.world.propose("Meetup", TEXT)

    assert HEADLINE not in text_of(town.world.card)


async def test_what_a_note_would_change_names_no_message_of_a_channel(town: Town) -> None:
    await town.world.moderator.slash(town.staff, "ask", question=QUESTION)
    town.hide(town.staff, town.world.moderator_role.id)
    await town.world.propose("Meetup", f"{QUESTION}? {TEXT}")

    shown = everything(
        await town.world.moderator.click(town.world.card, label="What would change?")
    )

    assert review_messages._SAID_SOMEWHERE.english in shown
    assert not is_told(shown)


# Figures and what is kept.


async def test_figures_name_no_message_of_a_channel(town: Town) -> None:
    await town.world.moderator.slash(town.staff, "ask", question=QUESTION)

    assert not is_told(everything(await town.world.moderator.slash(town.world.general, "stats")))


async def test_how_much_there_is_counts_what_whoever_asks_may_read(town: Town) -> None:
    async def documents(actor: MemberActor) -> str:
        return everything(await actor.slash(town.world.general, "about")).split("documents")[0]

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
            (OTHER_PASSAGES, passage_messages.NO_LONGER_QUOTED),
            ("Why this answer?", passage_messages.NO_LONGER_THERE),
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


async def test_a_forum_that_is_read_is_quoted_where_everybody_may_read_it(world: World) -> None:
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


# Who sees a place.


async def test_only_roles_that_are_named_or_manage_the_server_and_bots_see_a_closed_place(
    world: World,
) -> None:
    review = world.bot.get_channel(world.review.id)
    assert isinstance(review, discord.TextChannel)
    general = world.bot.get_channel(world.general.id)
    assert isinstance(general, discord.TextChannel)
    moderators = [world.moderator_role.id]

    assert not seen_by_others(review, moderators)
    assert seen_by_others(review, [])
    # Everybody has the server's own role, so naming it names nobody.
    assert seen_by_others(general, [*moderators, world.guild.id])


@pytest.mark.parametrize("kind", [OverwriteType.ROLE, OverwriteType.MEMBER])
async def test_one_more_role_or_member_who_sees_a_place_opens_it(
    world: World, kind: OverwriteType
) -> None:
    guests = world.guild.create_role("Guests")
    who = guests.id if kind is OverwriteType.ROLE else world.member.id
    world.env.backend.set_overwrite(world.review.id, Overwrite(who, kind, allow=VIEW))
    await world.env.settle()
    review = world.bot.get_channel(world.review.id)
    assert isinstance(review, discord.TextChannel)

    assert seen_by_others(review, [world.moderator_role.id])
    assert not readable_by_all_in(world.bot, world.bot.get_channel(world.general.id), review)
    assert readable_by_all_in(world.bot, review, world.bot.get_channel(world.general.id))


async def test_what_all_viewers_of_a_place_may_read_is_told_with_its_public_threads(
    town: Town,
) -> None:
    world = town.world
    public = town.thread_in(world.general, ChannelType.PUBLIC_THREAD)
    private = town.thread_in(world.general, ChannelType.PRIVATE_THREAD)
    await world.env.settle()
    general, staff = (world.bot.get_channel(one.id) for one in (world.general, town.staff))
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    member, moderator = [await guild.fetch_member(one.id) for one in world.people[1:3]]

    for_all = all_readable_by_all(world.bot, general)
    for_staff = all_readable_by_all(world.bot, staff)

    assert {world.general.id, public.id} <= for_all
    assert for_all == all_readable_by(world.bot, member, general)
    assert {town.staff.id, town.thread.id} | for_all <= for_staff
    assert for_staff == all_readable_by(world.bot, moderator, general)
    assert not {town.staff.id, town.thread.id, world.review.id} & for_all
    assert private.id not in for_all | for_staff
