"""Answers of helpers and moderators to unanswered questions, proposed as notes once."""

from datetime import UTC, datetime
from typing import Any, Final

import discord
import pytest
from simcord import MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.config.settings import HelperSettings, Settings
from bot.core.core import Core
from bot.gaps import handover_messages
from bot.notes import messages
from bot.review import cards
from bot.review.actions import ACTIONS, Action
from knowledge.values.guilds import Rule
from knowledge.values.notes import Note, SourceChange, State
from tests.bot.forum import UNKNOWN, Helped, help_in, make_forum, page_as_discord_does
from tests.bot.gaps.handing_over import Helping, post
from tests.bot.message_parts import content, shown_message, text_of
from tests.bot.world import NewBot, World

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


async def is_proposed(world: World, said: discord.Message) -> Note:
    """The note proposed from a message, as the only one."""
    [note] = await proposed(world)
    submission = note.revision.submission
    assert (submission.title, submission.text) == (UNKNOWN, ANSWER)
    assert (note.contributor_id, submission.link) == (said.author.id, said.jump_url)
    assert note.revision.state is State.PENDING
    return note


async def approve(world: World, by: MemberActor) -> None:
    await by.click(world.card, label=ACTIONS[Action.APPROVE].label.english)


# Proposed.


async def test_a_reply_to_a_refusal_becomes_one_note(helping: Helping, new_bot: NewBot) -> None:
    world = helping.world
    asked, refusal = await mention(world)
    said = await helping.helper.send(world.help, ANSWER, reply_to=refusal)
    await is_proposed(world, said)
    # The bot answers no answer.
    assert world.help.history()[-1].id == said.id
    assert cards._FROM_REPLY.english.format(channel=f"<#{world.help.id}>") in text_of(world.card)

    for by, to in ((helping.second, asked), (helping.helper, refusal)):
        await by.send(world.help, f"{ANSWER} {by.name}", reply_to=to)
    await world.start_again(new_bot)
    channel = world.bot.get_channel(said.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await world.bot.reply_proposals.take(await channel.fetch_message(said.id))
    assert len(await proposed(world)) == 1


async def test_a_replied_command_refusal_becomes_a_note(helping: Helping) -> None:
    refused = await helping.world.ask(UNKNOWN)
    channel: Any = helping.world.general
    said = await helping.helper.send(channel, ANSWER, reply_to=shown_message(refused))
    await is_proposed(helping.world, said)


async def test_moderators_cannot_publish_own_replies(helping: Helping) -> None:
    """Neither by their role nor by a click, if a second moderator must decide."""
    world = helping.world
    rule = Rule("", publish_role_id=world.moderator_role.id)
    await world.core(lambda core: core.store.guilds.save_rule(world.guild.id, rule, world.admin.id))
    asked, _ = await mention(world)
    said = await world.moderator.send(world.help, ANSWER, reply_to=asked)
    await approve(world, world.moderator)
    await is_proposed(world, said)

    await approve(world, world.second_moderator)
    # A published note answers the question, and stays when the question is deleted.
    await world.member.delete(asked)
    [note] = await proposed(world)
    assert note.live
    _, answer = await mention(world)
    assert ANSWER in text_of(answer).replace("**", "")


async def test_a_helpers_reply_becomes_an_unlinked_note(helping: Helping) -> None:
    await helping.hand_over()
    await helping.helper.send(helping.world.review, ANSWER, reply_to=post(helping))
    [note] = await proposed(helping.world)
    assert (note.revision.submission.text, note.revision.submission.link) == (ANSWER, "")
    assert "Send to review" not in text_of(post(helping))


@pytest.mark.parametrize("name", ["named", "unnamed"])
async def test_a_helpers_form_becomes_a_note(helping: Helping, name: str) -> None:
    """The form and the confirmation say so; without a name, no member is credited."""
    await helping.hand_over()
    form = await helping.helper.click(post(helping), label="Answer")
    assert handover_messages.GOES_PUBLIC_AND_PROPOSED.english in str(form.modal)
    said = await helping.answer(post(helping), name=name)
    [note] = await proposed(helping.world)
    named = (helping.helper.id, helping.helper.name)
    credited = named if name == "named" else (0, handover_messages.A_HELPER.english)
    assert (note.contributor_id, note.contributor) == credited
    sentence = (
        handover_messages._PROPOSED if name == "named" else handover_messages._PROPOSED_UNNAMED
    )
    assert sentence.english in content(said)
    assert "Send to review" not in content(said)


async def test_four_eyes_hold_for_an_unnamed_answer(helping: Helping) -> None:
    world = helping.world
    await helping.choose(four_eyes=True)
    await helping.hand_over()
    await helping.answer(post(helping), by=world.moderator, name="unnamed")
    await approve(world, world.moderator)
    [note] = await proposed(world)
    assert note.revision.state is State.PENDING
    await approve(world, world.second_moderator)
    [note] = await proposed(world)
    assert note.live


# Neither answered nor a gap.

BAR: Final = "what time does the bar open on sundays?"
STATEMENTS: Final = (
    "The bar opens at two in the afternoon on Sundays, and closes at ten.",
    "have you tried turning it off and on again?",
    "I think it is somewhere in the cellar, next to the old boiler.",
    "at two, I guess?",
    "same question here",
    "Um zwei Uhr nachmittags, außer im Winter.",
)


async def questions(world: World) -> list[str]:
    """The texts of all questions on record."""
    await world.env.settle()
    rows = await world.core(
        lambda core: core.store.database.rows("select text from questions order by id")
    )
    return [row["text"] for row in rows]


@pytest.mark.parametrize("from_replies", [True, False])
@pytest.mark.parametrize("to", ["question", "refusal"])
async def test_statements_are_no_questions(helping: Helping, to: str, from_replies: bool) -> None:
    """Of members, helpers and moderators, with the mention that Discord's *Reply* adds."""
    world = helping.world
    await helping.choose(from_replies=from_replies)
    asked, refusal = await mention(world, BAR)
    at = asked if to == "question" else refusal
    me = f"<@{world.bot.user.id}> "  # type: ignore[union-attr]
    for by in (world.second_member, helping.helper, world.moderator):
        for text in STATEMENTS:
            said = await by.send(world.help, me + text, reply_to=at)
            await world.env.settle()
            assert world.help.history()[-1].id == said.id
    assert await questions(world) == [BAR]
    notes = await proposed(world)
    assert [note.revision.submission.text for note in notes] == (
        [STATEMENTS[0]] if from_replies else []
    )


async def test_a_statement_in_a_post_is_no_question(helping: Helping) -> None:
    world = helping.world
    me = f"<@{world.bot.user.id}> "  # type: ignore[union-attr]
    thread = await make_forum(world).post("The bar on Sundays", me + BAR)
    asked = await questions(world)
    assert len(asked) == 1
    for text in STATEMENTS:
        await world.second_member.send(thread, me + text)
    assert await questions(world) == asked


async def test_questions_and_the_askers_replies_are_answered(helping: Helping) -> None:
    world = helping.world
    _, refusal = await mention(world, BAR)
    me = f"<@{world.bot.user.id}> "  # type: ignore[union-attr]
    for by, text in (
        (world.second_member, "does it open on mondays?"),
        (world.moderator, "which bar is the oldest in town"),
        (world.member, "bar opening hours sunday"),
    ):
        await by.send(world.help, me + text, reply_to=refusal)
        await world.env.settle()
        assert world.help.history()[-1].author == world.bot.user
    assert len(await questions(world)) == 4


# Offered.

GUESS: Final = "I think the bar opens at two in the afternoon on Sundays."


async def offer(helping: Helping) -> tuple[discord.Message, discord.Message]:
    """A helper guesses; returns the question and the helper's direct message."""
    asked, _ = await mention(helping.world, BAR)
    await helping.helper.send(helping.world.help, GUESS, reply_to=asked)
    await helping.helper.send(helping.world.help, f"{GUESS} Really.", reply_to=asked)
    await helping.world.env.settle()
    assert await proposed(helping.world) == []
    [asks] = helping.helper.user.dm_channel.history()
    assert BAR in asks.content
    return asked, asks


async def test_doubtful_replies_need_a_click(helping: Helping, new_bot: NewBot) -> None:
    """One direct message for a question; the button works after a restart."""
    world = helping.world
    _, asks = await offer(helping)
    await world.start_again(new_bot)
    clicked = await helping.helper.user.click(asks, label=messages.OFFER_LABEL.english)
    assert content(clicked) == messages.OFFER_TAKEN.english
    [note] = await proposed(world)
    assert (note.contributor_id, note.revision.submission.text) == (helping.helper.id, GUESS)
    again = await helping.helper.user.click(asks, label=messages.OFFER_LABEL.english)
    assert content(again) == messages.OFFER_GONE.english
    assert len(await proposed(world)) == 1


async def test_an_answer_after_a_hedge_is_offered(helping: Helping) -> None:
    world = helping.world
    asked, _ = await mention(world, BAR)
    hedged = "update questions set evidence = 'partial'"
    await world.core(lambda core: core.store.database.run(hedged))
    await helping.helper.send(world.help, STATEMENTS[0], reply_to=asked)
    await world.env.settle()
    assert await proposed(world) == []
    [asks] = helping.helper.user.dm_channel.history()
    await helping.helper.user.click(asks, label=messages.OFFER_LABEL.english)
    [note] = await proposed(world)
    assert note.revision.submission.text == STATEMENTS[0]


@pytest.mark.parametrize("why", ["reply deleted", "no helper", "turned off"])
async def test_an_offer_ends_with_its_conditions(helping: Helping, why: str) -> None:
    world = helping.world
    await offer(helping)
    [asks] = helping.helper.user.dm_channel.history()
    if why == "reply deleted":
        for said in world.help.history()[-2:]:
            await helping.helper.delete(said)
    elif why == "no helper":
        helping.demote(helping.helper)
    else:
        await helping.choose(from_replies=False)
    clicked = await helping.helper.user.click(asks, label=messages.OFFER_LABEL.english)
    assert content(clicked) == messages.OFFER_GONE.english
    assert await proposed(world) == []


async def test_members_without_notices_get_no_offer(helping: Helping) -> None:
    helper_id = helping.helper.id
    await helping.world.core(lambda core: core.store.gaps.set_opt_out(helper_id, quiet=True))
    asked, _ = await mention(helping.world, BAR)
    await helping.helper.send(helping.world.help, GUESS, reply_to=asked)
    await helping.world.env.settle()
    assert helping.helper.user.dm_channel is None or not helping.helper.user.dm_channel.history()


async def test_replies_answer_what_the_bot_did_not(helping: Helping) -> None:
    """In a text channel by a reply, in a post by its first answer, under the post's title."""
    world = helping.world
    helped: Helped = await help_in(world)
    asked = await world.member.send(world.help, UNKNOWN)
    await helping.helper.send(world.help, ANSWER, reply_to=asked)
    note, *others = await proposed(world)
    assert (note.revision.submission.title, note.asked_message_id) == (UNKNOWN, asked.id)
    # The note that `help_in` has published.
    assert len(others) == 1

    thread = await helped.forum.post("Zanzibar ferry in winter", UNKNOWN)
    for text in ("Hello!", "Which ferry do you mean, the fast one?", ANSWER, f"{ANSWER} Enjoy."):
        await helping.helper.send(thread, text)
    note, *others = await proposed(world)
    assert note.revision.submission.title == "Zanzibar ferry in winter"
    assert note.revision.submission.text == ANSWER
    assert len(others) == 2


async def test_a_failed_look_costs_one_answer(helping: Helping, new_bot: NewBot) -> None:
    world = helping.world
    helped = await help_in(world)
    thread = await helped.forum.post("Zanzibar ferry in winter", UNKNOWN)
    # A new process doesn't have the first message.
    await world.start_again(new_bot)
    world.env.inject_error("GET", f"/channels/{thread.id}/messages/{thread.id}", status=503)
    await helping.helper.send(thread, ANSWER)
    assert len(await proposed(world)) == 1
    await helping.second.send(thread, ANSWER)
    note, _ = await proposed(world)
    assert note.revision.submission.text == ANSWER


# Withdrawn.


async def test_a_proposal_goes_with_its_messages(helping: Helping) -> None:
    world = helping.world
    asked, _ = await mention(world)
    said = await helping.helper.send(world.help, ANSWER, reply_to=asked)
    notice = helping.helper.user.dm_channel.last_message
    assert notice is not None
    assert UNKNOWN in notice.content
    await helping.helper.user.click(notice, label=messages.WITHDRAW_LABELS["yes"].english)
    [note] = await proposed(world)
    assert note.revision.state is State.WITHDRAWN

    # Another answer to the same question may be proposed now.
    said = await helping.second.send(world.help, ANSWER, reply_to=asked)
    await helping.second.delete(said)
    note, _ = await proposed(world)
    assert note.revision.state is State.WITHDRAWN
    assert "Withdrawn" in text_of(world.card)

    await helping.helper.send(world.help, ANSWER, reply_to=asked)
    await world.member.delete(asked)
    assert [note.revision.state for note in await proposed(world)] == [State.WITHDRAWN] * 3


@pytest.mark.parametrize("to", ["question", "refusal"])
async def test_a_proposal_is_withdrawn_with_its_question(helping: Helping, to: str) -> None:
    """Also if the reply referred to the refusal."""
    asked, refusal = await mention(helping.world)
    at = asked if to == "question" else refusal
    await helping.helper.send(helping.world.help, ANSWER, reply_to=at)
    await helping.world.member.delete(asked)
    [note] = await proposed(helping.world)
    assert note.revision.state is State.WITHDRAWN


@pytest.mark.parametrize("gone", ["question", "reply"])
async def test_offline_deletions_withdraw_proposals(
    helping: Helping, new_bot: NewBot, gone: str
) -> None:
    world = helping.world
    asked, refusal = await mention(world)
    said = await helping.helper.send(world.help, ANSWER, reply_to=refusal)
    await is_proposed(world, said)
    await world.bot.close()
    del world.env.backend.messages[world.help.id][(asked if gone == "question" else said).id]
    await world.restart(new_bot())
    await world.env.settle()
    [note] = await proposed(world)
    assert note.revision.state is State.WITHDRAWN


async def test_the_card_shows_an_edit_of_the_reply(helping: Helping) -> None:
    said = await to_a_mention(helping)
    clock = helping.world.env.backend.clock
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds() + 3_600)
    await helping.helper.edit(said, "It leaves at five.")
    [note] = await proposed(helping.world)
    assert note.source is not None
    assert note.source.change is SourceChange.EDITED
    assert cards._SOURCE_CHANGED[SourceChange.EDITED].english in text_of(helping.world.card)


# Not proposed.


async def test_proposals_are_off_by_default(helping: Helping) -> None:
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


async def test_talk_and_others_answers_are_not_proposed(helping: Helping) -> None:
    world = helping.world
    asked, _ = await mention(world)
    talk = "Which ferry do you mean, the fast one or the slow one to Zanzibar?"
    await helping.helper.send(world.help, talk, reply_to=asked)
    await world.second_member.send(world.help, ANSWER, reply_to=asked)
    helping.demote(helping.second)
    await helping.second.send(world.help, ANSWER, reply_to=asked)
    mine = await helping.helper.send(world.help, f"<@{world.bot.user.id}> {UNKNOWN}")  # type: ignore[union-attr]
    await helping.helper.send(world.help, ANSWER, reply_to=mine)
    assert await proposed(world) == []


@pytest.mark.parametrize("who", ["asker", "author"])
async def test_members_who_opted_out_are_left_out(helping: Helping, who: str) -> None:
    member: MemberActor = helping.world.member if who == "asker" else helping.helper
    await helping.world.core(lambda core: core.store.quote_opt_outs.withhold(member.id))
    await to_a_mention(helping)
    assert await proposed(helping.world) == []


async def test_closed_answers_are_not_proposed(helping: Helping) -> None:
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
