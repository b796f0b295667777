"""Hand-overs from the question to the answer and the note: where, by whom, exactly once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor, RoleHandle
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.client import Bot
from bot.handover import messages
from knowledge.model.guilds import Language
from knowledge.model.handovers import Handover
from knowledge.store.questions.handovers import NotHandedOn
from tests.bot.faults import fail
from tests.bot.steps import restarted, said
from tests.bot.world import UNKNOWN, World, buttons

EN = Language.ENGLISH
ANSWER = "It leaves at **nine** and at four. @everyone"


class Helping:
    """A world with helpers, who are asked in a place of their own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.role: RoleHandle = world.guild.create_role("Helpers")
        self.helper = self.joined("hana", self.role)
        self.second = self.joined("hugo", self.role)

    def joined(self, name: str, *roles: RoleHandle) -> MemberActor:
        user = self.world.env.create_user(f"{name}-{self.world.guild.id}")
        return self.world.guild.add_member(user, roles=roles)

    def closed(self) -> dict[Any, discord.PermissionOverwrite]:
        """What lets helpers, moderators and the bot see a place, and nobody else."""
        seen = discord.PermissionOverwrite(view_channel=True)
        world = self.world
        return {
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            self.role: seen,
            world.moderator_role: seen,
            world.bot_role: seen,
        }

    def sees(self, channel: ChannelHandle) -> None:
        """Show a place to helpers, too."""
        allow = discord.Permissions(view_channel=True).value
        self.world.env.backend.set_overwrite(
            channel.id, Overwrite(self.role.id, OverwriteType.ROLE, allow=allow)
        )

    def forum(self) -> ChannelHandle:
        """A forum that helpers, moderators and the bot see, and nobody else."""
        made = self.world.guild.create_forum_channel("questions")
        for role, seen in self.closed().items():
            allow, deny = (one.value for one in seen.pair())
            self.world.env.backend.set_overwrite(
                made.id, Overwrite(role.id, OverwriteType.ROLE, allow=allow, deny=deny)
            )
        return made

    def demote(self, member: MemberActor) -> None:
        world = self.world
        world.env.backend.remove_member_role(world.guild.id, member.id, self.role.id)

    async def choose(self, **changed: Any) -> None:
        world = self.world
        chosen = {"hand_on": True, "helper_role_id": self.role.id, **changed}
        settings = await world.core(lambda core: core.store.guilds.settings(world.guild.id))
        kept = replace(settings, **chosen)
        await world.core(lambda core: core.store.guilds.save_settings(kept, world.admin.id))
        world.bot.guild_settings.forget(world.guild.id)

    async def hand_over(self, **asked: Any) -> InteractionResult:
        """A member asks, is refused, and has the question handed over."""
        refused = await self.world.ask(UNKNOWN, **asked)
        assert refused.response is not None
        pressed = await self.world.member.click(refused.response, label="Ask the moderators")
        if asked.get("private"):
            assert pressed.response is not None
            pressed = await self.world.member.click(pressed.response, label="Ask them")
        return pressed

    async def standing(self, question_id: int = 1) -> Handover:
        guild_id = self.world.guild.id
        found = await self.world.core(lambda core: core.store.handovers.find(guild_id, question_id))
        assert isinstance(found, Handover)
        return found

    async def answer(
        self, post: discord.Message, by: MemberActor | None = None, name: str = "named"
    ) -> InteractionResult:
        by = by or self.helper
        form = await by.click(post, label="Answer")
        return await by.submit_modal(form, {"answer": ANSWER, "name": [name]})


@pytest.fixture
async def helping(world: World) -> Helping:
    made = Helping(world)
    made.sees(world.review)
    await made.choose()
    return made


def posts(channel: Any) -> list[discord.Message]:
    return [one for one in channel.history() if "asks the moderators" in one.content]


def post(helping: Helping) -> discord.Message:
    [found] = posts(helping.world.review)
    return found


def told(channel: Any) -> list[discord.Message]:
    return [one for one in channel.history() if "You asked this" in one.content]


def direct(world: World) -> list[discord.Message]:
    return told(world.member.user.dm_channel)


# From the question to the note.


async def test_a_helpers_answer_goes_to_the_asker_and_becomes_a_note_with_their_name(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    assert "**Open**" in post(helping).content

    await helping.helper.click(post(helping), label="Claim")
    assert f"**Claimed** by <@{helping.helper.id}>" in post(helping).content
    assert buttons(post(helping)) == ["Answer", "Give it back", "Not for us"]
    thanks = await helping.answer(post(helping))

    assert said(thanks) == messages.THANKS(EN)
    [message] = told(world.general)
    assert f"**{helping.helper.user.name}** answers:" in message.content.replace("\\", "")
    assert "> It leaves at **nine** and at four." in message.content
    assert [one.id for one in message.mentions] == [world.member.id]
    assert not message.mention_everyone
    assert "**Answered**" in post(helping).content
    assert buttons(post(helping)) == ["Send to review"]

    await world.moderator.click(post(helping), label="Send to review")

    note = await world.note()
    assert note.contributor_id == helping.helper.id
    assert note.revision.submission.text == ANSWER
    assert note.revision.submission.title == UNKNOWN
    assert buttons(post(helping)) == []
    # Who was told what a helper wrote is not told once more when it is a note.
    [approve] = [one for one in buttons(world.card) if one == "Approve"]
    await world.second_moderator.click(world.card, label=approve)
    await world.env.settle()
    assert len(told(world.general)) == 1


async def test_who_does_not_agree_is_named_nowhere_and_the_note_is_whose_sends_it(
    helping: Helping,
) -> None:
    await helping.hand_over()
    await helping.answer(post(helping), name="unnamed")

    [message] = told(helping.world.general)
    assert "A helper answers:" in message.content
    assert f"<@{helping.helper.id}>" not in post(helping).content
    await helping.world.moderator.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.world.moderator.id


async def test_the_note_is_the_helpers_also_where_it_is_submitted_whatever_is_near(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await world.publish("Departures", ANSWER)
    await helping.answer(post(helping))

    asked = await world.moderator.click(post(helping), label="Send to review")
    assert asked.response is not None
    await world.moderator.click(asked.response, custom_id="draft:submit")

    notes = await world.core(lambda core: core.store.notes.by(world.guild.id, helping.helper.id))
    assert [one.revision.submission.text for one in notes] == [ANSWER]


async def test_two_clicks_on_send_to_review_are_one_note(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await helping.answer(post(helping))
    message = post(helping)

    for actor in (helping.helper, world.moderator):
        world.press(actor, message, "handover:1:send")
    await world.env.settle()

    notes = await world.core(lambda core: core.store.notes.listed(world.guild.id))
    assert len(notes) == 1


async def test_a_private_question_is_answered_to_its_asker_alone(helping: Helping) -> None:
    world = helping.world
    await world.ask(UNKNOWN, by=world.second_member)
    await helping.hand_over(private=True)
    assert "asked privately" in post(helping).content

    await helping.answer(post(helping))

    assert told(world.general) == []
    [message] = direct(world)
    assert ANSWER.split(".", maxsplit=1)[0] in message.content


async def test_where_the_asker_reads_no_more_the_answer_comes_directly(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    hidden = discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(
        world.general.id, Overwrite(world.member.id, OverwriteType.MEMBER, deny=hidden)
    )

    await helping.answer(post(helping))

    assert told(world.general) == []
    assert len(direct(world)) == 1


async def test_everybody_who_asked_it_in_these_words_is_told_once(helping: Helping) -> None:
    world = helping.world
    await world.ask(f"{UNKNOWN}?", by=world.second_member)
    await world.ask(UNKNOWN.upper(), by=world.second_member)
    refused = await world.ask(UNKNOWN)
    assert refused.response is not None
    await world.member.click(refused.response, label="Ask the moderators")

    await helping.answer(post(helping))

    asked = {f"<@{one.id}>" for one in (world.member, world.second_member)}
    assert {one.content.split()[0] for one in told(world.general)} == asked
    assert len(told(world.general)) == 2


async def test_who_has_left_or_wants_to_be_left_alone_is_told_nothing(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    world.env.backend.remove_member(world.guild.id, world.member.id)

    assert said(await helping.answer(post(helping))) == messages.THANKS(EN)
    assert told(world.general) == []
    assert await world.core(lambda core: core.store.notices.unsent()) == []


async def test_who_wants_to_be_left_alone_is_not_told_and_the_helper_knows(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await world.core(lambda core: core.store.gaps.keep_quiet(world.member.id, quiet=True))

    assert said(await helping.answer(post(helping))) == messages.THANKS_TO_NOBODY(EN)
    assert told(world.general) == []


# Who may do what.


async def test_of_two_who_claim_at_once_exactly_one_does(helping: Helping) -> None:
    await helping.hand_over()
    message = post(helping)

    clicks = [
        helping.world.press(actor, message, "handover:1:claim")
        for actor in (helping.helper, helping.second)
    ]
    await helping.world.env.settle()

    refused = [one.content for click in clicks for one in click.followups]
    winner = (await helping.standing()).helper_id
    assert len(refused) == 1
    assert f"<@{winner}> has claimed this" in refused[0]
    assert f"<@{winner}>" in post(helping).content


async def test_of_two_who_answer_at_once_exactly_one_is_told_to_the_asker(
    helping: Helping,
) -> None:
    await helping.hand_over()
    forms = [
        await by.click(post(helping), label="Answer") for by in (helping.helper, helping.second)
    ]

    first = await helping.helper.submit_modal(forms[0], {"answer": "One.", "name": ["unnamed"]})
    second = await helping.second.submit_modal(forms[1], {"answer": "Two.", "name": ["unnamed"]})

    assert said(first) == messages.THANKS(EN)
    assert f"<@{helping.helper.id}> has answered this" in said(second)
    assert "Two." in said(second)
    [message] = told(helping.world.general)
    assert "> One." in message.content


async def test_what_one_has_claimed_another_neither_answers_nor_declines(helping: Helping) -> None:
    await helping.hand_over()
    await helping.helper.click(post(helping), label="Claim")

    for label in ("Answer", "Give it back", "Not for us"):
        refused = await helping.second.click(post(helping), label=label)
        text = "\n".join(
            one.content for one in [refused.response, *refused.followups] if one is not None
        )
        assert f"<@{helping.helper.id}> has claimed this" in text
    assert (await helping.standing()).helper_id == helping.helper.id
    # A moderator ends anybody's claim.
    await helping.world.moderator.click(post(helping), label="Give it back")
    assert "**Open**" in post(helping).content


@pytest.mark.parametrize("action", ["claim", "answer", "decline", "back", "again", "send"])
async def test_no_member_and_nobody_whose_role_is_gone_does_anything(
    helping: Helping, action: str
) -> None:
    world = helping.world
    await helping.hand_over()
    message = post(helping)
    demoted = helping.joined("hedy", helping.role)
    helping.demote(demoted)
    before = await helping.standing()

    clicks = [
        world.press(actor, message, f"handover:1:{action}") for actor in (world.member, demoted)
    ]
    await world.env.settle()

    for click in clicks:
        shown = [click.response, *click.followups]
        assert messages.NOT_A_HELPER(EN) in [one.content for one in shown if one is not None]
    assert await helping.standing() == before


async def test_a_form_that_was_open_when_the_role_was_taken_is_given_back(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    helping.demote(helping.helper)

    typed: dict[str, str | list[str]] = {"answer": "Nine.", "name": ["named"]}
    result = world.submit(helping.helper, "form:helper:1:ab", typed)
    await world.env.settle()

    assert messages.NOT_A_HELPER(EN) in said(result)
    assert "Nine." in said(result)
    assert told(world.general) == []


async def test_what_is_not_for_them_can_be_opened_again(helping: Helping) -> None:
    await helping.hand_over()

    await helping.helper.click(post(helping), label="Not for us")
    assert f"**Not for us**, says <@{helping.helper.id}>" in post(helping).content
    assert buttons(post(helping)) == ["Open again"]
    await helping.second.click(post(helping), label="Open again")

    assert buttons(post(helping)) == ["Claim", "Answer", "Not for us"]


async def test_what_has_waited_too_long_says_so_and_somebody_else_may_take_it(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.hand_over()
    await helping.helper.click(post(helping), label="Claim")

    def age(core: Any) -> None:
        with core.store.database.writing():
            core.store.database.run("update handed_on set changed_at = '2020-01-01T00:00:00+00:00'")

    await world.core(age)
    await world.bot.outbox.catch_up()

    assert "**Still open** · Claimed by" in post(helping).content
    await helping.second.click(post(helping), label="Claim")
    assert f"**Claimed** by <@{helping.second.id}>" in post(helping).content


async def test_every_button_works_after_a_restart(
    helping: Helping, new_bot: Callable[[], Bot]
) -> None:
    await helping.hand_over()
    for label, state in (
        ("Claim", "**Claimed**"),
        ("Give it back", "**Open**"),
        ("Not for us", "**Not for us**"),
        ("Open again", "**Open**"),
    ):
        await restarted(helping.world, new_bot)
        await helping.helper.click(post(helping), label=label)
        assert state in post(helping).content
    await restarted(helping.world, new_bot)
    await helping.answer(post(helping))
    await restarted(helping.world, new_bot)
    await helping.helper.click(post(helping), label="Send to review")
    assert (await helping.world.note()).contributor_id == helping.helper.id


# Where it is posted.


async def test_a_text_channel_gets_a_thread_and_a_forum_a_post(helping: Helping) -> None:
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


async def test_where_others_read_a_private_question_goes_to_the_review_channel(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.choose(handover_channel_id=world.help.id)

    await helping.hand_over(private=True)

    assert posts(world.help) == []
    assert len(posts(world.review)) == 1


async def test_where_others_read_both_places_a_private_question_is_not_handed_over(
    helping: Helping,
) -> None:
    world = helping.world
    await helping.choose(review_channel_id=world.help.id)

    result = await helping.hand_over(private=True)

    assert said(result) == messages.not_handed_on(NotHandedOn.PRIVATE, EN)
    assert posts(world.help) == []
    assert await world.core(lambda core: core.store.handovers.every(world.guild.id)) == {}


async def test_a_public_question_of_a_closed_channel_is_not_posted_where_others_read(
    helping: Helping,
) -> None:
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


@pytest.mark.parametrize("error", [(403, 50013), (404, 10003), (400, 50035)])
async def test_where_the_chosen_place_takes_nothing_it_goes_to_the_review_channel(
    helping: Helping, error: tuple[int, int]
) -> None:
    world = helping.world
    forum = helping.forum()
    await helping.choose(handover_channel_id=forum.id)
    fail(world, "POST", f"/channels/{forum.id}/threads", error)

    await helping.hand_over()

    assert len(posts(world.review)) == 1


async def test_a_message_that_was_deleted_is_claimed_by_nobody_and_posted_no_more(
    helping: Helping,
) -> None:
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


async def test_a_forum_post_that_was_deleted_is_posted_no_more(helping: Helping) -> None:
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


async def test_without_the_right_to_begin_threads_the_message_is_enough(helping: Helping) -> None:
    world = helping.world
    denied = discord.Permissions(create_public_threads=True).value
    allowed = discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(
        world.review.id,
        Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=allowed, deny=denied),
    )

    await helping.hand_over()

    assert world.review.threads == []
    assert said(await helping.answer(post(helping))) == messages.THANKS(EN)


async def _other(helping: Helping) -> discord.Message:
    return await helping.world.moderator.send(helping.world.review, "hello")


async def test_a_question_that_is_gone_can_be_claimed_no_more(helping: Helping) -> None:
    world = helping.world
    await helping.hand_over()
    await world.core(lambda core: core.store.personal_data.forget(world.member.id, withdraw=False))

    click = await helping.helper.click(post(helping), label="Claim")

    assert [one.content for one in click.followups] == [messages.GONE(EN)]


async def test_what_an_earlier_version_posted_can_be_written_for_and_is_in_no_ones_way(
    helping: Helping, new_bot: Callable[[], Bot]
) -> None:
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
    await restarted(world, new_bot)
    await world.bot.outbox.catch_up()
    assert posts(world.review) == []
    assert (await helping.standing()).stale

    form = world.press(world.moderator, await _other(helping), "gap:1:write")
    await world.env.settle()
    assert form.modal is not None
