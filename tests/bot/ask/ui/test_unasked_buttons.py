"""Below an unasked answer its asker and the moderators decide, also after a restart."""

import discord
from simcord import ChannelHandle, MemberActor

from bot.ask import messages
from bot.ask.ui import unasked_buttons
from knowledge.values.questions import Verdict
from tests.bot.faults import fail
from tests.bot.forum import ASKED, POST_TITLE, SOLVED, Helped
from tests.bot.message_parts import choices, custom_ids, said
from tests.bot.world import OTHER_PASSAGES, TEXT, NewBot, World, build_world, looked_into

SOLVED_LABEL = unasked_buttons.LABELS["solved"].english
DISMISS_LABEL = unasked_buttons.LABELS["dismiss"].english


async def answered(helped: Helped) -> tuple[ChannelHandle, discord.Message]:
    """A post of the member, and the bot's answer in it."""
    post = await helped.forum.post(POST_TITLE, ASKED)
    [answer] = helped.said_in(post)
    return post, answer


def let_manage_threads(world: World) -> None:
    role = world.bot_role
    may = discord.Permissions(role._role.permissions)
    # The server of the tests asks for the one to do what Discord asks for the other.
    may.update(manage_threads=True, manage_channels=True)
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": may.value})


def tags_of(helped: Helped, post: ChannelHandle) -> list[int]:
    thread = helped.world.bot.get_channel(post.id)
    assert isinstance(thread, discord.Thread)
    return [tag.id for tag in thread.applied_tags]


async def verdicts(helped: Helped, answer: discord.Message) -> list[Verdict]:
    question_id = int(custom_ids(answer)[0].split(":")[1])
    found = await helped.world.core(lambda core: core.store.feedback_records.of(question_id))
    return [one.verdict for one in found]


async def by(helped: Helped, actor: MemberActor, answer: discord.Message, label: str) -> str:
    """What somebody is told who presses a button."""
    return said(await actor.click(answer, label=label))


async def test_solved_counts_and_marks_the_post(helped: Helped) -> None:
    let_manage_threads(helped.world)
    post, answer = await answered(helped)
    told = await by(helped, helped.world.member, answer, SOLVED_LABEL)
    assert told == unasked_buttons.MARKED_SOLVED.english
    assert tags_of(helped, post) == [SOLVED]
    assert await verdicts(helped, answer) == [Verdict.HELPFUL]
    # Once more changes nothing, and is not said to have.
    again = await by(helped, helped.world.member, answer, SOLVED_LABEL)
    assert again == unasked_buttons.THANKS_FOR_SOLVED.english


async def test_solved_counts_without_the_tag(helped: Helped) -> None:
    post, answer = await answered(helped)
    told = await by(helped, helped.world.moderator, answer, SOLVED_LABEL)
    assert told == unasked_buttons.THANKS_FOR_SOLVED.english
    assert tags_of(helped, post) == []
    assert await verdicts(helped, answer) == [Verdict.HELPFUL]


async def test_a_post_with_five_tags_keeps_them(helped: Helped) -> None:
    let_manage_threads(helped.world)
    post, answer = await answered(helped)
    forum = helped.world.env.backend.get_channel(helped.forum.id)
    forum.available_tags += [
        {**forum.available_tags[0], "id": str(number), "name": f"Topic {number}"}
        for number in range(1, 6)
    ]
    helped.world.env.backend.announce_channel_update(forum.id)
    helped.world.env.backend.edit_channel(post.id, {"applied_tags": [1, 2, 3, 4, 5]})
    await helped.world.env.settle()
    told = await by(helped, helped.world.member, answer, SOLVED_LABEL)
    assert told == unasked_buttons.THANKS_FOR_SOLVED.english
    assert tags_of(helped, post) == [1, 2, 3, 4, 5]


async def test_only_asker_and_moderators_solve_and_dismiss(helped: Helped) -> None:
    world = helped.world
    post, answer = await answered(helped)
    world.demote(world.moderator)
    await world.env.settle()
    for actor in (world.second_member, world.moderator):
        for label in (SOLVED_LABEL, DISMISS_LABEL):
            told = await by(helped, actor, answer, label)
            assert told == unasked_buttons.NOT_YOURS.english
    assert await verdicts(helped, answer) == []
    assert len(helped.said_in(post)) == 1


async def test_a_moderator_takes_the_answer_away(helped: Helped) -> None:
    post, answer = await answered(helped)
    told = await by(helped, helped.world.moderator, answer, DISMISS_LABEL)
    assert told == unasked_buttons.DISMISSED.english
    assert helped.said_in(post) == []


async def test_what_discord_does_not_delete_is_said(helped: Helped) -> None:
    post, answer = await answered(helped)
    fail(helped.world, "DELETE", f"/channels/{post.id}/messages/*", (403, 50013))
    told = await by(helped, helped.world.member, answer, DISMISS_LABEL)
    assert told == unasked_buttons.NOT_DISMISSED.english


async def test_anybody_may_find_it_unhelpful_and_say_why(helped: Helped) -> None:
    _, answer = await answered(helped)
    told = await by(helped, helped.world.second_member, answer, "Not helpful")
    assert told.startswith(messages.FEEDBACK_UNHELPFUL.english)
    assert await verdicts(helped, answer) == [Verdict.UNHELPFUL]


async def test_a_pick_without_words_counts_unconfirmed(helped: Helped) -> None:
    _, answer = await answered(helped)
    shown = await looked_into(helped.world.member, answer, OTHER_PASSAGES)
    assert TEXT in shown.replace("**", "")
    select = custom_ids(answer)[-1]
    digest = next(iter(choices(answer)))
    chosen = await helped.world.member.select(answer, [digest], custom_id=select)
    assert chosen.response is not None
    [pick] = custom_ids(chosen.response)
    picked = await helped.world.member.click(chosen.response, custom_id=pick)
    assert said(picked) == messages.PICKED.english


async def test_all_controls_work_after_restarts(helped: Helped, new_bot: NewBot) -> None:
    post, answer = await answered(helped)
    await helped.world.start_again(new_bot)
    member = helped.world.member
    shown = await looked_into(member, answer, OTHER_PASSAGES)
    assert TEXT in shown.replace("**", "")
    for label, verdict in (("Not helpful", Verdict.UNHELPFUL), (SOLVED_LABEL, Verdict.HELPFUL)):
        await by(helped, member, answer, label)
        assert await verdicts(helped, answer) == [verdict]
    await by(helped, member, answer, DISMISS_LABEL)
    assert helped.said_in(post) == []


async def test_an_id_that_was_forged_elsewhere_does_nothing(helped: Helped) -> None:
    _, answer = await answered(helped)
    question_id = custom_ids(answer)[0].split(":")[1]
    other = build_world(helped.world.env, "Another")
    await other.set_up()
    there = await other.moderator.send(other.general, "hello")
    here = await helped.world.moderator.send(helped.world.general, "hello")
    for action in ("solved", "dismiss"):
        for actor, message in ((other.moderator, there), (helped.world.moderator, here)):
            pressed = other.press(actor, message, f"helped:{question_id}:{action}")
            await helped.world.env.settle()
            assert said(pressed) == messages.FEEDBACK_GONE.english
    assert await verdicts(helped, answer) == []
