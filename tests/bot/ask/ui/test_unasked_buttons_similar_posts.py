"""A post without a sure answer gets titles of solved posts and notes, where that is turned on."""

import discord
import pytest
from simcord import ChannelHandle, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.ask.ui import unasked_buttons
from bot.ask.ui.unasked_cog import UnaskedCog
from bot.config.settings import HelperSettings, Settings, SourceSettings
from bot.text.error_messages import NOT_A_HELPER
from knowledge.values.questions import Evidence
from knowledge.values.settings import Mode
from tests.bot.ask.ui.test_open_posts import hours_later
from tests.bot.ask.ui.test_unasked_buttons import let_manage_threads, tags_of
from tests.bot.components import part
from tests.bot.faults import fail
from tests.bot.forum import ANSWER, QUESTION, SOLVED, TITLE, UNKNOWN, Helped, add, make_forum, read
from tests.bot.message_parts import custom_ids, said
from tests.bot.world import NewBot

# The words are those of the solved post, as the tests' embedder wants it. The title is unsure.
ASKED = QUESTION
ASKED_TITLE = "Hail"
SOLVED_IT, DUPLICATE, DISMISS = (
    unasked_buttons.SIMILAR_LABELS[action].english for action in ("solved", "duplicate", "dismiss")
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data=settings.data,
        questions=settings.questions,
        helper=HelperSettings(message_content=True),
        sources=SourceSettings(channels=True),
    )


@pytest.fixture
async def similar(helped: Helped) -> Helped:
    """A forum with a solved post that the bot has read, where similar posts are offered."""
    await helped.forum.solved()
    await add(helped.world, helped.forum)
    await read(helped.world)
    await helped.set(helped.forum.id, similar_posts=True)
    return helped


async def offered(similar: Helped) -> tuple[ChannelHandle, discord.Message]:
    """A new post, and the message with similar posts in it."""
    post = await similar.forum.post(ASKED_TITLE, ASKED)
    [message] = similar.said_in(post)
    return post, message


async def chosen(
    actor: MemberActor, message: discord.Message, label: str = SOLVED_IT, choice: str = "0"
) -> str:
    """What somebody is told who presses a button and chooses a title."""
    listed = await actor.click(message, label=label)
    assert listed.response is not None
    [select] = custom_ids(listed.response)
    return said(await actor.select(listed.response, [choice], custom_id=select))


async def test_unsure_post_gets_titles_and_no_quotation(similar: Helped) -> None:
    _, message = await offered(similar)
    assert f"[{TITLE}](<https://discord.com/channels/" in message.content
    assert unasked_buttons.LEAD.english in message.content
    assert ANSWER not in message.content
    assert custom_ids(message) == ["similar:solved", "similar:duplicate", "similar:dismiss"]


async def test_nothing_similar_or_turned_off_offers_nothing(similar: Helped) -> None:
    other = await similar.forum.post("Ferry", UNKNOWN)
    await similar.set(similar.forum.id, similar_posts=False)
    off = await similar.forum.post(ASKED_TITLE, ASKED)
    assert (similar.said_in(other), similar.said_in(off)) == ([], [])


async def test_private_posts_are_not_offered_publicly(similar: Helped) -> None:
    world = similar.world
    public = make_forum(world, "public-forum")
    await similar.set(public.id, mode=Mode.HELP, wait_seconds=0, similar_posts=True)
    assert len(similar.said_in(await public.post(ASKED_TITLE, ASKED))) == 1
    denied = discord.Permissions(view_channel=True).value
    overwrite = Overwrite(world.guild.id, OverwriteType.ROLE, deny=denied)
    world.env.backend.set_overwrite(similar.forum.id, overwrite)
    await world.env.settle()
    assert similar.said_in(await public.post(ASKED_TITLE, ASKED)) == []


async def test_unsolved_posts_are_not_offered(helped: Helped) -> None:
    asked = await helped.forum.post(TITLE, QUESTION)
    await helped.world.second_member.send(asked, "I have no idea, and would like to know it, too.")
    await add(helped.world, helped.forum)
    await read(helped.world)
    await helped.set(helped.forum.id, similar_posts=True)
    assert helped.said_in(await helped.forum.post(ASKED_TITLE, ASKED)) == []


@pytest.mark.parametrize(("offers", "titles"), [(False, 1), (True, 0)])
async def test_a_ping_names_similar_posts_once(similar: Helped, offers: bool, titles: int) -> None:
    await similar.set(similar.forum.id, similar_posts=offers, ping_hours=8)
    post = await similar.forum.post(ASKED_TITLE, ASKED)
    await hours_later(similar, 8)
    pinged = similar.said_in(post)[-1].content
    assert pinged.startswith(f"<@&{similar.world.moderator_role.id}>")
    assert pinged.count(f"[{TITLE}](<https://discord.com/channels/") == titles


@pytest.mark.parametrize("label", [SOLVED_IT, DUPLICATE])
async def test_a_choice_is_confirmed_and_tagged_once(similar: Helped, label: str) -> None:
    let_manage_threads(similar.world)
    post, message = await offered(similar)
    actor = similar.world.member if label == SOLVED_IT else similar.world.moderator
    assert await chosen(actor, message, label) == unasked_buttons.MARKED_SOLVED.english
    assert await chosen(actor, message, label) == unasked_buttons.THANKS_FOR_SOLVED.english
    assert tags_of(similar, post) == [SOLVED]
    [judged] = await similar.world.core(lambda core: core.store.question_records.judged_helpful())
    assert (judged.text, judged.evidence) == (f"{ASKED_TITLE}\n{ASKED}", Evidence.PARTIAL)
    assert judged.hits[0].source_channel_id == similar.forum.id
    [confirmed] = await similar.world.core(
        lambda core: core.store.feedback_records.confirmed(similar.world.guild.id)
    )
    assert confirmed.by_moderator == (label == DUPLICATE)
    [edited] = similar.said_in(post)
    action = "solved" if label == SOLVED_IT else "duplicate"
    assert edited.content.startswith(unasked_buttons.CHOSEN[action].english)
    assert TITLE in edited.content
    assert (await similar.states())[-1] == "done"


async def test_choice_of_somebody_unquoted_records_no_words(similar: Helped) -> None:
    asker_id = similar.world.member.id
    await similar.world.core(lambda core: core.store.quote_opt_outs.withhold(asker_id))
    _, message = await offered(similar)
    assert (
        await chosen(similar.world.moderator, message) == unasked_buttons.THANKS_FOR_SOLVED.english
    )
    assert "Hail" not in await similar.words()


async def test_a_deleted_post_takes_its_choice_along(similar: Helped) -> None:
    post, message = await offered(similar)
    await chosen(similar.world.member, message)
    assert "Hail" in await similar.words()
    similar.world.env.backend.delete_channel(post.id)
    await similar.world.env.settle()
    assert "Hail" not in await similar.words()


async def test_only_asker_and_helpers_choose(similar: Helped) -> None:
    world = similar.world
    post, message = await offered(similar)
    for actor, label, refusal in (
        (world.second_member, SOLVED_IT, unasked_buttons.NOT_FOR_YOU),
        (world.second_member, DISMISS, unasked_buttons.NOT_FOR_YOU),
        (world.second_member, DUPLICATE, NOT_A_HELPER),
        (world.member, DUPLICATE, NOT_A_HELPER),
    ):
        assert said(await actor.click(message, label=label)) == refusal.english
    assert len(similar.said_in(post)) == 1
    listed = await world.moderator.click(message, label=DUPLICATE)
    world.demote(world.moderator)
    await world.env.settle()
    assert listed.response is not None
    [select] = custom_ids(listed.response)
    late = await world.moderator.select(listed.response, ["0"], custom_id=select)
    assert said(late) == NOT_A_HELPER.english
    assert await world.core(lambda core: core.store.question_records.judged_helpful()) == []


async def test_dismissed_message_goes_with_its_choice(similar: Helped) -> None:
    post, message = await offered(similar)
    await chosen(similar.world.member, message)
    told = said(await similar.world.member.click(message, label=DISMISS))
    assert told == unasked_buttons.DISMISSED.english
    assert similar.said_in(post) == []
    guild_id = similar.world.guild.id
    assert (
        await similar.world.core(lambda core: core.store.feedback_records.confirmed(guild_id)) == []
    )


async def test_choice_that_was_deleted_meanwhile_is_said(similar: Helped) -> None:
    _, message = await offered(similar)
    similar.world.env.backend.delete_channel(similar.forum.threads[0].id)
    await similar.world.env.settle()
    await read(similar.world)
    told = said(await similar.world.member.click(message, label=SOLVED_IT))
    assert told == unasked_buttons.SIMILAR_GONE.english


async def test_note_is_read_and_chosen(similar: Helped) -> None:
    world = similar.world
    await world.add_note(TITLE, f"{ASKED} A geodesic tent holds up well.")
    _, message = await offered(similar)
    assert message.content.splitlines()[1] == f"- **{TITLE}**"
    shown = said(
        await world.second_member.click(
            message, label=unasked_buttons.SIMILAR_LABELS["read"].english
        )
    )
    assert "A geodesic tent holds up well" in shown
    assert await chosen(world.member, message) == unasked_buttons.THANKS_FOR_SOLVED.english
    [judged] = await world.core(lambda core: core.store.question_records.judged_helpful())
    assert judged.hits[0].document_id.startswith("note:")


async def test_an_unchosen_offer_is_a_gap_until_chosen(similar: Helped) -> None:
    world = similar.world
    _, message = await offered(similar)
    await similar.a_day_later()
    assert len(await world.gaps(world.guild.id)) == 1
    await chosen(world.moderator, message)
    assert await world.gaps(world.guild.id) == []


# Kills.


async def test_an_offer_before_a_kill_is_found(similar: Helped, new_bot: NewBot) -> None:
    post, message = await offered(similar)
    # The process ended after Discord took the message, and before its id was recorded.
    await similar.forget_offer()
    await similar.world.start_again(new_bot)
    await part(similar.world.bot, UnaskedCog).round()
    await similar.world.env.settle()
    assert [one.id for one in similar.said_in(post)] == [message.id]
    assert (await similar.states())[-1] == "watched"
    assert await chosen(similar.world.member, message) == unasked_buttons.THANKS_FOR_SOLVED.english


async def test_a_recorded_offer_survives_a_kill(similar: Helped, new_bot: NewBot) -> None:
    fail(similar.world, "POST", "/channels/*/messages", (403, 200000))
    post = await similar.forum.post(ASKED_TITLE, ASKED)
    assert (similar.said_in(post), (await similar.states())[-1]) == ([], "waiting")
    await similar.world.start_again(new_bot)
    await part(similar.world.bot, UnaskedCog).round()
    await similar.world.env.settle()
    [message] = similar.said_in(post)
    assert TITLE in message.content
    assert (await similar.states())[-1] == "watched"
