"""Answers of helpers and moderators to unanswered questions, proposed as notes once."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import discord
import pytest
from simcord import MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.config.sections import HelperSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.notes import messages
from bot.process.client import Bot
from bot.review import cards
from bot.review.cards import LABELS
from bot.review.service import Action
from knowledge.values.guilds import Rule
from knowledge.values.notes import Note, SourceChange, State
from tests.bot.ask.helping import UNKNOWN, Helped, help_in
from tests.bot.forum import page_as_discord_does
from tests.bot.gaps.handing_over import Helping, post
from tests.bot.steps import restarted
from tests.bot.world import World, text_of

ANSWER: Final = (
    "In winter, the Zanzibar ferry leaves at nine and at four; the timetable is at the harbour."
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With *Message Content*."""
    return Settings(
        data=settings.data,
        questions=settings.questions,
        helper=HelperSettings(message_content=True),
    )


@pytest.fixture
async def helping(world: World, monkeypatch: pytest.MonkeyPatch) -> Helping:
    page_as_discord_does(monkeypatch)
    made = Helping(world)
    made.sees(world.review)
    await made.choose(from_replies=True)
    return made


async def proposed(world: World) -> list[Note]:
    """Every note, the newest first."""

    def look(core: Core) -> list[Note]:
        rows = core.store.database.rows("select id from notes order by id desc")
        found = (core.store.notes.latest(None, row["id"]) for row in rows)
        return [note for note in found if note is not None]

    await world.env.settle()
    return await world.core(look)


async def mention(world: World, text: str = UNKNOWN) -> tuple[discord.Message, discord.Message]:
    """The member asks the bot in the help channel; returns the question and the refusal."""
    asked = await world.member.send(world.help, f"<@{world.bot.user.id}> {text}")  # type: ignore[union-attr]
    return asked, world.help.history()[-1]


async def to_a_mention(helping: Helping) -> discord.Message:
    asked, _ = await mention(helping.world)
    return await helping.helper.send(helping.world.help, ANSWER, reply_to=asked)


async def to_a_refusal(helping: Helping) -> discord.Message:
    _, refusal = await mention(helping.world)
    return await helping.helper.send(helping.world.help, ANSWER, reply_to=refusal)


async def to_a_refused_command(helping: Helping) -> discord.Message:
    refused = await helping.world.ask(UNKNOWN)
    assert refused.response is not None
    channel: Any = helping.world.general
    return await helping.helper.send(channel, ANSWER, reply_to=refused.response)


async def to_a_hand_over(helping: Helping) -> discord.Message:
    await helping.hand_over()
    return await helping.helper.send(helping.world.review, ANSWER, reply_to=post(helping))


async def by_a_moderator(helping: Helping) -> discord.Message:
    asked, _ = await mention(helping.world)
    return await helping.world.moderator.send(helping.world.help, ANSWER, reply_to=asked)


WAYS: Final[list[Callable[[Helping], Awaitable[discord.Message]]]] = [
    to_a_mention,
    to_a_refusal,
    to_a_refused_command,
    by_a_moderator,
]


@pytest.mark.parametrize("answered", WAYS)
async def test_an_answer_becomes_a_pending_note_of_its_author(
    helping: Helping, answered: Callable[[Helping], Awaitable[discord.Message]]
) -> None:
    said = await answered(helping)
    [note] = await proposed(helping.world)
    submission = note.revision.submission
    assert (submission.title, submission.text) == (UNKNOWN, ANSWER)
    assert (note.contributor_id, submission.link) == (said.author.id, said.jump_url)
    assert note.revision.state is State.PENDING


async def test_a_reply_to_a_hand_over_becomes_one_without_a_link_to_the_helpers_channel(
    helping: Helping,
) -> None:
    await to_a_hand_over(helping)
    [note] = await proposed(helping.world)
    assert (note.revision.submission.text, note.revision.submission.link) == (ANSWER, "")
    assert "Send to review" not in text_of(post(helping))


@pytest.mark.parametrize(
    ("name", "asked", "number"),
    [("named", {}, 1), ("unnamed", {}, 0), ("named", {"private": True}, 0)],
)
async def test_the_answer_of_a_helpers_form_becomes_one_if_it_is_public_and_named(
    helping: Helping, name: str, asked: dict[str, Any], number: int
) -> None:
    await helping.hand_over(**asked)
    await helping.answer(post(helping), name=name)
    notes = await proposed(helping.world)
    assert [note.contributor_id for note in notes] == [helping.helper.id] * number


async def test_a_question_that_the_bot_passed_over_is_answered_by_a_reply(helping: Helping) -> None:
    world = helping.world
    await help_in(world)
    asked = await world.member.send(world.help, UNKNOWN)
    await helping.helper.send(world.help, ANSWER, reply_to=asked)
    note, *_ = await proposed(world)
    assert (note.revision.submission.title, note.asked_message_id) == (UNKNOWN, asked.id)


async def test_the_first_answer_in_a_post_becomes_one_under_the_posts_title(
    helping: Helping,
) -> None:
    helped: Helped = await help_in(helping.world)
    thread = await helped.forum.post("Zanzibar ferry in winter", UNKNOWN)
    for text in ("Hello!", "Which ferry do you mean, the fast one?", ANSWER, f"{ANSWER} Enjoy."):
        await helping.helper.send(thread, text)
    first, *others = await proposed(helping.world)
    assert first.revision.submission.title == "Zanzibar ferry in winter"
    assert first.revision.submission.text == ANSWER
    # The note that `help_in` has published.
    assert len(others) == 1


async def test_the_bot_does_not_answer_an_answer(helping: Helping) -> None:
    world = helping.world
    said = await to_a_refusal(helping)
    assert world.help.history()[-1].id == said.id


async def test_the_author_is_told_and_can_say_no(helping: Helping) -> None:
    await to_a_mention(helping)
    notice = helping.helper.user.dm_channel.last_message
    assert notice is not None
    assert UNKNOWN in notice.content
    await helping.helper.user.click(notice, label=messages.WITHDRAW_LABELS["yes"].english)
    [note] = await proposed(helping.world)
    assert note.revision.state is State.WITHDRAWN
    # The proposal is gone, so somebody else's answer may become one.
    world = helping.world
    await helping.second.send(world.help, ANSWER, reply_to=world.help.history()[0])
    assert len(await proposed(world)) == 2


async def test_the_card_says_that_it_is_from_a_reply(helping: Helping) -> None:
    await to_a_mention(helping)
    said = cards._FROM_REPLY.english.format(channel=f"<#{helping.world.help.id}>")
    assert said in text_of(helping.world.card)


async def test_nobody_publishes_their_own_answer_alone(helping: Helping) -> None:
    """Neither by their role nor by a click, where four eyes decide."""
    world = helping.world
    await world.core(
        lambda core: core.store.guilds.save_rule(
            world.guild.id, Rule("", publish_role_id=world.moderator_role.id), world.admin.id
        )
    )
    await by_a_moderator(helping)
    await world.moderator.click(world.card, label=LABELS[Action.APPROVE].english)
    [note] = await proposed(world)
    assert note.revision.state is State.PENDING
    await world.second_moderator.click(world.card, label=LABELS[Action.APPROVE].english)
    [note] = await proposed(world)
    assert note.live


async def test_once_published_it_answers_the_question(helping: Helping) -> None:
    world = helping.world
    await to_a_mention(helping)
    await world.moderator.click(world.card, label=LABELS[Action.APPROVE].english)
    _, answer = await mention(world)
    assert ANSWER in text_of(answer).replace("**", "")


# Once.


async def test_a_question_has_one_proposal_at_a_time(helping: Helping) -> None:
    asked, refusal = await mention(helping.world)
    for by, to in ((helping.helper, asked), (helping.second, asked), (helping.helper, refusal)):
        await by.send(helping.world.help, f"{ANSWER} {by.name}", reply_to=to)
    assert len(await proposed(helping.world)) == 1


async def test_after_a_restart_the_same_message_is_not_proposed_again(
    helping: Helping, new_bot: Callable[[], Bot]
) -> None:
    said = await to_a_mention(helping)
    await restarted(helping.world, new_bot)
    channel = helping.world.bot.get_channel(said.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await helping.world.bot.replies.proposes(await channel.fetch_message(said.id))
    assert len(await proposed(helping.world)) == 1


# Deleted and edited.


def later(world: World) -> None:
    """Set the simulated Discord's clock to an hour from now."""
    clock = world.env.backend.clock
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds() + 3_600)


@pytest.mark.parametrize("which", ["reply", "question"])
async def test_a_proposal_is_withdrawn_with_its_reply_or_question(
    helping: Helping, which: str
) -> None:
    world = helping.world
    asked, _ = await mention(world)
    said = await helping.helper.send(world.help, ANSWER, reply_to=asked)
    await (helping.helper.delete(said) if which == "reply" else world.member.delete(asked))
    [note] = await proposed(world)
    assert note.revision.state is State.WITHDRAWN
    assert "Withdrawn" in text_of(world.card)


async def test_an_edit_is_told_on_the_card(helping: Helping) -> None:
    said = await to_a_mention(helping)
    later(helping.world)
    await helping.helper.edit(said, "It leaves at five.")
    [note] = await proposed(helping.world)
    assert note.source is not None
    assert note.source.change is SourceChange.EDITED
    assert cards._SOURCE_CHANGED[SourceChange.EDITED].english in text_of(helping.world.card)


async def test_a_published_one_stays_when_its_question_is_deleted(helping: Helping) -> None:
    world = helping.world
    asked, _ = await mention(world)
    await helping.helper.send(world.help, ANSWER, reply_to=asked)
    await world.moderator.click(world.card, label=LABELS[Action.APPROVE].english)
    await world.member.delete(asked)
    [note] = await proposed(world)
    assert note.live


# Not proposed.


async def test_it_is_off_until_turned_on_and_channels_may_differ(helping: Helping) -> None:
    world = helping.world
    await helping.choose(from_replies=False)
    await to_a_mention(helping)
    assert await proposed(world) == []
    await Helped(world, None).set(world.help.id, from_replies=True)  # type: ignore[arg-type]
    await to_a_mention(helping)
    assert len(await proposed(world)) == 1
    await helping.choose(from_replies=True)
    await Helped(world, None).set(world.help.id, from_replies=False)  # type: ignore[arg-type]
    await to_a_mention(helping)
    assert len(await proposed(world)) == 1


@pytest.mark.parametrize(
    "said",
    [
        "thanks a lot for asking this!",
        "Which ferry do you mean, the fast one or the slow one to Zanzibar?",
        "Did you try restarting the ferry timetable app in winter?",
        "I think the Zanzibar ferry timetable in winter is on their page, not sure though.",
        "lol nobody takes the Zanzibar ferry in winter, look at the timetable haha",
        "ask in #travel about the Zanzibar ferry timetable in winter please",
    ],
)
async def test_talk_is_not_proposed(helping: Helping, said: str) -> None:
    asked, _ = await mention(helping.world)
    await helping.helper.send(helping.world.help, said, reply_to=asked)
    assert await proposed(helping.world) == []


async def test_only_helpers_and_moderators_answer_and_not_their_own_questions(
    helping: Helping,
) -> None:
    world = helping.world
    asked, _ = await mention(world)
    await world.second_member.send(world.help, ANSWER, reply_to=asked)
    helping.demote(helping.second)
    await helping.second.send(world.help, ANSWER, reply_to=asked)
    mine = await helping.helper.send(world.help, f"<@{world.bot.user.id}> {UNKNOWN}")  # type: ignore[union-attr]
    await helping.helper.send(world.help, ANSWER, reply_to=mine)
    assert await proposed(world) == []


@pytest.mark.parametrize("who", ["asker", "author"])
async def test_members_who_opted_out_of_quotation_are_left_out(helping: Helping, who: str) -> None:
    member: MemberActor = helping.world.member if who == "asker" else helping.helper
    await helping.world.core(lambda core: core.store.quote_opt_outs.withhold(member.id))
    await to_a_mention(helping)
    await to_a_hand_over(helping)
    assert await proposed(helping.world) == []


async def test_what_not_everybody_may_read_is_not_proposed(helping: Helping) -> None:
    """Neither an answer in a closed channel nor one to a private question."""
    world = helping.world
    await helping.hand_over(private=True)
    await helping.helper.send(world.review, ANSWER, reply_to=post(helping))
    closed = discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(
        world.help.id, Overwrite(world.guild.default_role.id, OverwriteType.ROLE, deny=closed)
    )
    for role in (helping.role, world.moderator_role, world.bot_role):
        world.env.backend.set_overwrite(
            world.help.id, Overwrite(role.id, OverwriteType.ROLE, allow=closed)
        )
    asked = await world.moderator.send(world.help, f"<@{world.bot.user.id}> {UNKNOWN}")  # type: ignore[union-attr]
    await helping.helper.send(world.help, ANSWER, reply_to=asked)
    assert await proposed(world) == []
