"""*Ask the moderators* below a refusal: once, knowingly, and without the asker's name."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import Env, InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.gaps import handover_messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from knowledge.values.questions import NotHandedOn
from tests.bot.gaps.handing_over import ANSWER, EN, Helping, direct, post, posts, told
from tests.bot.message_parts import buttons, everything, longest_part, said, shown_message, up_to
from tests.bot.spoken import english, said_in
from tests.bot.world import UNKNOWN, NewBot, World, build_world

ASK = english(handover_messages.ASK_MODERATORS_LABELS["ask"])


DONE = english(handover_messages.confirmation, by_asker=True, quiet=False)


ALREADY = english(handover_messages.refusal, NotHandedOn.ALREADY)


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

    await world.choose(ask_moderators="yes")

    assert buttons((await world.ask(UNKNOWN)).response) == ["Write this note", ASK]
    await world.publish()
    assert ASK not in buttons((await world.ask()).response)
    await world.member.send_dm(UNKNOWN)
    assert ASK not in buttons(world.member.user.dm_channel.last_message)


async def test_a_repeated_hand_over_posts_once(asking: World, new_bot: NewBot) -> None:
    refused = await asking.ask(UNKNOWN)
    again = await asking.ask(f"{UNKNOWN.upper()}?", by=asking.second_member)
    await asking.start_again(new_bot)
    clicks = [
        asking.press(actor, shown_message(refused).message, "moderators:1:ask")
        for actor in (asking.member, asking.second_member)
    ]
    await asking.env.settle()

    others = english(handover_messages.confirmation, by_asker=False, quiet=False)
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
    assert said(forged) == english(handover_messages.QUESTION_GONE)

    first = await pressed(asking.member, private)
    assert said(first) == english(handover_messages.ASKS_FIRST)
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

    assert said(forged) == english(handover_messages.QUESTION_GONE)
    assert [*posts(other.review), *posts(asking.review)] == []


async def test_without_a_channel_a_hand_over_is_repeatable(asking: World) -> None:
    refused = await asking.ask(UNKNOWN)
    await turn(asking, on=False)
    assert said(await pressed(asking.member, refused)) == english(handover_messages.NOT_SET_UP)
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

    assert first in {english(handover_messages.NOT_POSTED), english(handover_messages.NOT_SET_UP)}
    assert said(await pressed(asking.member, refused)) == DONE
    assert len(posts(asking.review)) == 1


async def test_a_hand_over_speaks_the_servers_language(asking: World) -> None:
    german = Language.GERMAN
    await turn(asking, language=german)
    asking.speaks(asking.member, "ja")
    await asking.core(lambda core: core.store.gaps.set_opt_out(asking.member.id, quiet=True))
    refused = await asking.ask(UNKNOWN)

    result = await pressed(
        asking.member, refused, said_in(german, handover_messages.ASK_MODERATORS_LABELS["ask"])
    )

    assert said(result) == said_in(
        german, handover_messages.confirmation, by_asker=True, quiet=True
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


# From the question to the note.


async def test_a_helpers_answer_becomes_their_note(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    assert "**Open**" in post(helping).content

    await helping.helper.click(post(helping), label="Claim")
    claimed = up_to("when", handover_messages._CLAIMED, helper=f"<@{helping.helper.id}>")
    assert claimed in post(helping).content
    assert buttons(post(helping)) == ["Answer", "Give it back", "Not for us"]
    thanks = await helping.answer(post(helping))

    assert (
        said(thanks)
        == f"{english(handover_messages._THANKS)} {english(handover_messages._MAY_PROPOSE)}"
    )
    [message] = told(world.general)
    assert f"**{helping.helper.user.name}** has answered:" in message.content.replace("\\", "")
    assert "> It leaves at **nine** and at four." in message.content
    assert [member.id for member in message.mentions] == [world.member.id]
    assert not message.mention_everyone
    assert "**Answered**" in post(helping).content
    assert buttons(post(helping)) == ["Send to review"]

    # Two clicks propose one note.
    for actor in (helping.helper, world.moderator):
        world.press(actor, post(helping), "handover:1:send")
    await world.env.settle()

    [listed] = await world.core(lambda core: core.store.notes.listed(world.guild.id))
    note = await world.note(listed.id)
    assert note.contributor_id == helping.helper.id
    assert note.revision.submission.text == ANSWER
    assert note.revision.submission.title == UNKNOWN
    assert buttons(post(helping)) == []
    # The asker has the answer already, so its publication brings no second notice.
    await world.second_moderator.click(world.card, label="Approve")
    await world.env.settle()
    assert len(told(world.general)) == 1


async def test_an_unnamed_helper_is_named_nowhere(helping: Helping) -> None:
    await helping.hand_over()
    await helping.answer(post(helping), name="unnamed")

    [message] = told(helping.world.general)
    assert "A helper has answered:" in message.content
    assert f"<@{helping.helper.id}>" not in post(helping).content
    await helping.world.moderator.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.world.moderator.id


async def test_submitting_anyway_keeps_the_helpers_credit(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await world.publish("Departures", ANSWER)
    await helping.answer(post(helping))

    asked = await world.moderator.click(post(helping), label="Send to review")
    assert asked.response is not None
    await world.moderator.click(asked.response, custom_id="draft:submit")

    notes = await world.core(
        lambda core: core.store.notes.of_member(world.guild.id, helping.helper.id)
    )
    assert [note.revision.submission.text for note in notes] == [ANSWER]


async def test_private_questions_are_answered_privately(helping: Helping) -> None:
    world = helping.world
    await world.ask(UNKNOWN, by=world.second_member)
    await helping.hand_over(private=True)
    assert "asked privately" in post(helping).content

    await helping.answer(post(helping))

    assert told(world.general) == []
    [message] = direct(world)
    assert ANSWER.split(".", maxsplit=1)[0] in message.content


async def test_helpers_learn_of_unwanted_notices(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await world.core(lambda core: core.store.gaps.set_opt_out(world.member.id, quiet=True))

    thanks = english(handover_messages._THANKS_TO_NOBODY)
    may_propose = english(handover_messages._MAY_PROPOSE)
    assert said(await helping.answer(post(helping))) == f"{thanks} {may_propose}"
    assert told(world.general) == []


async def test_buttons_survive_a_restart(helping: Helping, new_bot: NewBot) -> None:
    await helping.hand_over()
    await helping.world.start_again(new_bot)
    for label, state in (
        ("Claim", "**Claimed**"),
        ("Give it back", "**Open**"),
        ("Not for us", "**Not for us**"),
        ("Open again", "**Open**"),
    ):
        await helping.helper.click(post(helping), label=label)
        assert state in post(helping).content
    assert buttons(post(helping)) == ["Claim", "Answer", "Not for us"]
    await helping.answer(post(helping))
    await helping.world.start_again(new_bot)
    await helping.helper.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.helper.id


# Rights.


async def test_a_claim_holds_until_a_moderator_ends_it(helping: Helping) -> None:
    await helping.hand_over()
    pair = (helping.helper, helping.second)
    clicks = [helping.world.press(helper, post(helping), "handover:1:claim") for helper in pair]
    await helping.world.env.settle()

    winner = (await helping.standing()).helper_id
    other = helping.second if winner == helping.helper.id else helping.helper
    taken = up_to("when", handover_messages._TAKEN, helper=f"<@{winner}>")
    [refused] = [message.content for click in clicks for message in click.followups]
    assert taken in refused
    for label in ("Answer", "Give it back", "Not for us"):
        assert taken in everything(await other.click(post(helping), label=label))
    assert (await helping.standing()).helper_id == winner
    await helping.world.moderator.click(post(helping), label="Give it back")
    assert "**Open**" in post(helping).content


async def test_one_of_simultaneous_answers_arrives(helping: Helping) -> None:
    await helping.hand_over()
    forms = [
        await by.click(post(helping), label="Answer") for by in (helping.helper, helping.second)
    ]

    first = await helping.helper.submit_modal(forms[0], {"answer": "One.", "name": ["unnamed"]})
    second = await helping.second.submit_modal(forms[1], {"answer": "Two.", "name": ["unnamed"]})

    assert (
        said(first)
        == f"{english(handover_messages._THANKS)} {english(handover_messages._MAY_PROPOSE)}"
    )
    assert up_to("when", handover_messages._DONE, helper=f"<@{helping.helper.id}>") in said(second)
    assert "Two." in said(second)
    [message] = told(helping.world.general)
    assert "> One." in message.content


async def test_members_and_former_helpers_are_refused(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    message = post(helping)
    helping.demote(helping.helper)
    before = await helping.standing()

    clicks = [
        world.press(actor, message, f"handover:1:{action}")
        for action in handover_messages.LABELS
        for actor in (world.member, helping.helper)
    ]
    # Its form was open when the role was taken.
    typed: dict[str, str | list[str]] = {"answer": "Nine.", "name": ["named"]}
    form = world.submit(helping.helper, "form:helper:1:ab", typed)
    await world.env.settle()

    assert all(
        english(error_messages.NOT_A_HELPER) in everything(click) for click in [*clicks, form]
    )
    assert "Nine." in said(form)
    assert await helping.standing() == before
    assert told(world.general) == []


async def test_another_helper_may_take_over_a_stale_claim(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await helping.helper.click(post(helping), label="Claim")

    def age(core: Any) -> None:
        with core.store.database.writing():
            core.store.database.run("update handed_on set changed_at = '2020-01-01T00:00:00+00:00'")

    await world.core(age)
    await world.bot.outbox.catch_up()

    assert longest_part(handover_messages._STALE_CLAIM) in post(helping).content
    await helping.second.click(post(helping), label="Claim")
    claimed = up_to("when", handover_messages._CLAIMED, helper=f"<@{helping.second.id}>")
    assert claimed in post(helping).content
